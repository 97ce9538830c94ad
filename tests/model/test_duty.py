"""What a guard calls for: never a word to the venue that nobody asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadman.model import facts
from deadman.model.duty import Duty, duty, fact_of, in_force, means, trip_pace, trip_ready
from deadman.model.errors import Reason, Refused, Setback, SwitchOff, Unavailable, VenueError
from deadman.model.facts import TRIP_PATIENCE, Cause, Fact
from deadman.model.guard import Guard
from deadman.model.proof import Coverage, Proof
from deadman.model.settings import Account, OnTrip, Selection, Terms
from tests.support.boards import deribit, sxbet
from tests.support.histories import OVERDUE, History, fold, histories

DESK = deribit("desk", "quoter")
MAKER = sxbet("maker", "quoter")
V2 = replace(MAKER, api="v2", requestor="0x0", on_trip="expire")
accounts = st.sampled_from([DESK, MAKER, V2, replace(DESK, observe=True), replace(MAKER, observe=True)])

OPENED = facts.SessionOpened(0.0, can_cancel=True)
PROVEN = facts.Proven(0.25, Proof(0.0, 10.0, Coverage.LEASE))
AWAITED = facts.Awaited(0.0)
SILENT = facts.Tripped(1.0, Cause.SILENCE, "quoter")
GONE = facts.TripDone(2.0, presumed=False)
DISARMED = facts.Disarmed(2.0, "alice")
OBEYED = facts.DisarmConfirmed(2.0)
PULLED = facts.Tripped(3.0, Cause.OPERATOR, "alice")

CASES: dict[str, tuple[list[Fact], Duty, Duty]] = {
    "nothing yet": ([], Duty.PROVE, Duty.PROVE),
    "proven": ([OPENED, PROVEN], Duty.PROVE, Duty.PROVE),
    "no bot yet": ([AWAITED], Duty.PROVE, Duty.REST),
    "the switch is off": ([OPENED, facts.FoundOff(1.0, "")], Duty.PROVE, Duty.PROVE),
    "rejected": ([facts.TurnedAway(1.0, Reason.SCOPE, "")], Duty.PROVE, Duty.PROVE),
    "tripping": ([OPENED, PROVEN, SILENT], Duty.CANCEL, Duty.CANCEL),
    "tripping with no bot": ([OPENED, SILENT, AWAITED], Duty.CANCEL, Duty.CANCEL),
    "tripped": ([OPENED, PROVEN, SILENT, GONE], Duty.PROVE, Duty.REST),
    "disarmed just now": ([OPENED, PROVEN, DISARMED], Duty.DISARM, Duty.DISARM),
    "disarmed during a trip": ([OPENED, SILENT, DISARMED], Duty.DISARM, Duty.DISARM),
    "disarmed for good": ([OPENED, PROVEN, DISARMED, OBEYED], Duty.REST, Duty.REST),
    "disarmed, then tripped by hand": ([OPENED, DISARMED, OBEYED, PULLED], Duty.CANCEL, Duty.CANCEL),
}
"""What happened, and what it calls for on Deribit and on SX Bet."""


@pytest.mark.parametrize("case", CASES)
def test_each_state_calls_for_one_thing(case: str) -> None:
    history, on_deribit, on_sxbet = CASES[case]
    assert duty(fold(history), DESK) is on_deribit
    assert duty(fold(history), MAKER) is on_sxbet


@given(histories, accounts)
def test_a_disarm_is_sent_only_on_an_operators_word(history: History, account: Account) -> None:
    guard = fold(history)
    asked = guard.disarm is not None and not guard.disarm_confirmed and not account.observe
    assert (duty(guard, account) is Duty.DISARM) is asked
    assert guard.disarm is None or any(isinstance(fact, facts.Disarmed) for fact in history)


@given(histories, accounts)
def test_a_cancel_is_sent_only_for_a_trip_under_way(history: History, account: Account) -> None:
    guard = fold(history)
    under_way = guard.trip is not None and guard.trip.done_at is None
    assert (duty(guard, account) is Duty.CANCEL) is (under_way and guard.disarm is None and not account.observe)


@given(histories)
def test_no_lease_is_taken_for_a_bot_that_is_not_up_nor_for_one_that_was_tripped(history: History) -> None:
    guard = fold(history)
    assert (duty(guard, MAKER) is Duty.PROVE) is (not guard.awaited and guard.trip is None and guard.disarm is None)


@given(histories)
def test_an_observed_account_is_only_looked_at(history: History) -> None:
    assert duty(fold(history), replace(DESK, observe=True)) is Duty.PROVE


@pytest.mark.parametrize(
    ("account", "by_silence", "by_hand"),
    [
        (DESK, "cancel", "cancel"),
        (replace(DESK, on_trip="none"), "cancel", "cancel"),
        (MAKER, "cancel", "cancel"),
        (replace(MAKER, on_trip="lapse"), "lapse", "cancel"),
        (replace(MAKER, on_trip="expire"), "expire", "cancel"),
        (V2, "expire", "expire"),
        (replace(V2, on_trip="lapse"), "lapse", "expire"),
    ],
)
def test_an_operators_trip_always_cancels_by_the_strongest_means(
    account: Account, by_silence: OnTrip, by_hand: OnTrip
) -> None:
    for cause in Cause:
        assert means(account, cause) == (by_hand if cause is Cause.OPERATOR else by_silence)


WATCHED = replace(DESK, on_trip="cancel")
READ_ONLY = facts.SessionOpened(0.0, can_cancel=False)


@pytest.mark.parametrize(
    ("account", "history", "ready"),
    [
        (WATCHED, (), False),
        (WATCHED, (OPENED,), True),
        (WATCHED, (READ_ONLY,), False),
        (replace(DESK, on_trip="none"), (READ_ONLY,), True),
        (replace(DESK, on_trip="none"), (READ_ONLY, PULLED), False),
        (replace(WATCHED, observe=True), (), True),
        (MAKER, (), False),
        (MAKER, (OPENED,), True),
        (replace(MAKER, on_trip="lapse"), (), True),
        (V2, (READ_ONLY,), True),
        (V2, (), False),
        (V2, (READ_ONLY, SILENT), True),
    ],
)
def test_a_trip_is_ready_by_what_it_would_send(account: Account, history: tuple[Fact, ...], ready: bool) -> None:
    guard = Guard(OVERDUE)
    for fact in history:
        guard = guard.post(fact)
    assert trip_ready(guard, account) is ready


@pytest.mark.parametrize("terms", [None, Terms("lapse", Selection())])
def test_an_account_that_is_only_observed_since_is_kept_as_before_until_its_trip_is_done(terms: Terms | None) -> None:
    seen = replace(MAKER, observe=True, on_trip="none")
    pulled = fold([OPENED, replace(SILENT, terms=terms)])
    assert in_force(seen, pulled) == replace(seen, observe=False, on_trip="lapse" if terms else "none")
    for guard in (fold([OPENED]), fold([OPENED, SILENT, GONE]), fold([OPENED, SILENT, DISARMED])):
        assert in_force(seen, guard) == seen


def test_after_a_minute_of_cancelling_it_stops_hammering() -> None:
    assert trip_pace(0.0) < 1.0
    assert trip_pace(TRIP_PATIENCE) >= 5.0
    assert trip_pace(TRIP_PATIENCE, took=80.0) >= 80.0
    assert TRIP_PATIENCE == 60.0


@pytest.mark.parametrize(
    ("error", "fact"),
    [
        (Unavailable(Reason.CLOSED, "gone"), facts.Lost(7.0, Reason.CLOSED, "gone")),
        (Setback(Reason.VENUE_ERROR, "later"), facts.Failed(7.0, Reason.VENUE_ERROR, "later")),
        (Refused(Reason.SCOPE, "no"), facts.TurnedAway(7.0, Reason.SCOPE, "no")),
        (SwitchOff(Reason.VENUE_ERROR, "off"), facts.FoundOff(7.0, "off")),
    ],
)
def test_each_failure_says_something_else_of_the_account(error: VenueError, fact: Fact) -> None:
    assert fact_of(error, 7.0) == fact


def test_a_fresh_account_is_proven_first() -> None:
    assert duty(Guard(OVERDUE), DESK) is Duty.PROVE
