"""What holds of a guard whatever happens to its account."""

from __future__ import annotations

from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from deadman.model import facts
from deadman.model.facts import Cause, Fact
from deadman.model.guard import UNCLAIMABLE, UNWANTED, Guard, Phase
from deadman.model.proof import Coverage
from tests.support.histories import COUNTS, OVERDUE, History, Make, end_of, fold, histories, makes, moments, steps

Moment = tuple[History, float]
WORSE = (facts.Lost, facts.Failed, facts.FoundOff, facts.TurnedAway, facts.Doubted, facts.SessionClosed)


def last(history: History, *kinds: type) -> int:
    """Where in the history the last fact of these kinds stands, -1 where there is none."""
    return max((place for place, fact in enumerate(history) if isinstance(fact, kinds)), default=-1)


@given(moments)
def test_armed_means_that_the_last_word_was_a_proof_which_still_stands(moment: Moment) -> None:
    history, now = moment
    guard = fold(history)
    if guard.phase(now) is not Phase.ARMED:
        return
    if guard.sight is not None:  # a witness stands by: it sees, and may cancel
        assert (guard.sight.is_blind, guard.sight.awaits, guard.can_cancel) == (False, "", True)
        return
    place = last(history, facts.Proven)
    proven = history[place]
    assert isinstance(proven, facts.Proven)
    assert proven.proof.stands(now)
    assert now < proven.proof.asked_at + OVERDUE
    assert place > last(history, *WORSE)


@given(moments)
def test_protected_means_a_standing_proof_that_nobody_spoke_against(moment: Moment) -> None:
    history, now = moment
    guard = fold(history)
    if not guard.protected(now):
        return
    assert guard.proof is not None
    assert now < guard.proof.expiry
    place = max(at for at, fact in enumerate(history) if is_proof(fact, guard.proof.asked_at))
    assert place > last(history, facts.FoundOff, facts.Doubted)
    assert place > max((at for at, _ in enumerate(history) if is_confirmed_disarm(history, at)), default=-1)
    assert place > max((at for at, fact in enumerate(history) if is_off(fact)), default=-1)
    assert guard.phase(now) not in {Phase.DISARMED, Phase.TRIPPING, Phase.TRIPPED, Phase.EXPOSED}


def is_proof(fact: Fact, at: float) -> bool:
    """The venue's answer, or a witness's look of that instant that went through."""
    sight = fact.sight if isinstance(fact, facts.Sighted) else None
    return isinstance(fact, facts.Proven) or (sight is not None and sight.seen_at == at and not sight.is_blind)


def is_off(fact: Fact) -> bool:
    """What says that the switch is off, or may be from here on: a reading, or a request of ours to turn it off."""
    return isinstance(fact, facts.SwitchRead | facts.SwitchSent) and not fact.enabled


def is_confirmed_disarm(history: History, at: int) -> bool:
    """A confirmation that comes when nobody is disarmed any more is of an older word, and speaks against nothing."""
    return isinstance(history[at], facts.DisarmConfirmed) and fold(history[:at]).disarm is not None


@given(moments)
def test_coverage_never_dates_from_before_the_switch_was_off(moment: Moment) -> None:
    history, _ = moment
    since = fold(history).covered_since
    proofs = [fact.proof.asked_at for fact in history if isinstance(fact, facts.Proven)]
    off = [place for place, fact in enumerate(history) if is_off(fact)]
    if since is None:
        return
    later = [fact.proof.asked_at for fact in history[max(off, default=-1) + 1 :] if isinstance(fact, facts.Proven)]
    assert since in proofs
    assert since in later


@given(moments)
def test_wanted_and_the_barred_phases_are_the_tables(moment: Moment) -> None:
    history, now = moment
    guard = fold(history)
    phase = guard.phase(now)
    assert guard.wanted(now) is (phase not in UNWANTED)
    assert not (guard.protected(now) and phase in UNCLAIMABLE)


@given(moments)
def test_a_margin_is_what_is_left_of_the_claim_and_never_negative(moment: Moment) -> None:
    history, now = moment
    guard = fold(history)
    margin = guard.margin(now)
    assert margin >= 0
    assert (margin > 0) is guard.protected(now)
    if guard.proof is not None:
        assert margin in (0.0, guard.proof.expiry - now)


