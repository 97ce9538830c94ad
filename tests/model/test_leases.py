"""What SX Bet may hold: the latest end of any lease, what may still undo one, and what has surely lapsed."""

from __future__ import annotations

from math import inf

import pytest

from deadman.model import facts
from deadman.model.duty import CUT_AGAIN, LAPSE_GRACE, cancel_method
from deadman.model.facts import Cause, Fact
from deadman.model.guard import Guard
from deadman.model.leases import ANSWERED_WITHIN, HEARD_WITHIN, Leases
from deadman.model.proof import Coverage, Proof
from deadman.model.settings import OnTrip
from tests.support.histories import fold
from tests.swarm.world.accounts import sxbet_account

OPENED = facts.SessionOpened(0.0, can_cancel=True)
LEASED: list[Fact] = [facts.Attempted(0.0, 10.0), facts.Proven(0.5, Proof(0.0, 10.0, Coverage.LEASE))]
"""Surely until 10.0, at the latest until 10.5."""

TRIPPED = facts.Tripped(5.0, Cause.SILENCE, "quoter")

TRIPPING: list[Fact] = [OPENED, *LEASED, TRIPPED]


def cut(at: float, ttl: float = 1.0, sure: float | None = 1.0, stands: bool | None = False) -> list[Fact]:
    return [facts.Attempted(at, 1.0), facts.LeaseGranted(at, at, ttl, sure, stands)]


def renewed(at: float, sure: float | None = 10.0) -> list[Fact]:
    return [facts.Attempted(at, 10.0), facts.LeaseGranted(at, at, 10.0, sure, True)]


def unanswered(at: float, ttl: float, given_up_at: float) -> list[Fact]:
    return [facts.Attempted(at, ttl), facts.LeaseGivenUp(given_up_at, at)]


@pytest.mark.parametrize(
    ("history", "now", "lapsed"),
    [
        ([*LEASED, TRIPPED], 10.4, False),
        ([*LEASED, TRIPPED], 10.5, True),
        ([*LEASED, TRIPPED], 99.0, True),
        ([*LEASED, TRIPPED, facts.RoundDone(10.4, 0, 2)], 10.6, True),
        ([*LEASED, TRIPPED, facts.RoundDone(10.5, 0, 2)], 10.6, False),
        ([*LEASED, TRIPPED, facts.OrdersCounted(12.0, 1)], 13.0, False),
        ([*LEASED, TRIPPED, facts.OrdersCounted(12.0, 0)], 13.0, True),
        ([*LEASED, TRIPPED, facts.RoundDone(12.0, 0, None)], 13.0, True),
        ([*LEASED, TRIPPED, facts.RoundDone(12.0, 0, 1), *cut(13.0)], 14.0, True),
        ([*LEASED, facts.Tripped(10.2, Cause.SILENCE, "quoter")], 99.0, False),
        ([TRIPPED], 99.0, False),
        ([TRIPPED, *cut(6.0)], 6.9, False),
        ([TRIPPED, *cut(6.0)], 7.0, True),
        ([TRIPPED, *cut(6.0, 5.0, None)], 99.0, False),
        ([TRIPPED, *cut(6.0, 5.0, None, True)], 10.9, False),
        ([TRIPPED, *cut(6.0, 5.0, None, True)], 11.0, True),
        ([TRIPPED, *cut(6.0, 5.0, None, None)], 99.0, False),
        ([*LEASED, TRIPPED, *cut(6.0, 3.0, None, True)], 10.4, False),
        ([*LEASED, TRIPPED, *cut(6.0, 3.0, None, True)], 10.5, True),
        ([*LEASED, TRIPPED, *cut(6.0, 3.0, None, None)], 10.5, True),
        ([*LEASED, TRIPPED, *cut(6.0, 3.0, None, False)], 99.0, False),
        ([*LEASED, TRIPPED, *cut(6.0, 9.0, None, True), *cut(7.0, 3.0, None, True)], 14.9, False),
        ([*LEASED, TRIPPED, *cut(6.0, 9.0, None, True), *cut(7.0, 3.0, None, True)], 15.0, True),
        ([*LEASED, TRIPPED, *unanswered(6.0, 1.0, 11.0)], 11.4, False),
        ([*LEASED, TRIPPED, *unanswered(6.0, 1.0, 11.0)], 11.5, True),
        ([*LEASED, TRIPPED, *unanswered(6.0, 1.0, 10.0), *unanswered(10.0, 1.0, 14.0)], 12.4, False),
        ([*LEASED, TRIPPED, *unanswered(6.0, 1.0, 10.0), *unanswered(10.0, 1.0, 14.0)], 12.5, True),
        ([*LEASED, *unanswered(3.0, 10.0, 4.0), TRIPPED], 4.0 + HEARD_WITHIN + 9.9, False),
        ([*LEASED, *unanswered(3.0, 10.0, 4.0), TRIPPED], 4.0 + HEARD_WITHIN + 10.0, True),
        ([*LEASED, facts.Attempted(4.0, 10.0), TRIPPED], 4.0 + ANSWERED_WITHIN + HEARD_WITHIN + 9.9, False),
        ([*LEASED, facts.Attempted(4.0, 10.0), facts.LeaseDenied(4.5, 4.0), TRIPPED], 10.5, True),
        ([*LEASED, facts.Doubted(4.0, "", 0.0), TRIPPED], 10.5, True),
        ([*LEASED, facts.Doubted(4.0, "", 60.0), TRIPPED], 99.0, False),
        ([facts.LeasePresumed(0.0, 10.0, 0.0), TRIPPED], 99.0, False),
        (LEASED, 99.0, False),
    ],
)
def test_a_trip_has_lapsed_when_a_lease_that_surely_stood_has_surely_ended(
    history: list[Fact], now: float, lapsed: bool
) -> None:
    assert fold([OPENED, *history]).lapsed(now) is lapsed


