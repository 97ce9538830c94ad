"""How long a venue is left alone: never for ever, never hammered, whatever chance draws."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadman.model.settings import REFUSED, REFUSED_AT_FIRST, REPAIR, STABLE, Backoff

RETRY = Backoff(first=0.5, cap=5.0)
"""What both venues use by default."""

MOST_TRIES = 14
"""In ten seconds: a burst that no venue takes for an attack."""

paces = st.sampled_from([RETRY, REFUSED, REFUSED_AT_FIRST, REPAIR])


class Loaded(Random):
    """Dice that always fall to the same side: 0 draws the shortest wait, 1 the longest."""

    def __init__(self, side: float) -> None:
        super().__init__(0)
        self.side = side

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * self.side


def tries_within(seconds: float, pace: Backoff, chance: Random, failures: int) -> int:
    """How often a venue is tried that fails at once each time, after so many failures before."""
    at, tries = 0.0, 0
    while at <= seconds:
        tries, failures = tries + 1, failures + 1
        at += pace.delay(failures, chance)
    return tries


@given(paces, st.integers(0, 10_000), st.integers(0, 40))
def test_no_chance_makes_more_than_fourteen_tries_in_ten_seconds(pace: Backoff, seed: int, failures: int) -> None:
    assert tries_within(10.0, pace, Random(seed), failures) <= MOST_TRIES


@pytest.mark.parametrize("pace", [RETRY, REFUSED, REPAIR])
@pytest.mark.parametrize("failures", range(12))
def test_the_worst_dice_make_no_more_than_fourteen_either(pace: Backoff, failures: int) -> None:
    assert tries_within(10.0, pace, Loaded(0.0), failures) <= MOST_TRIES


@given(paces, st.integers(1, 10_000), st.sampled_from([0.0, 0.5, 1.0]))
def test_a_wait_is_never_longer_than_the_cap(pace: Backoff, failures: int, side: float) -> None:
    assert 0.0 <= pace.delay(failures, Loaded(side)) <= pace.cap


@given(paces, st.integers(1, 200))
def test_the_longest_wait_grows_with_the_failures_and_a_part_of_it_is_chance(pace: Backoff, failures: int) -> None:
    longest, shortest = pace.delay(failures, Loaded(1.0)), pace.delay(failures, Loaded(0.0))
    assert pace.delay(failures + 1, Loaded(1.0)) >= longest
    share = 0.0 if failures == 1 else 0.8 if longest == pace.cap else 0.5
    assert shortest == pytest.approx(longest * share)


def test_the_first_retry_comes_at_once_and_yet_not_for_all_accounts_together() -> None:
    assert RETRY.delay(1, Loaded(0.0)) == 0.0
    assert 0.0 < RETRY.delay(1, Loaded(1.0)) < 0.2


def test_once_backed_off_a_venue_is_tried_every_four_to_five_seconds() -> None:
    assert (RETRY.delay(9, Loaded(0.0)), RETRY.delay(9, Loaded(1.0))) == (4.0, 5.0)


def test_two_minutes_without_a_venue_cost_some_thirty_tries() -> None:
    tries = [tries_within(120.0, RETRY, Random(seed), 1) for seed in range(200)]
    assert sorted(tries)[len(tries) // 2] <= 32
    assert max(tries) <= 34


def test_the_waits_double_up_to_the_cap() -> None:
    assert [RETRY.delay(failures, Loaded(1.0)) for failures in range(2, 8)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_refusal_is_retried_within_the_minute_for_ever() -> None:
    assert REFUSED.delay(10**9, Loaded(1.0)) <= 60.0


def test_a_session_counts_as_stable_after_ten_seconds_proven() -> None:
    assert STABLE == 10.0