@given(moments, steps)
def test_no_claim_comes_back_by_time_alone(moment: Moment, step: float) -> None:
    history, now = moment
    guard = fold(history)
    if not guard.protected(now):
        assert not guard.protected(now + step)


@given(moments, st.lists(steps, min_size=1, max_size=8))
def test_between_the_changes_it_foretells_nothing_changes(moment: Moment, spans: list[float]) -> None:
    history, now = moment
    guard = fold(history)
    for at, later in pairwise(accumulate((now, *spans))):
        change = guard.next_change(at)
        assert change is None or change > at
        if change is None or later < change:
            assert judged(guard, later) == judged(guard, at)


def judged(guard: Guard, now: float) -> tuple[Phase, bool, bool]:
    return guard.phase(now), guard.protected(now), guard.wanted(now)


@given(histories, makes)
def test_a_trip_begun_ends_only_when_the_orders_are_gone_or_by_a_disarm(history: History, make: Make) -> None:
    guard = fold(history)
    fact = make(end_of(history))
    before, after = guard.trip, guard.post(fact).trip
    if before is None or before.done_at is not None or isinstance(fact, facts.TripDone | facts.Disarmed):
        return
    assert after is not None
    assert after.done_at is None


@given(histories, makes)
def test_an_operators_trip_is_lifted_only_by_his_own_word(history: History, make: Make) -> None:
    guard = fold(history)
    fact = make(end_of(history))
    before, after = guard.trip, guard.post(fact).trip
    if before is None or before.cause is not Cause.OPERATOR or isinstance(fact, facts.Rearmed | facts.Disarmed):
        return
    assert after is not None
    assert after.cause is Cause.OPERATOR


@given(histories)
def test_a_trip_is_tripped_by_no_other_fact_than_tripped(history: History) -> None:
    guard = fold(history)
    assert guard.trip is None or any(isinstance(fact, facts.Tripped) for fact in history)
    assert guard.disarm is None or any(isinstance(fact, facts.Disarmed) for fact in history)


@given(histories)
def test_an_account_disarmed_stays_so_until_an_operator_says_otherwise(history: History) -> None:
    place = last(history, facts.Disarmed)
    later = history[place + 1 :]
    by_hand = [fact for fact in later if isinstance(fact, facts.Rearmed) or is_by_operator(fact)]
    if place >= 0 and not by_hand:
        assert fold(history).phase(0.0) is Phase.DISARMED


def is_by_operator(fact: Fact) -> bool:
    return isinstance(fact, facts.Tripped) and fact.cause is Cause.OPERATOR


@given(histories)
def test_orders_die_no_earlier_than_the_last_attempted_renewal_allows(history: History) -> None:
    attempted = last(history, facts.Attempted)
    if attempted < 0 or last(history, facts.Proven, facts.LeaseGranted, facts.LeaseDenied) > attempted:
        return
    end = fold(history).lease_end
    attempt = history[attempted]
    assert isinstance(attempt, facts.Attempted)
    assert end is not None
    assert end >= attempt.at + attempt.ttl


@given(moments)
def test_no_lease_is_claimed_beyond_a_shorter_one_that_the_venue_may_have_heard_of(moment: Moment) -> None:
    history, now = moment
    guard, attempted = fold(history), last(history, facts.Attempted)
    if guard.proof is None or guard.proof.coverage is not Coverage.LEASE or last(history, facts.Proven) > attempted:
        return
    attempt = history[attempted]
    assert isinstance(attempt, facts.Attempted)
    assert guard.margin(now) <= max(0.0, attempt.at + attempt.ttl - now)


@given(histories)
def test_orders_die_no_earlier_than_the_claim_runs_out(history: History) -> None:
    guard = fold(history)
    if guard.proof is not None and guard.proof.coverage is Coverage.LEASE and guard.proof.stands(end_of(history)):
        assert guard.lease_end is not None
        assert guard.lease_end >= guard.proof.expiry


@given(moments, st.integers(0, 12))
def test_a_fact_of_counting_alone_changes_no_judgement(moment: Moment, place: int) -> None:
    history, now = moment
    counting = [make(0.0) for make in COUNTS]
    assert fold((*history[:place], *counting, *history[place:])).phase(now) is fold(history).phase(now)
