"""The life of one trading process: laws of the fold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadman.checkins.rounds import silence, who
from deadman.model.watch import Hold, Sender, Watch

instants = st.floats(min_value=0.0, max_value=1e6, allow_nan=False)
spans = st.floats(min_value=0.0, max_value=1e4)
timeouts = st.floats(min_value=1.0, max_value=600.0)


def test_a_process_that_never_was_up_is_neither_alive_nor_silent() -> None:
    watch = Watch("quoter", 5.0)
    assert not watch.alive(1e9)
    assert not watch.silent(1e9)


@given(timeouts, st.lists(instants, min_size=1), instants)
def test_it_is_alive_exactly_within_its_timeout_of_the_newest_check_in(
    timeout: float, beats: list[float], now: float
) -> None:
    watch = Watch("quoter", timeout)
    for at in beats:
        watch = watch.check_in(at, None)
    assert watch.alive(now) is (now < max(beats) + timeout)
    assert watch.silent(now) is not watch.alive(now)
    assert watch.check_ins == len(beats)


@given(timeouts, instants, spans, spans)
def test_a_grant_moves_the_end_away_and_never_nearer(timeout: float, up: float, away: float, earlier: float) -> None:
    watch = Watch("quoter", timeout).check_in(up, None)
    end = watch.silent_at()
    assert end is not None
    for granted in (watch.granted(up + away), watch.granted(up - earlier)):
        assert (granted.silent_at() or 0.0) >= end


absences = st.lists(
    st.tuples(st.sampled_from(["stall", "long stall", "restart"]), st.floats(0.01, 5.0), st.floats(0.0, 20.0)),
    max_size=40,
)


class Waking:
    """A watch, folded over what happens to us; `now` goes on also while we are away, `awake` does not."""

    def __init__(self, timeout: float) -> None:
        self.now = self.awake = 0.0
        self.watch = Watch("quoter", timeout).check_in(0.0, None)

    def wake(self, seconds: float) -> None:
        self.now, self.awake = self.now + seconds, self.awake + seconds

    def be_away(self, kind: str, seconds: float) -> None:
        since, self.now = self.now, self.now + seconds
        if kind == "restart":
            spent = self.watch.spent(since, 0.0) or 0.0
            self.watch = Watch("quoter", self.watch.timeout).resumed(self.now, spent)
            return
        self.watch = self.watch.paused(since, self.now)
        if kind == "long stall":
            self.watch = self.watch.granted(self.now)


@given(timeouts, absences)
def test_a_dead_process_is_found_within_two_timeouts_of_our_waking_time(
    timeout: float, series: list[tuple[str, float, float]]
) -> None:
    told = Waking(timeout)
    for kind, awake, away in series:
        told.wake(awake * timeout / 5.0)
        if told.watch.silent(told.now):
            break
        told.be_away(kind, away)
    silent_at = told.watch.silent_at()
    assert silent_at is not None
    assert told.awake + silent_at - told.now <= 2 * timeout * (1 + 1e-9)


@given(timeouts, absences, st.data())
def test_a_process_that_is_heard_in_every_timeout_of_our_waking_time_is_never_called_dead(
    timeout: float, series: list[tuple[str, float, float]], data: st.DataObject
) -> None:
    told, heard_at = Waking(timeout), 0.0
    for kind, awake, away in series:
        left = 0.999 * timeout - (told.awake - heard_at)
        told.wake(min(awake * timeout / 5.0, left))
        assert told.watch.alive(told.now)
        if told.awake - heard_at >= 0.998 * timeout or data.draw(st.booleans()):
            told.watch, heard_at = told.watch.check_in(told.now, None), told.awake
        told.be_away(kind, away)
        assert told.watch.alive(told.now)


def test_no_grant_makes_a_process_of_one_that_never_was_up() -> None:
    assert Watch("quoter", 5.0).granted(100.0) == Watch("quoter", 5.0)


def test_no_grant_brings_a_dead_process_back_to_life_but_its_check_in_does() -> None:
    dead = replace(Watch("quoter", 5.0).check_in(0.0, None), died_at=5.0, stopping_at=None)
    assert not dead.granted(20.0).alive(20.0)
    assert dead.check_in(20.0, None).alive(20.0)


NEVER = Watch("quoter", 5.0)
UP = NEVER.check_in(10.0, None)
DEAD = replace(UP, died_at=15.0)
GRANTED = UP.granted(12.0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (NEVER, NEVER.paused(0.0, 90.0)),
        (DEAD, DEAD.paused(11.0, 90.0)),
        (DEAD, DEAD.granted(90.0)),
        (GRANTED, GRANTED.granted(90.0)),
        (UP, UP.granted(10.0)),
        (UP, UP.paused(4.0, 9.0)),
        (replace(UP, counted_from=12.0), UP.paused(8.0, 12.0)),
        (replace(UP, counted_from=11.0), UP.paused(11.0, 12.0)),
        (replace(UP, counted_from=12.0, unheard=True), GRANTED),
        (replace(UP, counted_from=30.0, unheard=True), UP.resumed(30.0)),
        (
            replace(UP, counted_from=28.0, unheard=True, stopping_at=27.0),
            replace(UP, stopping_at=29.0).resumed(30.0, 2.0),
        ),
        (replace(UP, died_at=12.0, goodbye_at=12.0), replace(UP, stopping_at=11.0).stopped(12.0)),
        (replace(UP, counted_from=None, goodbye_at=11.0), replace(UP, stopping_at=11.0).released()),
        (
            replace(UP, check_ins=2, counted_from=12.0, last_check_in_at=12.0),
            replace(UP, stopping_at=11.0).check_in(12.0, None),
        ),
        (replace(DEAD, died_at=None, check_ins=4), DEAD.check_in(9.0, None, 3)),
    ],
)
def test_what_an_absence_a_grant_a_goodbye_and_a_check_in_change_and_what_they_leave(
    before: Watch, after: Watch
) -> None:
    assert after == before


@pytest.mark.parametrize(
    ("watch", "spent"),
    [(NEVER, None), (UP, None), (GRANTED, 2.5), (replace(GRANTED, died_at=13.0), 5.0), (UP.resumed(14.0, 1.0), 1.5)],
)
def test_what_a_restart_must_not_forget_of_a_silence(watch: Watch, spent: float | None) -> None:
    assert watch.spent(14.0, 0.5) == spent
    assert watch.spent(99.0, 0.5) == (None if spent is None else 5.0)


@given(timeouts, instants, spans, spans)
def test_a_held_process_is_silent_at_the_earliest_when_the_hold_ends(
    timeout: float, up: float, span: float, later: float
) -> None:
    watch = replace(Watch("quoter", timeout).check_in(up, None), hold=Hold(up + span, "alice"))
    assert watch.silent(up + later) is (later >= 0 and up + later >= max(up + timeout, up + span))


@pytest.mark.parametrize(
    ("slept", "moved"), [(0.0, 0.0), (0.04, 0.0), (-0.04, 0.0), (0.0625, 0.0625), (3600.0, 3600.0)]
)
def test_a_hold_ends_so_much_sooner_as_the_machine_has_slept_since(slept: float, moved: float) -> None:
    hold = Hold(900.0, "alice", "deploy", slept=100.0)
    after = hold.after_sleep(100.0 + slept)
    assert after.until == pytest.approx(900.0 - moved)
    assert after.slept == pytest.approx(100.0 + moved)
    assert after.after_sleep(100.0 + slept) == after


def test_after_its_goodbye_no_silence_follows() -> None:
    assert not Watch("quoter", 5.0).check_in(0.0, None).released().silent(1e9)


def test_the_words_of_a_silence_name_the_process_and_what_became_of_it() -> None:
    watch = Watch("quoter", 5.0).check_in(10.0, Sender(4123, 1000))
    assert silence(watch, 19.0, lambda pid: pid == 4123) == "silent 9 s, pid 4123 gone"
    assert silence(watch, 19.0, lambda pid: False) == "silent 9 s, pid 4123 still running"


def test_a_process_of_another_pid_namespace_is_not_said_to_be_gone() -> None:
    assert silence(Watch("q", 5.0).check_in(10.0, Sender(0, 1000)), 19.0, lambda pid: True) == "silent 9 s"


def test_a_process_not_heard_since_our_start_is_told_so() -> None:
    assert silence(Watch("q", 5.0).resumed(0.0), 5.0, lambda pid: True) == "silent 5 s, since deadman started"
    dead = replace(Watch("q", 5.0).resumed(10.0, spent=5.0), died_at=5.0, stopping_at=None)
    assert silence(dead, 10.0, lambda pid: True) == "silent since before deadman started"


@pytest.mark.parametrize(
    ("sender", "words"),
    [
        (None, "an unknown process"),
        (Sender(4123, 1000), "pid 4123, uid 1000"),
        (Sender(0, 1000), "uid 1000"),
    ],
)
def test_a_sender_is_named_by_what_the_kernel_tells_of_it(sender: Sender | None, words: str) -> None:
    assert who(sender) == words