def test_cuts_that_nobody_ever_answers_do_not_put_off_the_end_of_their_own_trip() -> None:
    guard, now = fold(TRIPPING), 6.0
    while not guard.lapsed(now) and now < 300.0:
        guard, now = fold(unanswered(now, 1.0, now + 5.0), guard), now + 5.0
    assert now < 20.0
    assert guard.may_be_leased(now)


def test_a_lease_asked_for_when_nothing_earlier_can_be_heard_ends_the_doubt() -> None:
    late = 4.0 + HEARD_WITHIN
    renewed: list[Fact] = [facts.Attempted(late, 10.0), facts.Proven(late, Proof(late, 10.0, Coverage.LEASE))]
    assert fold([OPENED, *unanswered(3.0, 300.0, 4.0), *renewed]).lease_end == late + 10.0


@pytest.mark.parametrize("ttl", [0.0, 1.0])
def test_no_lease_is_claimed_that_an_unanswered_request_may_still_end(ttl: float) -> None:
    def renewed(at: float) -> list[Fact]:
        return [facts.Attempted(at, 10.0), facts.Proven(at, Proof(at, 10.0, Coverage.LEASE))]

    guard = fold([OPENED, *unanswered(3.0, ttl, 4.0), *renewed(4.0 + HEARD_WITHIN - 0.1)])
    assert not guard.protected(4.0 + HEARD_WITHIN)
    assert guard.leases.undone_until(10.0) == 4.0 + HEARD_WITHIN
    again = fold(renewed(4.0 + HEARD_WITHIN), guard)
    assert again.protected(4.0 + HEARD_WITHIN)


def test_of_two_answers_to_one_asking_the_longer_lease_may_be_held() -> None:
    proven = facts.Proven(1.0, Proof(0.0, 10.0, Coverage.LEASE))
    guard = fold([OPENED, facts.Attempted(0.0, 10.0), facts.LeaseGranted(0.5, 0.0, 1.0, 1.0), proven])
    assert guard.protected(9.0)
    assert guard.lease_end == 10.5


