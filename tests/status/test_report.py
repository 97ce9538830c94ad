"""The answer of `status`: its names, JSON's own types, unknown as null."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.drill import DrillBegun, DrillEnded
from deadman.model.duty import Duty
from deadman.model.errors import Reason
from deadman.model.facts import Cause, Fact
from deadman.model.identity import Identity
from deadman.model.proof import Coverage, Proof
from deadman.model.secret import SecretSource
from deadman.model.sight import Line, Sight, Witness
from deadman.model.watch import Hold, Sender, Watch
from deadman.status.page import page
from deadman.status.report import report, standing_report
from deadman.status.schema import AccountReport, Mismatch, StatusReport, from_json, to_json
from deadman.status.screen import Paper, screen
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount
from tests.support.boards import deribit, hand

EPOCH = 1_763_449_920.0
NOW = 100.0
DESK = DeribitAccount("desk", "testnet", "wss://venue", watches=("quoter",), on_trip="cancel")
SX = SxBetAccount("maker", "mainnet", "https://venue", "v3", SecretSource("env", "KEY"), watches=("quoter",))
PROVEN = facts.Proven(90.0, Proof(90.0, 65.0, Coverage.INHERITED))


def board(*history: Fact) -> Board:
    made = Board.new(Clock(lambda: NOW, lambda: EPOCH + NOW))
    made.add(DESK)
    made.add(SX)
    for fact in history:
        made.post("desk", fact)
    return made


def desk(*history: Fact) -> dict[str, Any]:
    answer: dict[str, Any] = to_json(report(board(*history)).accounts["desk"])
    return answer


def test_the_answer_survives_json_in_every_state() -> None:
    trip = facts.Tripped(99.0, Cause.SILENCE, "quoter")
    disarm = facts.Disarmed(99.5, "alice", "lunch", 400.0)
    for history in ((), (PROVEN,), (PROVEN, trip), (PROVEN, trip, disarm), (facts.Lost(95.0, Reason.DNS),)):
        told = report(board(*history))
        answer = json.loads(json.dumps(to_json(told), allow_nan=False))
        assert answer == to_json(told)
        assert from_json(StatusReport, answer) == told


def test_an_account_has_every_name_of_the_contract() -> None:
    names = "venue network phase protected wanted can_cancel margin since last_proof open_orders watches"
    assert set(names.split()) | {"if_bot_dies", "if_host_dies"} <= set(desk())
    assert set(desk()["if_bot_dies"]) == {"orders", "within", "because"}


def test_accounts_come_in_the_order_of_the_config() -> None:
    assert list(report(board()).accounts) == ["desk", "maker"]


def test_what_is_unknown_is_null() -> None:
    answer = desk()
    unknown = ("last_proof", "expiry", "covered_since", "open_orders", "open_orders_at", "trouble", "trip", "disarm")
    assert [answer[name] for name in unknown] == [None] * len(unknown)


def test_instants_are_unix_seconds_and_spans_are_seconds() -> None:
    answer = desk(facts.SessionOpened(89.0, can_cancel=True), PROVEN)
    assert answer["last_proof"] == EPOCH + 90
    assert answer["expiry"] == EPOCH + 155
    assert answer["covered_since"] == EPOCH + 90
    assert answer["margin"] == 55


def test_a_tripped_account_still_tells_its_proof_but_no_margin() -> None:
    answer = desk(PROVEN, facts.Tripped(99.0, Cause.SILENCE, "quoter", "silent"))
    assert (answer["protected"], answer["margin"], answer["last_proof"]) == (False, 0, EPOCH + 90)


def test_orders_counted_before_an_outage_are_not_told_as_if_counted_now() -> None:
    session = facts.SessionOpened(89.0, can_cancel=True)
    assert desk(session, facts.OrdersCounted(90.0, 4))["open_orders"] == 4
    assert desk(session, facts.OrdersCounted(90.0, 4), facts.SessionClosed(95.0))["open_orders"] == 4
    assert desk(session, facts.OrdersCounted(90.0, 4), facts.Lost(95.0, Reason.DNS))["open_orders"] is None


def test_a_count_of_orders_tells_when_the_venue_listed_them() -> None:
    session, counted = facts.SessionOpened(89.0, can_cancel=True), facts.OrdersCounted(90.0, 4)
    trip = facts.Tripped(96.0, Cause.SILENCE, "quoter", "silent")
    assert desk(session, counted)["open_orders_at"] == EPOCH + 90
    assert desk(session, counted, trip, facts.RoundDone(98.5, 4, 0))["open_orders_at"] == EPOCH + 98.5
    assert desk(session, counted, facts.Lost(95.0, Reason.DNS))["open_orders_at"] is None


def test_a_list_that_cannot_be_read_leaves_the_last_count_with_its_age() -> None:
    session, counted = facts.SessionOpened(89.0, can_cancel=True), facts.OrdersCounted(90.0, 4)
    trip = facts.Tripped(96.0, Cause.SILENCE, "quoter", "silent")
    unread = facts.OrdersCounted(92.0, None), trip, facts.RoundDone(98.5, 0, None)
    told = desk(session, counted, *unread)
    assert (told["open_orders"], told["open_orders_at"]) == (4, EPOCH + 90)
    gone = desk(session, counted, *unread, facts.TripDone(99.0, presumed=True))
    assert (gone["open_orders"], gone["open_orders_at"]) == (None, None)
    assert desk(session, *unread)["open_orders"] is None


def test_a_trip_tells_cause_rounds_and_what_remains() -> None:
    trip = desk(facts.Tripped(99.0, Cause.SILENCE, "quoter", "silent"), facts.RoundDone(99.5, 4, 1, 1, "no"))["trip"]
    assert trip == {
        "at": EPOCH + 99,
        "cause": "silence",
        "by": "quoter",
        "reason": "silent",
        "rounds": 1,
        "cancelled": 4,
        "remaining": 1,
        "done_at": None,
        "presumed": False,
        "resisting": 1,
        "resists_because": "no",
        "placed": 0,
        "placed_at": None,
        "fed": False,
    }


def test_a_disarm_tells_who_until_when_and_whether_the_venue_confirmed() -> None:
    said = desk(facts.Disarmed(99.0, "alice", "lunch", 400.0))["disarm"]
    assert said == {"at": EPOCH + 99, "by": "alice", "reason": "lunch", "until": EPOCH + 400, "confirmed": False}


def test_trouble_is_dated_and_named() -> None:
    trouble = desk(facts.Lost(95.0, Reason.DNS, "no such host"))["trouble"]
    assert trouble == {"reason": "dns", "detail": "no such host", "since": EPOCH + 95}


def test_a_watch_tells_its_life_its_sender_and_its_socket() -> None:
    made = board()
    made.put_watch(Watch("quoter", 5.0, 92.0, 92.0, 7, 1, Sender(4123, 1000), "quoting"))
    watch = to_json(report(made, Path("/run/deadman/watch"), lambda pid: pid == 4123).watches["quoter"])
    assert watch == {
        "host": False,
        "alive": False,
        "up": True,
        "silent": True,
        "goodbye_at": None,
        "silence": 8,
        "timeout": 5,
        "last_check_in": EPOCH + 92,
        "check_ins": 7,
        "ignored": 1,
        "pid": 4123,
        "uid": 1000,
        "process_gone": True,
        "status": "quoting",
        "held": False,
        "hold": None,
        "path": "/run/deadman/watch/quoter.sock",
    }


def test_a_hold_is_told_while_it_lasts_and_not_after() -> None:
    made = board()
    for until, told in ((NOW + 1, {"until": EPOCH + 101, "by": "alice", "reason": "deploy"}), (NOW - 1, None)):
        made.put_watch(replace(Watch("quoter", 5.0), hold=Hold(until, "alice", "deploy")))
        assert to_json(report(made).watches["quoter"].hold) == told


def test_a_process_never_heard_of_is_not_called_gone() -> None:
    made = board()
    made.put_watch(Watch("quoter", 5.0))
    watch = to_json(report(made, is_gone=lambda pid: True).watches["quoter"])
    assert (watch["process_gone"], watch["silence"], watch["last_check_in"]) == (False, None, None)


def test_another_versions_answer_is_read_where_it_says_more_and_refused_in_words_where_it_says_less() -> None:
    answer = to_json(report(board(PROVEN)))
    answer["accounts"]["desk"]["news"] = "of a later version"
    assert from_json(StatusReport, answer) == report(board(PROVEN))
    del answer["accounts"]["desk"]["margin"]
    with pytest.raises(Mismatch, match="desk lacks margin"):
        from_json(StatusReport, answer)
    answer = to_json(report(board(PROVEN)))
    answer["accounts"]["desk"]["phase"] = "napping"
    with pytest.raises(Mismatch, match="phase is 'napping'"):
        from_json(StatusReport, answer)


def test_what_is_asked_of_a_venue_is_told() -> None:
    assert report(board()).accounts["desk"].duty == "prove"
    assert report(board(facts.Disarmed(99.0, "alice"))).accounts["desk"].duty == "disarm"
    assert {one.name.lower() for one in Duty} == set(get_args(get_type_hints(AccountReport)["duty"]))


def test_an_account_in_the_middle_of_its_day_is_told_in_full() -> None:
    told = desk(
        facts.SessionOpened(40.0, can_cancel=True),
        facts.Proven(50.25, Proof(50.0, 65.0, Coverage.INHERITED)),
        facts.OrdersCounted(60.0, 39),
        facts.Lost(70.0, Reason.CLOSED, "reset"),
        facts.SessionOpened(80.0, can_cancel=True),
        facts.Proven(90.5, Proof(90.0, 65.1234, Coverage.INHERITED)),
        facts.OrdersCounted(95.0, 0),
        facts.Failed(96.0, Reason.VENUE_ERROR, "settlement"),
    )
    assert {name: value for name, value in told.items() if not name.startswith("if_")} == {
        "venue": "deribit",
        "venue_title": "Deribit",
        "network": "testnet",
        "observe": False,
        "on_trip": "cancel",
        "cancels_only": None,
        "phase": "degraded",
        "duty": "prove",
        "protected": True,
        "wanted": True,
        "can_cancel": True,
        "trip_ready": True,
        "connected": True,
        "margin": 55.123,
        "since": EPOCH + 100,
        "last_proof": EPOCH + 90,
        "expiry": EPOCH + 155.123,
        "coverage": "inherited",
        "covered_since": EPOCH + 50,
        "lease_end": None,
        "undone_until": None,
        "open_orders": 0,
        "open_orders_at": EPOCH + 95,
        "orders_unsure": False,
        "gone_unseen": {"at": EPOCH + 95, "orders": 39, "listed_at": EPOCH + 60, "lapsed": False},
        "trouble": {"reason": "venue_error", "detail": "settlement", "since": EPOCH + 96},
        "trip": None,
        "disarm": None,
        "set_aside": None,
        "drill": None,
        "drilling": None,
        "drill_left": None,
        "watches": ["quoter"],
        "unmet": [],
        "outliving": [],
        "witness_of": None,
        "sight": None,
        "witnesses": [],
    }


TRIP = facts.Tripped(50.0, Cause.SILENCE, "quoter")
KEPT: dict[str, tuple[list[Fact], str]] = {
    "proven": ([PROVEN], "what was proven of it"),
    "disarmed": ([facts.Disarmed(60.0, "alice")], "a disarm"),
    "tripping": ([TRIP], "a trip not carried to zero"),
    "tripped": ([TRIP, facts.TripDone(60.0, presumed=False)], "a trip"),
}


@pytest.mark.parametrize(("history", "kept"), KEPT.values(), ids=KEPT)
def test_what_is_kept_of_another_account_of_this_name_is_named(history: list[Fact], kept: str) -> None:
    other = facts.TakenOn(80.0, Identity(DESK.place, "another"), DESK.terms)
    words = f"kept from when this name stood for another key, not acted upon: {kept}"
    assert desk(*history, other)["set_aside"] == words


def test_a_trip_that_something_feeds_says_so_and_since_when() -> None:
    rounds = [facts.RoundDone(at, 1, left, listed=frozenset(names)) for at, left, names in FED]
    trip = desk(facts.Tripped(90.0, Cause.OPERATOR, "alice"), *rounds)["trip"]
    assert (trip["placed"], trip["placed_at"], trip["fed"], trip["rounds"]) == (2, EPOCH + 98, True, 3)
    done = desk(facts.Tripped(90.0, Cause.OPERATOR, "alice"), facts.TripDone(97.0, presumed=True))["trip"]
    assert (done["done_at"], done["presumed"], done["fed"], done["placed_at"]) == (EPOCH + 97, True, False, None)


FED = [(91.0, 2, "ab"), (98.0, 3, "bcd"), (99.0, 1, "b")]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, (True, True, False, None, False)),
        ({"died_at": 99.5}, (False, True, True, None, False)),
        ({"counted_from": 94.0}, (False, True, True, None, False)),
        ({"counted_from": 94.0, "stopping_at": 99.0}, (False, True, False, None, False)),
        ({"counted_from": None}, (False, False, False, None, False)),
        ({"died_at": 99.0, "goodbye_at": 99.0}, (False, False, False, EPOCH + 99, False)),
        ({"counted_from": 94.0, "hold": Hold(101.0, "alice")}, (True, True, False, None, True)),
    ],
)
def test_who_is_up_and_who_is_silent(changed: dict[str, Any], told: tuple[object, ...]) -> None:
    made = board()
    made.put_watch(replace(Watch("quoter", 5.0, 98.0, 98.0, 7), **changed))
    watch = report(made).watches["quoter"]
    assert (watch.alive, watch.up, watch.silent, watch.goodbye_at, watch.held) == told
    assert (watch.silence, watch.path, watch.pid, watch.uid, watch.process_gone) == (2.0, None, None, None, False)


STANDBY = DeribitAccount("standby", "testnet", "wss://venue", on_trip="cancel", witness_of="alpha/desk")


def test_what_a_witness_sees_is_told_in_full() -> None:
    made = Board.new(Clock(lambda: NOW, lambda: EPOCH + NOW))
    made.add(STANDBY)
    sight = Sight("alpha", 15.0, 98.0, 97.0, 96.0, "etcd is full", "not heard", ("the same key",), DESK.terms)
    made.post("standby", facts.Sighted(98.0, sight))
    told = to_json(report(made).accounts["standby"])
    assert told["sight"] == {
        "desk": "alpha",
        "timeout": 15.0,
        "heard_at": EPOCH + 97,
        "blind_since": EPOCH + 96,
        "blind_because": "etcd is full",
        "awaits": "not heard",
        "faults": ["the same key"],
    }
    assert told["witness_of"] == "alpha/desk"
    assert told["if_bot_dies"]["because"].startswith("This witness does not stand by")
    assert told["if_host_dies"]["because"].startswith("This witness does not stand by")


def test_who_watches_over_an_account_is_told_in_full_and_what_they_would_do() -> None:
    bravo = Witness("bravo", 97.0, 15.0, True, "armed", False, 3, "not heard", ("on this machine",))
    stopped = Witness("carol", None, 15.0, True, "disarmed", True)
    told = desk(facts.SessionOpened(40.0, True), PROVEN, facts.Witnessed(99.0, (bravo, stopped)))
    assert told["witnesses"] == [
        {
            "name": "bravo",
            "heard_at": EPOCH + 97,
            "heard": True,
            "can_cancel": True,
            "phase": "armed",
            "stopped": False,
            "cancelled": 3,
            "because": "not heard",
            "faults": ["on this machine"],
        },
        {
            "name": "carol",
            "heard_at": None,
            "heard": False,
            "can_cancel": False,
            "phase": "disarmed",
            "stopped": True,
            "cancelled": None,
            "because": "",
            "faults": [],
        },
    ]
    assert told["if_host_dies"]["because"] == "Witness bravo cancels once this host is not heard."
    assert told["if_host_dies"]["orders"] == "gone"


def test_a_drill_is_told_while_it_is_under_way_and_after_it() -> None:
    begun = DrillBegun(90.0, "d-1", "alice", 160.0)
    under_way = desk(PROVEN, begun)
    assert (under_way["drilling"], under_way["drill"], under_way["drill_left"]) == ("alice", None, None)
    done = desk(PROVEN, begun, DrillEnded(95.0, "passed", "cancelled by its switch", 0.4, "d-1", "unanswered"))
    assert (done["drilling"], done["drill_left"]) == (None, begun.remains)
    assert done["drill"] == {"at": EPOCH + 95, "passed": True, "seconds": 0.4, "why": "cancelled by its switch"}


def test_our_line_to_the_witnesses_is_told_where_there_is_one() -> None:
    made = board()
    assert report(made).cluster is None
    made.put_line("alpha", Line(1))
    assert report(made).cluster is None, "of another part"
    made.put_line("", Line(1, 2, 0.0, 95.0, "refused", 90.0))
    assert to_json(report(made).cluster) == {
        "failing_since": EPOCH + 95,
        "because": "refused",
        "foreign_at": EPOCH + 90,
    }


def test_so_many_of_the_latest_events_are_told_as_are_asked_for() -> None:
    made = board()
    for number in range(30):
        made.note("reloaded", str(number))
    assert [event.text for event in report(made).events] == [str(number) for number in range(10, 30)]
    assert [event.text for event in report(made, events=2).events] == ["28", "29"]
    assert report(made, events=0).events == ()


def test_bots_come_by_name_and_hosts_have_no_socket() -> None:
    made = board()
    made.put_watch(Watch("zebra", 5.0))
    made.put_watch(Watch("alpha", 15.0, 90.0, None, seen_until=99.0))
    told = report(made, Path("/run/deadman/watch")).watches
    assert list(told) == ["alpha", "zebra"]
    assert (told["alpha"].host, told["alpha"].path, told["alpha"].silence) == (True, None, 10.0)
    assert (told["zebra"].host, told["zebra"].path) == (False, "/run/deadman/watch/zebra.sock")


def test_an_account_as_it_was_judged_last_is_told_as_of_then() -> None:
    moment = [90.0]
    made = Board.new(Clock(lambda: moment[0], lambda: EPOCH + moment[0]))
    made.add(DESK)
    made.post("desk", PROVEN)
    earlier, moment[0] = made.standings()["desk"], 170.0
    told = standing_report(made, "desk", earlier)
    assert (told.phase, told.since, told.margin) == ("degraded", EPOCH + 90, 65.0)
    assert report(made).accounts["desk"].phase == "unverified"


def test_a_start_that_takes_long_says_how_far_it_is_until_every_account_has_an_outcome() -> None:
    held = hand(*(deribit(f"desk-{number:03}") for number in range(300)))
    held.arm("desk-000")
    held.stall(4.9)
    assert report(held.board).start is None
    held.stall(0.1)
    told = report(held.board)
    words = "1 of 300 proven, about 40 s to go: Deribit is asked at most 15 times a second from one address"
    assert told.start == words
    assert from_json(StatusReport, to_json(told)) == told
    assert f"LOOK still starting: {words}" in " ".join(" ".join(screen(told, Paper(200))).split())
    assert f"still starting: {words}" in page(told, 0.0)
    for account in held.board.configs:
        held.arm(account)
    assert report(held.board).start is None
