"""What is counted, of whom, and once."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadman.model import facts
from deadman.model.account import MOST_CODES, OTHER, Histogram, Standing, Tally
from deadman.model.drill import DrillEnded
from deadman.model.errors import Reason
from deadman.model.facts import CLOCK_TOLERANCE, Cause, Fact
from deadman.model.guard import Guard, Phase
from deadman.model.identity import Identity
from deadman.model.proof import Coverage, Proof
from deadman.model.settings import Selection, Terms
from tests.support.histories import COUNTS, NEWS, OVERDUE, PROOFS, TRIPS, History, histories

OPENED = facts.SessionOpened(0.0, can_cancel=True)
LEASED = facts.Proven(0.5, Proof(0.0, 10.0, Coverage.LEASE))
TRIPPED = facts.Tripped(1.0, Cause.SILENCE, "quoter")


def count(*history: Fact) -> Tally:
    """Each fact is counted by how the account stood before it."""
    tally, guard = Tally(), Guard(OVERDUE)
    for fact in history:
        tally, guard = tally.post(guard, fact), guard.post(fact)
    return tally


@given(histories)
def test_every_fact_is_counted_as_often_as_it_happened(history: History) -> None:
    tally, kinds = count(*history), Counter(type(fact) for fact in history)
    assert tally.attempted == kinds[facts.Attempted]
    assert tally.confirmed == kinds[facts.Proven]
    assert tally.opened == kinds[facts.SessionOpened]
    assert tally.test_requests == kinds[facts.TestRequestAnswered] == sum(tally.replies.counts)
    assert sum(tally.round_trips.counts) == kinds[facts.Answered]
    assert sum(tally.errors.values()) == kinds[facts.Erred]
    assert tally.repairs <= kinds[facts.Repaired]
    assert tally.orders_cancelled == 2 * kinds[facts.RoundDone]
    assert tally.fired == 2 * kinds[facts.VenueFired]


@given(histories)
def test_no_counter_ever_goes_back(history: History) -> None:
    one, other = count(*history[:-1]), count(*history)
    assert other.attempted >= one.attempted
    assert sum(other.lost.values()) >= sum(one.lost.values())
    assert sum(other.trip_spans.counts) >= sum(one.trip_spans.counts)
    assert sum(other.trips.values()) >= sum(one.trips.values())


@pytest.mark.parametrize(
    ("fact", "lost"),
    [
        (facts.Lost(1.0, Reason.SILENT), {"silent": 1}),
        (facts.TurnedAway(1.0, Reason.SCOPE, ""), {"scope": 1}),
        (facts.SessionClosed(1.0), {}),
        (facts.Failed(1.0, Reason.VENUE_ERROR, ""), {}),
    ],
)
def test_a_session_is_lost_once_by_what_ended_it(fact: Fact, lost: dict[str, int]) -> None:
    assert count(OPENED, fact, fact).lost == lost


def test_a_dial_that_failed_lost_no_session() -> None:
    assert count(facts.Lost(1.0, Reason.DNS), facts.TurnedAway(2.0, Reason.CREDENTIALS, "")).lost == {}


def test_a_first_proof_had_no_margin_and_a_renewal_has_what_was_left_when_it_was_confirmed() -> None:
    assert sum(count(OPENED, LEASED).margins.counts) == 0
    renewed = facts.Proven(4.0, Proof(3.5, 10.0, Coverage.LEASE))
    assert count(OPENED, LEASED, renewed).margins.total == 6.0


def test_a_renewal_that_came_too_late_had_a_margin_of_nothing() -> None:
    margins = count(OPENED, LEASED, facts.Proven(20.0, Proof(19.0, 10.0, Coverage.LEASE))).margins
    assert (margins.total, margins.counts[0]) == (0.0, 1)


def test_a_trip_lasts_from_its_cause_to_the_orders_being_gone() -> None:
    tally = count(OPENED, TRIPPED, facts.RoundDone(1.5, 4, 0), facts.TripDone(3.5, presumed=False))
    assert tally.trips == {"silence": 1}
    assert (tally.trip_spans.total, tally.orders_cancelled) == (2.5, 4)


def test_a_trip_that_changes_nothing_is_not_counted() -> None:
    assert count(OPENED, TRIPPED, TRIPPED).trips == {"silence": 1}
    barred = facts.Tripped(2.0, Cause.SILENCE, "quoter")
    assert count(OPENED, facts.Disarmed(1.0, "alice"), barred).trips == {}


def test_a_trip_ends_once() -> None:
    gone = facts.TripDone(3.5, presumed=False)
    assert sum(count(OPENED, TRIPPED, gone, gone).trip_spans.counts) == 1
    assert sum(count(OPENED, gone).trip_spans.counts) == 0


def test_a_repair_is_counted_only_where_the_switch_had_come_undone() -> None:
    off, repaired = facts.SwitchRead(5.0, "account", False, 0.0), facts.Repaired(6.0)
    proven = facts.Proven(6.0, Proof(5.5, 10.0, Coverage.INHERITED))
    by_us = facts.SwitchSent(4.0, enabled=False, until=14.0)
    assert count(OPENED, off, repaired, proven).repairs == 0, "it was off when we came"
    assert count(OPENED, proven, by_us, off, repaired, proven).repairs == 0, "it was we who turned it off"
    assert count(OPENED, proven, off, repaired, proven, off, repaired, proven).repairs == 2
    assert count(OPENED, proven, off, off, repaired, proven, repaired).repairs == 1


def test_the_switch_is_kept_by_scope_and_dated_by_the_last_reading() -> None:
    tally = count(facts.SwitchRead(0.0, "account", True, 7.0), facts.SwitchRead(1.0, "connection", False, 8.0))
    assert tally.switch_enabled == {"account": True, "connection": False}
    assert tally.switch_timestamp == 8.0


def test_readings_tell_the_last_one() -> None:
    tally = count(facts.TokenGranted(0.0, 5.0), facts.TokenGranted(1.0, 9.0), facts.ClockCompared(1.0, -0.25, 0.0))
    assert (tally.token_expiry_timestamp, tally.clock_offset) == (9.0, -0.25)


def offset(*samples: facts.ClockCompared) -> float:
    return count(*samples).clock_offset


def test_a_slow_answer_tells_nothing_of_clocks() -> None:
    assert offset(facts.ClockCompared(0.0, -2.4, round_trip=4.9)) == 0.0
    assert offset(facts.ClockCompared(0.0, 0.1, 0.2), facts.ClockCompared(5.0, -2.4, 4.9)) == 0.1


def test_a_slow_answer_tells_of_clocks_that_are_further_apart_than_it_was_slow() -> None:
    assert offset(facts.ClockCompared(0.0, -40.0, round_trip=4.9)) == -40.0
    assert offset(facts.ClockCompared(0.0, 0.1, 0.2), facts.ClockCompared(5.0, -40.0, 4.9)) == -40.0


def test_of_several_answers_the_quickest_tells_the_offset_for_some_minutes() -> None:
    quick, slower = facts.ClockCompared(0.0, 0.02, 0.05), facts.ClockCompared(9.0, 0.3, 0.8)
    assert offset(quick, slower) == offset(slower, replace(quick, at=10.0)) == 0.02
    assert offset(quick, replace(slower, at=300.0)) == 0.02
    assert offset(quick, replace(slower, at=301.0)) == 0.3


def test_a_clock_that_was_set_is_seen_at_the_next_answer_though_it_was_slower() -> None:
    assert offset(facts.ClockCompared(0.0, 0.0, 0.05), facts.ClockCompared(9.0, 3.0, 0.8)) == 3.0


def test_phases_are_counted_by_name() -> None:
    assert Tally().entered(Phase.ARMED).entered(Phase.ARMED).transitions == {"armed": 2}


@given(st.lists(st.integers(-5, 70)))
def test_a_histogram_puts_each_observation_at_or_below_its_bound(observed: list[int]) -> None:
    bounds = (0.0, 1.0, 5.0, 60.0)
    histogram = reduce(Histogram.observe, observed, Histogram.empty(bounds))
    assert len(histogram.counts) == len(bounds) + 1
    assert histogram.total == sum(observed)
    for place, bound in enumerate(bounds):
        assert sum(histogram.counts[: place + 1]) == sum(value <= bound for value in observed)


def test_the_catalogue_of_histories_holds_every_kind_of_fact() -> None:
    drawn = {type(make(0.0)) for make in (*PROOFS, *TRIPS, *NEWS, *COUNTS)}
    assert drawn == {kind for kind in vars(facts).values() if isinstance(kind, type) and issubclass(kind, Fact)} - {
        Fact
    }


def test_codes_that_a_venue_makes_up_are_counted_together_once_they_are_many() -> None:
    made_up = [facts.Erred(0.0, str(code)) for code in range(MOST_CODES + 10)]
    errors = count(*made_up, facts.Erred(0.0, "0")).errors
    assert len(errors) == MOST_CODES + 1 == 65
    assert (errors["0"], errors[OTHER]) == (2, 10)


@pytest.mark.parametrize(
    ("offset", "round_trip", "telling"),
    [
        (0.1, CLOCK_TOLERANCE, True),
        (0.1, CLOCK_TOLERANCE + 0.01, False),
        (CLOCK_TOLERANCE + 2.0, 4.0, False),
        (CLOCK_TOLERANCE + 2.01, 4.0, True),
        (-CLOCK_TOLERANCE - 2.01, 4.0, True),
    ],
)
def test_a_slow_answer_tells_of_clocks_only_what_its_slowness_cannot_explain(
    offset: float, round_trip: float, telling: bool
) -> None:
    assert facts.ClockCompared(0.0, offset, round_trip).is_telling is telling


def test_nothing_is_counted_of_a_new_account() -> None:
    for one in fields(Tally):
        value = getattr(Tally(), one.name)
        if isinstance(value, Histogram):
            assert (value.total, sum(value.counts), len(value.counts)) == (0.0, 0, len(value.bounds) + 1)
        else:
            assert not value, one.name


def test_the_buckets_are_those_of_every_series_recorded_so_far() -> None:
    """Another bound is another series: quantiles over the change would be of neither."""
    tally = Tally()
    assert tally.margins.bounds == (0, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60)
    assert tally.round_trips.bounds == (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
    assert tally.replies.bounds == (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
    assert tally.trip_spans.bounds == (0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300)


def test_a_lease_that_is_let_go_is_no_renewal_tried() -> None:
    assert count(facts.Attempted(1.0, 0.0), facts.Attempted(2.0, 1.0)).attempted == 1


def test_orders_that_went_unseen_are_counted_once() -> None:
    away = (OPENED, facts.OrdersCounted(1.0, 5), facts.Lost(2.0, Reason.CLOSED), facts.SessionOpened(9.0, True))
    missed = facts.OrdersCounted(10.0, 0)
    assert count(*away, missed, missed, facts.OrdersCounted(12.0, 0)).gone_unseen == 5


def test_drills_are_counted_by_how_they_ended() -> None:
    ended = [DrillEnded(1.0, outcome, "so") for outcome in ("passed", "failed", "passed")]
    assert count(*ended).drills == {"passed": 2, "failed": 1}


def standing(*history: Fact) -> Standing:
    return reduce(Standing.post, history, Standing.new(Guard(OVERDUE), 0.0))


def test_what_was_wanted_and_not_protected_is_counted_by_the_second_from_when_it_was_so() -> None:
    armed = standing(OPENED, LEASED)
    assert armed.unprotected == 0.5, "before the first proof"
    lapsed = armed.at(30.0)
    assert (lapsed.phase, lapsed.since, lapsed.seen_at) == (Phase.EXPIRED, 10.0, 30.0)
    assert lapsed.unprotected == pytest.approx(20.5)
    assert lapsed.tally.transitions == {"connecting": 1, "arming": 1, "armed": 1, "degraded": 1, "expired": 1}
    assert lapsed.at(20.0) == lapsed, "no standing goes back"
    assert [step.seen_at for step in armed.steps(30.0)] == [OVERDUE, 10.0, 30.0]
    disarmed = lapsed.post(facts.Disarmed(40.0, "alice")).at(90.0)
    assert disarmed.unprotected == pytest.approx(30.5)


def test_a_fact_that_is_told_late_counts_from_now_on() -> None:
    armed = standing(OPENED, LEASED).at(5.0)
    late = armed.post(facts.Disarmed(3.0, "alice"))
    assert (late.phase, late.since, late.seen_at) == (Phase.DISARMED, 5.0, 5.0)


def test_what_was_read_of_another_account_says_nothing_of_the_one_in_its_place_and_counters_go_on() -> None:
    terms = Terms("cancel", Selection())
    read = (
        facts.TakenOn(0.0, Identity("venue", "first"), terms),
        OPENED,
        facts.SwitchRead(1.0, "account", True, 7.0),
        facts.TokenGranted(1.0, 9.0),
        facts.ClockCompared(1.0, 0.25, 0.0),
        facts.Erred(1.0, "10028"),
    )
    before = standing(*read).tally
    assert (before.switch_timestamp, before.token_expiry_timestamp, before.clock_offset) == (7.0, 9.0, 0.25)
    after = standing(*read, facts.TakenOn(2.0, Identity("venue", "second"), terms)).tally
    assert (after.switch_enabled, after.switch_timestamp, after.token_expiry_timestamp, after.clock) == ({}, 0, 0, None)
    assert (after.opened, after.errors) == (1, {"10028": 1})