def test_a_shorter_lease_of_an_older_config_caps_the_claim() -> None:
    proven: list[Fact] = [facts.Attempted(5.0, 45.0), facts.Proven(5.0, Proof(5.0, 45.0, Coverage.LEASE))]
    assert fold([OPENED, *unanswered(3.0, 15.0, 4.0), *proven]).margin(5.0) == 15.0


def released(at: float, ttl: float = 0.0, sure: float | None = 0.0) -> list[Fact]:
    return [facts.Attempted(at, 0.0), facts.LeaseGranted(at, at, ttl, sure)]


@pytest.mark.parametrize(
    ("history", "let_go"),
    [
        ([*LEASED, *released(1.0)], True),
        ([*LEASED, *released(1.0, 5.0, None)], False),
        ([*LEASED, *released(1.0, 0.0, None)], False),
        ([*LEASED, *unanswered(1.0, 0.0, 2.0)], False),
        ([*unanswered(1.0, 0.0, 2.0), *released(3.0)], True),
        ([*unanswered(1.0, 10.0, 2.0), *released(3.0)], False),
        ([*unanswered(1.0, 10.0, 2.0), *released(2.0 + HEARD_WITHIN)], True),
        ([facts.LeasePresumed(0.0, 10.0, 0.0), *released(0.0)], True),
        ([facts.LeasePresumed(0.0, 10.0, 20.0), *released(19.9)], False),
        (LEASED, False),
        ([], False),
    ],
)
def test_a_lease_is_let_go_when_nothing_may_take_another_after_the_nought(history: list[Fact], let_go: bool) -> None:
    assert fold(history).leases.let_go is let_go


@pytest.mark.parametrize(
    ("history", "taken"),
    [
        ([], False),
        (LEASED, False),
        ([*LEASED, facts.Attempted(4.9, 10.0)], False),
        ([*LEASED, facts.Attempted(5.0, 10.0)], True),
        ([*LEASED, facts.Attempted(6.0, 0.0)], False),
        ([*LEASED, facts.Attempted(6.0, 10.0), facts.LeaseDenied(6.5, 6.0)], False),
        (cut(5.0), True),
        (cut(4.9), False),
        (released(6.0), False),
    ],
)
def test_a_lease_was_taken_since_when_one_may_have_been_asked_for(history: list[Fact], taken: bool) -> None:
    assert fold([OPENED, *history]).leases.taken_since(5.0) is taken


def test_a_day_of_outage_is_remembered_in_a_few_lines() -> None:
    leases = Leases()
    for number in range(10_000):
        leases = leases.ask(5.0 * number, 30.0).after(facts.LeaseGivenUp(5.0 * number + 4.0, 5.0 * number))
    assert len(leases.asked) == 1


