"""What is known of an account's drills after each that began, ended or was cleaned up."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from deadman.model.drill import DrillBegun, DrillCleaned, Drilled, DrillEnded, Drills, Outcome

BEGUN = DrillBegun(100.0, "d-1", "alice", 160.0)
LAPSING = replace(BEGUN, lapses=True)
EARLIER = DrillBegun(10.0, "d-0", "bob", 70.0)
PASSED, FAILED = Drilled(50.0, True, "cancelled", 0.4), Drilled(60.0, False, "still listed")
KNOWN = Drills(left=EARLIER, last=FAILED, passed=PASSED)
UNDER_WAY = replace(KNOWN, under_way=BEGUN)


def ended(outcome: Outcome, *, label: str = "d-1", left: str = "") -> DrillEnded:
    return DrillEnded(110.0, outcome, "so it was", 0.3 if outcome == "passed" else None, label, left)


NOW_PASSED, NOW_FAILED = Drilled(110.0, True, "so it was", 0.3), Drilled(110.0, False, "so it was")

AFTER: list[tuple[Drills, DrillBegun | DrillEnded | DrillCleaned, Drills]] = [
    (KNOWN, BEGUN, UNDER_WAY),
    (KNOWN, LAPSING, replace(KNOWN, under_way=LAPSING)),
    (UNDER_WAY, ended("passed"), Drills(left=EARLIER, last=NOW_PASSED, passed=NOW_PASSED)),
    (UNDER_WAY, ended("failed"), Drills(left=EARLIER, last=NOW_FAILED, passed=PASSED)),
    (UNDER_WAY, ended("refused"), KNOWN),
    (UNDER_WAY, ended("passed", left="unanswered"), Drills(left=BEGUN, last=NOW_PASSED, passed=NOW_PASSED)),
    (UNDER_WAY, ended("refused", left="unanswered"), replace(KNOWN, left=BEGUN)),
    (UNDER_WAY, ended("passed", label="d-9"), UNDER_WAY),
    (UNDER_WAY, ended("refused", label=""), UNDER_WAY),
    (KNOWN, ended("passed"), KNOWN),
    (
        replace(KNOWN, under_way=LAPSING),
        ended("passed"),
        Drills(left=EARLIER, last=NOW_PASSED, passed=NOW_PASSED, rearmed_until=115.0),
    ),
    (replace(KNOWN, under_way=LAPSING), ended("refused"), replace(KNOWN, rearmed_until=115.0)),
    (UNDER_WAY, DrillCleaned(120.0), replace(UNDER_WAY, left=None)),
]


@pytest.mark.parametrize(("before", "fact", "after"), AFTER)
def test_a_drill_that_tells_nothing_changes_nothing_that_was_told_before(
    before: Drills, fact: DrillBegun | DrillEnded | DrillCleaned, after: Drills
) -> None:
    assert before.after(fact) == after


@pytest.mark.parametrize(
    ("drills", "withholds", "until"),
    [
        (Drills(), False, -inf),
        (replace(KNOWN, under_way=BEGUN), False, -inf),
        (replace(KNOWN, under_way=LAPSING), True, 160.0),
        (replace(KNOWN, rearmed_until=115.0), False, 115.0),
        (replace(KNOWN, under_way=BEGUN, rearmed_until=115.0), False, 115.0),
        (replace(KNOWN, under_way=LAPSING, rearmed_until=115.0), True, 160.0),
    ],
)
def test_only_a_drill_that_lets_a_lease_end_withholds_it_and_not_for_longer_than_it_may_take(
    drills: Drills, withholds: bool, until: float
) -> None:
    assert drills.withholds is withholds
    assert not drills.lapses(until)
    assert drills.lapses(until - 0.1) is (until > 0.0)


@pytest.mark.parametrize(("last", "failed"), [(None, False), (PASSED, False), (FAILED, True)])
def test_a_switch_that_was_not_seen_to_fire_last_has_failed(last: Drilled | None, failed: bool) -> None:
    assert replace(KNOWN, last=last).failed is failed


@pytest.mark.parametrize(
    ("drills", "left"),
    [(KNOWN, EARLIER), (UNDER_WAY, BEGUN), (replace(UNDER_WAY, left=None, rearmed_until=115.0), BEGUN)],
)
def test_a_later_run_takes_a_drill_that_was_under_way_for_one_that_left_something(
    drills: Drills, left: DrillBegun
) -> None:
    assert drills.resumed() == replace(drills, under_way=None, left=left, rearmed_until=-inf)
