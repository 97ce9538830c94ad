"""What the log says of an account's life: once, dated right, in words about the orders."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from deadman.model import facts
from deadman.model.errors import Reason
from deadman.model.facts import Cause
from deadman.model.guard import Phase
from deadman.telemetry.transitions import transitions
from tests.support.boards import NOON, Hand, deribit, hand, sxbet


@pytest.fixture
def desk(caplog: pytest.LogCaptureFixture) -> Hand:
    caplog.set_level(logging.DEBUG)
    held = hand(deribit("desk", "quoter"), sxbet("maker", "quoter"))
    held.board.listen(transitions(held.board))
    return held


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def test_a_transition_is_one_line_and_a_fact_that_changes_nothing_is_none(
    desk: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    desk.post("desk", facts.SessionOpened(desk.now, True), facts.Answered(desk.now, 0.1), facts.Erred(desk.now, "1"))
    assert told(caplog) == [("INFO", "desk: CONNECTING -> ARMING: in session, not armed yet; nothing is proven")]


def test_arming_says_how_long_it_is_good_for(desk: Hand, caplog: pytest.LogCaptureFixture) -> None:
    desk.arm("maker", ttl=30.0)
    level, line = told(caplog)[-1]
    assert level == "INFO"
    assert line == "maker: ARMING -> ARMED: the venue cancels its orders unless we renew; good for 30 s"


def test_a_session_that_ends_in_time_is_no_renewal_that_is_overdue(
    desk: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    """As at every stop of the daemon, which tells nobody to wait for a renewal then."""
    desk.arm("maker", ttl=30.0)
    desk.post("maker", facts.SessionClosed(desk.now))
    assert told(caplog)[-1][1] == "maker: ARMED -> DEGRADED: its session is over; the last proof is good for 30 s"


def test_a_switch_found_off_is_an_error_that_says_the_orders_stay(desk: Hand, caplog: pytest.LogCaptureFixture) -> None:
    desk.arm("desk", ttl=65.0)
    desk.expose("desk", "the venue reads it back as off")
    assert told(caplog)[-1] == (
        "ERROR",
        "desk: ARMED -> EXPOSED (switch off): the venue reads it back as off: the venue would not cancel its orders",
    )


def test_orders_that_nothing_guards_are_counted_in_the_sentence(desk: Hand, caplog: pytest.LogCaptureFixture) -> None:
    desk.arm("desk", ttl=65.0)
    desk.post("desk", facts.OrdersCounted(desk.now, 3))
    desk.advance(40.0)
    desk.expose("desk", "off")
    assert told(caplog)[-1][1].endswith(": the venue would not cancel its orders; 3 orders open (40 s ago)")


def test_an_expiry_is_dated_when_it_came_true_and_not_when_a_stalled_loop_noticed(
    desk: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    desk.arm("maker", ttl=30.0)
    desk.advance(300.0)
    found = {vars(record)["phase"]: vars(record) for record in caplog.records}
    assert found["degraded"]["at"] == pytest.approx(NOON + 15.0)
    assert found["expired"]["at"] == pytest.approx(NOON + 30.0)
    assert found["expired"]["levelname"] == "ERROR"
    assert "presumed cancelled" in found["expired"]["message"]
    assert [vars(record)["phase"] for record in caplog.records] == ["arming", "armed", "degraded", "expired"]


def test_a_trouble_under_a_trip_is_told_itself(desk: Hand, caplog: pytest.LogCaptureFixture) -> None:
    desk.arm("desk", ttl=65.0)
    desk.post("desk", facts.Tripped(desk.now, Cause.OPERATOR, "root"))
    desk.post("desk", facts.Lost(desk.now, Reason.CONNECT, "nobody listens at 192.0.2.1:443"))
    assert told(caplog)[-1] == (
        "WARNING",
        "desk: TRIPPING, in trouble (nobody listens at 192.0.2.1:443): tripped by root: its orders are being cancelled",
    )


def test_a_proof_that_runs_out_under_a_refusal_is_told_though_the_phase_stays(
    desk: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    desk.arm("maker", ttl=30.0)
    desk.refuse("maker", "invalid key")
    assert told(caplog)[-1] == (
        "WARNING",
        "maker: ARMED -> REFUSED (rejected by venue): invalid key; the last proof is good for 30 s",
    )
    desk.advance(31.0)
    assert told(caplog)[-1] == (
        "ERROR",
        "maker: REFUSED (rejected by venue), the last proof ran out: invalid key; "
        "nothing is proven: whether its orders would be cancelled is unknown",
    )
    assert vars(caplog.records[-1])["event"] == "proof_ran_out"
    desk.advance(100.0)
    assert len([record for record in caplog.records if vars(record)["event"] == "proof_ran_out"]) == 1


def test_a_trip_tells_who_why_and_what_became_of_the_orders(desk: Hand, caplog: pytest.LogCaptureFixture) -> None:
    desk.arm("desk")
    desk.post("desk", facts.Tripped(desk.now, Cause.SILENCE, "quoter", "silent 5 s"))
    desk.post("desk", facts.RoundDone(desk.now, 4, 0), facts.TripDone(desk.now, False))
    assert told(caplog)[-2:] == [
        (
            "WARNING",
            "desk: ARMED -> TRIPPING: tripped by the silence of quoter (silent 5 s): its orders are being cancelled",
        ),
        (
            "INFO",
            "desk: TRIPPING -> TRIPPED: tripped by the silence of quoter (silent 5 s): "
            "orders gone, 4 cancelled by deadman; positions are not closed",
        ),
    ]


@pytest.mark.parametrize(
    ("changed", "cause", "fate"),
    [
        ({"observe": True}, Cause.SILENCE, "its orders are being cancelled"),
        ({"on_trip": "lapse"}, Cause.SILENCE, "renewals have stopped"),
        ({"on_trip": "lapse"}, Cause.OPERATOR, "its orders are being cancelled"),
    ],
)
def test_a_trip_never_claims_a_cancel_that_is_not_sent(
    desk: Hand, caplog: pytest.LogCaptureFixture, changed: dict[str, object], cause: Cause, fate: str
) -> None:
    desk.board.add(replace(sxbet("maker"), **changed))  # type: ignore[arg-type]
    desk.post("maker", facts.Tripped(desk.now, cause, "quoter"))
    assert fate in told(caplog)[-1][1]


def test_a_disarm_tells_who_and_until_when(desk: Hand, caplog: pytest.LogCaptureFixture) -> None:
    desk.arm("desk")
    desk.post("desk", facts.Disarmed(desk.now, "alice", "upgrade", desk.now + 900))
    level, line = told(caplog)[-1]
    assert level == "WARNING"
    assert line.startswith("desk: ARMED -> DISARMED: by alice (upgrade): nothing is renewed, repaired or tripped until")
    assert line.endswith("08:15:00Z")


def test_every_phase_has_a_sentence(desk: Hand, caplog: pytest.LogCaptureFixture) -> None:
    desk.post("maker", facts.Awaited(desk.now))
    desk.post("maker", facts.BotSeen(desk.now))
    desk.arm("maker")
    desk.arm("desk", ttl=5.0)
    desk.post("maker", facts.Lost(desk.now, Reason.DNS, "no address"))
    desk.advance(60.0)
    desk.refuse("maker")
    desk.expose("maker")
    desk.post("maker", facts.Tripped(desk.now, Cause.OPERATOR, "alice"), facts.TripDone(desk.now, True))
    desk.post("maker", facts.Disarmed(desk.now, "alice"))
    seen = {vars(record)["phase"] for record in caplog.records} | {"connecting"}
    assert seen >= {str(phase) for phase in Phase}
    assert not [record for record in caplog.records if record.getMessage().endswith((": ", ":"))]
    assert {vars(record)["event"] for record in caplog.records} == {"transition"}


def test_a_trip_that_does_not_end_is_told_once_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    desk = hand(deribit("desk"))
    desk.board.listen(transitions(desk.board))
    desk.arm("desk")
    desk.post("desk", facts.Tripped(desk.now, facts.Cause.SILENCE, "quoter"))
    for each in range(200):
        desk.advance(0.5)
        desk.post("desk", facts.RoundDone(desk.now, 1, 2, listed=frozenset({str(each), str(each + 1)})))
    unfinished = [record for record in caplog.records if getattr(record, "event", "") == "trip_unfinished"]
    assert [record.levelname for record in unfinished] == ["ERROR"]
    assert "something keeps placing them" in unfinished[0].getMessage()


def test_orders_that_the_venue_itself_cancelled_are_told_of_with_their_number(
    desk: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    desk.arm("desk")
    desk.post("desk", facts.VenueFired(desk.now, 3), facts.Answered(desk.now, 0.1))
    level, line = told(caplog)[-1]
    assert (level, line.count("3 of its orders")) == ("WARNING", 1)
    assert sum("switch fired" in line for _, line in told(caplog)) == 1