@pytest.mark.parametrize(
    ("on_trip", "history", "now", "method"),
    [
        ("expire", [*LEASED, TRIPPED], 5.0, "expire"),
        ("expire", [*LEASED, TRIPPED, *cut(5.0)], 6.0 + CUT_AGAIN - 0.1, "lapse"),
        ("expire", [*LEASED, TRIPPED, *cut(5.0)], 6.0 + CUT_AGAIN, "expire"),
        ("expire", [*LEASED, TRIPPED, *unanswered(5.0, 1.0, 9.0)], 9.0, "expire"),
        ("expire", [*LEASED, TRIPPED, *cut(5.0, 8.0, None)], 13.0 + CUT_AGAIN - 0.1, "lapse"),
        ("expire", [*LEASED, *renewed(5.1), TRIPPED], 5.2, "expire"),
        ("expire", [*LEASED, *renewed(5.1, None), TRIPPED], 5.2, "expire"),
        ("lapse", [*LEASED, TRIPPED], 10.5 + LAPSE_GRACE - 0.1, "lapse"),
        ("lapse", [*LEASED, TRIPPED], 10.5 + LAPSE_GRACE, "expire"),
        ("lapse", [*LEASED, TRIPPED, facts.RoundDone(6.0, 0, 3)], 10.5 + LAPSE_GRACE - 0.1, "lapse"),
        ("lapse", [*LEASED, TRIPPED, facts.RoundDone(6.0, 0, None)], 10.4, "lapse"),
        ("lapse", [*LEASED, TRIPPED, facts.RoundDone(6.0, 0, None)], 10.5, "expire"),
        ("lapse", [*LEASED, TRIPPED, *cut(16.0)], 23.0, "lapse"),
        ("lapse", [*LEASED, TRIPPED, *unanswered(16.0, 1.0, 21.0)], 21.0, "expire"),
        ("lapse", [*LEASED, *unanswered(2.0, 10.0, 4.0), TRIPPED], 44.0 + LAPSE_GRACE - 0.1, "lapse"),
        ("expire", [*LEASED, TRIPPED, *cut(5.0, 3600.0, None, True)], 35.0 + CUT_AGAIN, "expire"),
        ("expire", [*LEASED, TRIPPED, *cut(64.0, 3600.0, None, True)], 200.0, "lapse"),
        ("cancel", [*LEASED, TRIPPED], 5.0, "cancel"),
        ("cancel", [*LEASED, TRIPPED, facts.RoundDone(16.0, 0, 3)], 16.0, "cancel"),
        ("cancel", [*LEASED, TRIPPED, facts.RoundDone(16.0, 0, None)], 16.0, "expire"),
        ("cancel", [TRIPPED], 5.0 + LAPSE_GRACE - 0.1, "cancel"),
    ],
)
def test_a_round_cancels_as_configured_and_by_a_short_lease_where_nothing_else_ends_it(
    on_trip: OnTrip, history: list[Fact], now: float, method: str
) -> None:
    assert cancel_method(guard_of(history), sxbet_account(on_trip=on_trip, watches=("quoter",)), now) == method


def guard_of(history: list[Fact]) -> Guard:
    return fold([OPENED, *history])


def test_a_confirmed_disarm_leaves_what_may_yet_be_carried_out() -> None:
    disarmed: list[Fact] = [facts.Disarmed(5.0, "bob"), facts.DisarmConfirmed(6.0)]
    assert guard_of([*LEASED, *disarmed]).lease_end is None
    assert guard_of([*LEASED, *unanswered(3.0, 10.0, 4.0), *disarmed]).lease_end == 4.0 + HEARD_WITHIN + 10.0


GIVEN_UP = Leases().ask(0.0, 5.0).after(facts.LeaseGivenUp(1.0, 0.0))


@pytest.mark.parametrize(("asked_at", "seconds"), [(30.5, 5.0), (1.0 + HEARD_WITHIN, 10.0), (31.5, 10.0)])
def test_a_shorter_lease_may_replace_a_proven_one_only_while_its_request_may_be_heard(
    asked_at: float, seconds: float
) -> None:
    assert GIVEN_UP.lasting(Proof(asked_at, 10.0, Coverage.LEASE)) == seconds


@pytest.mark.parametrize(("ttl", "sure_until"), [(4.0, 6.0), (5.0, 7.0), (6.0, 2.0)])
def test_a_lease_is_unsure_only_where_a_shorter_one_may_follow(ttl: float, sure_until: float) -> None:
    held = GIVEN_UP.ask(2.0, ttl).after(facts.LeaseGranted(2.5, 2.0, ttl, ttl)).held
    assert held is not None
    assert held.sure_until == sure_until


@pytest.mark.parametrize("ttl", [0.0, 1.0, 20.0])
@pytest.mark.parametrize("given_up", [[], [0.0], [0.0, 2.0], [2.0], [0.0, 2.0, 4.0], [4.0, 0.0]])
def test_requests_given_up_for_as_long_a_lease_are_each_counted_once(ttl: float, given_up: list[float]) -> None:
    leases = Leases().ask(0.0, ttl).ask(2.0, ttl).ask(4.0, ttl)
    for asked_at in given_up:
        leases = leases.after(facts.LeaseGivenUp(5.0, asked_at))
    assert sum(one.times for one in leases.asked) == 3
    assert len(leases.asked) == 3 - max(0, len(given_up) - 1)


