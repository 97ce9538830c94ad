"""An account carried through time: whoever looks, and however often, sees and counts the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from threading import Thread

from hypothesis import given
from hypothesis import strategies as st

from deadman.model import facts
from deadman.model.account import Standing
from deadman.model.errors import Reason
from deadman.model.guard import Guard, Phase
from deadman.model.proof import Coverage, Proof
from tests.support.boards import START, hand, sxbet
from tests.support.histories import OVERDUE, History, end_of, fold, histories, instants

QUARTER = 0.25
"""Seconds: every instant in a history, and every limit of a guard, is a multiple of it."""


def stand(history: History) -> Standing:
    return reduce(Standing.post, history, Standing.new(Guard(OVERDUE), 0.0))


def noticed(history: History, ticks: Sequence[float]) -> Standing:
    """The same, seen by a loop that looked at these instants too."""
    standing = Standing.new(Guard(OVERDUE), 0.0)
    looks = [(tick, None) for tick in ticks]
    for at, fact in sorted([*looks, *((fact.at, fact) for fact in history)], key=lambda event: event[0]):
        standing = standing.at(at) if fact is None else standing.post(fact)
    return standing


@given(histories, st.lists(instants, max_size=12), instants)
def test_however_often_somebody_looks_the_outcome_is_the_same(
    history: History, ticks: list[float], later: float
) -> None:
    end = max([end_of(history) + later, *ticks])
    assert noticed(history, ticks).at(end) == stand(history).at(end)


@given(histories, instants, instants)
def test_time_passed_in_two_parts_is_time_passed(history: History, one: float, other: float) -> None:
    standing, end = stand(history), end_of(history) + one + other
    assert standing.at(end_of(history) + one).at(end) == standing.at(end)


@given(histories, instants)
def test_unprotected_seconds_are_the_time_it_was_wanted_and_not_protected(history: History, later: float) -> None:
    end = end_of(history) + later
    assert stand(history).at(end).unprotected == sum(
        QUARTER for quarter in range(int(end / QUARTER)) if is_alarming(history, quarter * QUARTER)
    )


def is_alarming(history: History, now: float) -> bool:
    guard = fold(fact for fact in history if fact.at <= now)
    return guard.wanted(now) and not guard.protected(now)


@given(histories, instants)
def test_each_transition_is_counted_once_and_dated_when_it_became_true(history: History, later: float) -> None:
    end = end_of(history) + later
    path = walked(history, end)
    standing = stand(history).at(end)
    assert standing.tally.transitions == Counter(phase for phase, _ in path)
    assert (standing.phase, standing.since) == path[-1]


def walked(history: History, end: float) -> list[tuple[Phase, float]]:
    """Phases entered, and when, as somebody sees it who looks every quarter of a second, and after every fact."""
    guard, seen = Guard(OVERDUE), [(Phase.CONNECTING, 0.0)]
    for quarter in range(int(end / QUARTER) + 1):
        now = quarter * QUARTER
        path = [guard, *guards_after(guard, [fact for fact in history if fact.at == now])]
        for guard in path:
            if guard.phase(now) is not seen[-1][0]:
                seen.append((guard.phase(now), now))
    return seen


def guards_after(guard: Guard, history: Sequence[facts.Fact]) -> list[Guard]:
    return [fold(history[: count + 1], guard) for count in range(len(history))]


@given(histories, instants)
def test_it_is_due_exactly_when_time_alone_may_have_changed_a_judgement(history: History, later: float) -> None:
    standing, now = stand(history), end_of(history) + later
    change = standing.guard.next_change(standing.seen_at)
    assert (standing.due_at <= now) is (now >= change)
    if now < standing.due_at:
        assert standing.at(now).phase is standing.phase


@given(histories, instants)
def test_the_steps_end_now_never_go_back_and_differ_by_one_phase_each(history: History, later: float) -> None:
    standing, end = stand(history), end_of(history) + later
    steps = [standing, *standing.steps(end)]
    assert steps[-1].seen_at == end
    for before, after in pairwise(steps):
        entered = sum(after.tally.transitions.values()) - sum(before.tally.transitions.values())
        assert before.seen_at <= after.seen_at
        assert entered == (before.phase is not after.phase)


def test_an_expiry_nobody_noticed_is_dated_when_it_came() -> None:
    lease = facts.Proven(0.5, Proof(0.0, 10.0, Coverage.LEASE))
    standing = stand((facts.SessionOpened(0.0, can_cancel=True), lease)).at(3600.0)
    assert (standing.phase, standing.since) == (Phase.EXPIRED, 10.0)
    assert standing.unprotected == 0.5 + 3590.0


def test_a_fact_dated_before_the_last_one_counts_from_now_on() -> None:
    standing = Standing.new(Guard(OVERDUE), 0.0).post(facts.SessionOpened(5.0, can_cancel=True))
    late = standing.post(facts.TurnedAway(4.0, Reason.SCOPE, ""))
    assert (late.seen_at, late.since, late.phase) == (5.0, 5.0, Phase.REFUSED)
    assert late.unprotected == 5.0


def test_the_clock_going_back_takes_no_second_back() -> None:
    standing = Standing.new(Guard(OVERDUE), 0.0).at(5.0)
    assert standing.at(3.0) == standing


def test_a_reader_in_another_thread_sees_an_expiry_that_a_stalled_loop_has_not_noticed() -> None:
    desk = hand(sxbet("maker"))
    desk.arm("maker", ttl=30.0)
    desk.stall(45.0)
    seen: list[Standing] = []
    reader = Thread(target=lambda: seen.append(desk.board.standing("maker")))
    reader.start()
    reader.join()
    assert (seen[0].phase, seen[0].since) == (Phase.EXPIRED, START + 30.0)
    desk.board.let_time_pass()
    assert desk.board.standing("maker") == seen[0]


def test_observers_hear_of_what_time_brought_in_order_and_once() -> None:
    desk, heard = hand(sxbet("maker")), list[tuple[Phase, float]]()
    desk.arm("maker", ttl=30.0)

    def hear(account: str, before: Standing, after: Standing) -> None:
        if before.phase is not after.phase:
            heard.append((after.phase, after.since - START))

    desk.board.listen(hear)
    desk.advance(100.0)
    desk.advance(100.0)
    assert heard == [(Phase.DEGRADED, 15.0), (Phase.EXPIRED, 30.0)]


def test_what_is_not_wanted_alarms_nobody() -> None:
    disarmed = stand((facts.Disarmed(1.0, "alice"),)).at(100.0)
    assert not disarmed.alarming
    assert disarmed.unprotected == 1.0
    assert replace(disarmed, guard=Guard(OVERDUE)).alarming