LONG, SHORT, NOUGHT = Leases().ask(0.0, 20.0), Leases().ask(0.0, 1.0), Leases().ask(0.0, 0.0)
HEARD = ANSWERED_WITHIN + HEARD_WITHIN


@pytest.mark.parametrize(
    ("leases", "cut_until", "undone_until"),
    [
        (Leases(), None, -inf),
        (LONG, None, -inf),
        (SHORT, HEARD, HEARD),
        (NOUGHT, HEARD, HEARD),
        (LONG.ask(2.0, 30.0), None, -inf),
        (SHORT.ask(2.0, 20.0), HEARD, HEARD),
        (LONG.ask(2.0, 10.0), None, 2.0 + HEARD),
        (LONG.ask(2.0, 1.0).ask(4.0, 20.0), 2.0 + HEARD, 2.0 + HEARD),
    ],
)
def test_only_a_request_that_ends_a_lease_may_cut_it_and_only_a_shorter_one_may_undo_it(
    leases: Leases, cut_until: float | None, undone_until: float
) -> None:
    assert leases.cut_until == cut_until
    assert leases.undone_until(20.0) == undone_until


def test_a_grant_is_held_for_as_long_as_it_may_stand_and_claimed_for_as_long_as_it_surely_does() -> None:
    held = LONG.after(facts.LeaseGranted(0.5, 0.0, 25.0, 20.0)).held
    assert held is not None
    assert (held.end, held.sure_until) == (25.5, 20.0)


def test_what_two_places_know_of_one_account_is_all_that_is_known() -> None:
    held = LONG.after(facts.LeaseGranted(0.5, 0.0, 20.0, 20.0))
    other = SHORT.after(facts.LeaseGranted(0.5, 0.0, 1.0, 1.0))
    assert held.joined(other).held == other.held
    assert held.joined(Leases()).held == Leases().joined(held).held == held.held
    assert LONG.joined(SHORT).asked == (*LONG.asked, *SHORT.asked)


@pytest.mark.parametrize(
    ("leases", "asked_at", "is_cut"),
    [
        (SHORT, 0.0, True),
        (LONG, 0.0, False),
        (SHORT.ask(2.0, 20.0), 2.0, False),
        (LONG.ask(2.0, 1.0), 2.0, True),
        (LONG.ask(2.0, 1.0), 0.0, False),
        (SHORT.after(facts.LeaseGivenUp(1.0, 0.0)), 0.0, False),
    ],
)
def test_an_answer_is_that_of_a_cut_only_where_a_cut_was_asked_for_then(
    leases: Leases, asked_at: float, is_cut: bool
) -> None:
    held = leases.after(facts.LeaseGranted(3.0, asked_at, 1.0, 1.0)).held
    assert held is not None
    assert held.is_cut is is_cut


def test_what_is_assumed_where_the_venue_documents_no_delay() -> None:
    """In seconds; each was chosen with room to spare, and errs to the later death."""
    assert (ANSWERED_WITHIN, HEARD_WITHIN) == (5.0, 30.0)
    assert (CUT_AGAIN, LAPSE_GRACE) == (14.0, 5.0)


def test_what_is_asked_and_not_settled_ends_when_it_may_have_been_heard_at_the_latest_and_a_nought_never() -> None:
    assert [leases.asked[0].end for leases in (LONG, SHORT, NOUGHT)] == [HEARD + 20.0, HEARD + 1.0, -inf]
    assert NOUGHT.end is None


def test_a_lease_that_the_venue_says_it_does_not_hold_has_no_end() -> None:
    let_go = NOUGHT.after(facts.LeaseGranted(0.5, 0.0, 0.0, 0.0))
    assert (let_go.end, let_go.end_but_cuts, let_go.let_go) == (None, -inf, True)
