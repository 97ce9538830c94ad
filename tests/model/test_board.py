"""The one record of what is known: who is told of what, in which order it is kept, and what is kept of who is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deadman.model import facts
from deadman.model.account import Standing
from deadman.model.board import MOST_EVENTS, Event
from deadman.model.guard import Phase
from deadman.model.leases import HEARD_WITHIN
from deadman.model.proof import Coverage, Proof
from deadman.model.sight import Line
from deadman.model.watch import Watch
from tests.support.boards import NOON, START, deribit, hand, sxbet


def event(at: float, text: str = "") -> Event:
    return Event(at, "reloaded", text)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ([1.0, 3.0, 2.0], [1.0, 2.0, 3.0]),
        ([3.0, 1.0, 2.0], [1.0, 2.0, 3.0]),
        ([1.0], [1.0]),
    ],
)
def test_events_are_kept_in_the_order_in_which_they_became_true(given: list[float], kept: list[float]) -> None:
    board = hand().board
    for at in given:
        board.keep(event(at))
    assert [one.at for one in board.events] == kept


def test_events_of_one_instant_are_kept_in_the_order_in_which_they_were_told() -> None:
    board = hand().board
    for at, text in ((1.0, "a"), (1.0, "b"), (0.5, "c"), (1.0, "d")):
        board.keep(event(at, text))
    assert [one.text for one in board.events] == ["c", "a", "b", "d"]


def test_of_events_the_oldest_goes_first() -> None:
    board = hand().board
    for number in range(MOST_EVENTS + 2):
        board.keep(event(float(number)))
    assert (len(board.events), board.events[0].at, board.events[-1].at) == (MOST_EVENTS, 2.0, MOST_EVENTS + 1.0)
    assert MOST_EVENTS == 1000


def test_a_note_is_dated_as_of_now_or_as_of_when_it_became_true() -> None:
    held = hand()
    held.stall(1.23456)
    held.board.note("a", "now", "desk")
    held.board.note("b", "before", watch="quoter", at=START)
    assert held.board.events == (
        Event(NOON, "b", "before", None, "quoter"),
        Event(NOON + 1.235, "a", "now", "desk"),
    )


def test_who_listens_to_one_account_hears_of_no_other_and_no_more_once_it_has_left() -> None:
    held, heard = hand(deribit("a"), deribit("b")), list[tuple[str, str]]()

    def one(name: str, before: Standing, after: Standing) -> None:
        heard.append(("one", name))

    def every(name: str, before: Standing, after: Standing) -> None:
        heard.append(("every", name))

    held.board.listen(one, "a")
    held.board.listen(every)
    for name in "ab":
        held.post(name, facts.SessionOpened(held.now, True))
    assert heard == [("every", "a"), ("one", "a"), ("every", "b")]
    held.board.unlisten(one, "a")
    held.post("a", facts.SessionClosed(held.now))
    assert heard[3:] == [("every", "a")]


def test_what_time_alone_changes_is_told_step_by_step_and_dated_when_it_came() -> None:
    held, seen = hand(deribit("a"), deribit("b")), list[tuple[Phase, float]]()
    held.post("a", facts.SessionOpened(START, True), facts.Proven(START, Proof(START, 60.0, Coverage.INHERITED)))
    held.board.listen(lambda name, before, after: seen.append((after.phase, after.since)), "a")
    assert held.board.due_at == START + 35.0
    held.stall(34.9)
    held.board.let_time_pass()
    assert seen == []
    held.stall(65.1)
    held.board.let_time_pass()
    assert [one for number, one in enumerate(seen) if one not in seen[:number]] == [
        (Phase.DEGRADED, START + 35.0),
        (Phase.UNVERIFIED, START + 60.0),
    ]
    assert held.board.due_at > held.now
    assert held.board.standing("a").seen_at == held.now


def test_a_fact_that_comes_after_an_expiry_finds_it_told() -> None:
    held, seen = hand(deribit("a")), list[Phase]()
    held.post("a", facts.SessionOpened(START, True), facts.Proven(START, Proof(START, 20.0, Coverage.INHERITED)))
    held.board.listen(lambda name, before, after: seen.append(after.phase))
    held.stall(30.0)
    held.post("a", facts.Proven(held.now, Proof(held.now, 20.0, Coverage.INHERITED)))
    assert list(dict.fromkeys(seen)) == [Phase.UNVERIFIED, Phase.ARMED]


def test_a_fact_about_an_account_that_is_gone_is_dropped() -> None:
    held = hand(deribit("a"))
    held.board.forget("a")
    held.board.forget("a")
    held.post("a", facts.SessionOpened(START, True))
    assert (held.board.standings(), held.board.guards(), dict(held.board.configs)) == ({}, {}, {})
    with pytest.raises(KeyError):
        held.board.guard("a")


def test_an_account_that_a_reload_renames_keeps_its_trip_and_what_was_proven_is_proven_anew() -> None:
    old = replace(deribit("old"), client_id="id")
    held = hand(old)
    held.arm("old")
    held.post("old", facts.Tripped(START, facts.Cause.OPERATOR, "alice"))
    held.board.forget("old")
    held.board.add(replace(deribit("new"), client_id="id"))
    held.board.add(replace(deribit("other"), client_id="other"))
    new, other = held.board.guard("new"), held.board.guard("other")
    assert (new.trip is not None, new.proof, new.session_at) == (True, None, None)
    assert (other.trip, other.proof, other.disarm, other.aside) == (None, None, None, None)


@pytest.mark.parametrize(("after", "may_be_heard"), [(0.0, True), (HEARD_WITHIN + 100.0, False)])
def test_what_was_asked_for_an_account_that_is_gone_may_be_heard_when_it_comes_back(
    after: float, may_be_heard: bool
) -> None:
    maker = sxbet("maker")
    held = hand(maker)
    held.stall(100.0)
    held.post("maker", facts.Attempted(held.now, 60.0), facts.LeaseGivenUp(held.now, held.now))
    held.board.forget("maker")
    held.board.leaving = {}
    held.stall(after)
    if after:
        held.board.forget("nobody")
    held.board.add(maker)
    ends = held.board.guard("maker").lease_end
    expected = held.now + HEARD_WITHIN + 60.0 if may_be_heard else held.now + 30.0
    assert ends == pytest.approx(expected)


def test_what_was_asked_for_one_account_that_is_gone_says_nothing_of_another() -> None:
    held = hand(replace(sxbet("gone"), url="https://elsewhere.test"), deribit("set"))
    held.stall(100.0)
    held.post("gone", facts.Attempted(held.now, 60.0), facts.LeaseGivenUp(held.now, held.now))
    held.post("set", facts.SwitchSent(held.now, True, held.now + 10.0))
    for name in ("gone", "set"):
        held.board.forget(name)
    held.board.leaving = {}
    held.board.add(sxbet("new"))
    held.board.add(replace(deribit("other"), client_id="other"))
    assert held.board.guard("new").lease_end == held.now + 30.0
    assert held.board.guard("other").switch.unsettled == frozenset()
    held.board.add(deribit("set"))
    assert held.board.guard("set").switch.unsettled == {(True, held.now + 10.0)}


def test_an_observed_lease_is_presumed_by_nobody_and_can_never_be_proven() -> None:
    held = hand(sxbet("taken"), replace(sxbet("seen"), observe=True), deribit("set"))
    assert held.board.guard("taken").lease_end == START + 30.0
    assert (held.board.guard("seen").lease_end, held.board.guard("seen").provable) == (None, False)
    assert (held.board.guard("set").lease_end, held.board.guard("set").provable) == (None, True)


def test_a_changed_config_keeps_what_is_known_and_takes_its_own_timers() -> None:
    held = hand(deribit("a"))
    held.arm("a", ttl=600.0)
    held.board.add(replace(deribit("a"), verify_interval=100.0))
    assert held.board.guard("a").proof is not None
    assert held.board.guard("a").overdue_after == 105.0


def test_watches_and_lines_are_kept_by_name_and_who_listens_hears_how_they_stood_before() -> None:
    board, heard = hand().board, list[tuple[Watch, Watch]]()
    board.listen_to_watches(lambda before, after: heard.append((before, after)))
    first, second = Watch("quoter", 5.0), Watch("quoter", 6.0)
    board.put_watch(first)
    board.put_watch(second)
    assert heard == [(first, first), (first, second)]
    assert (board.watches(), board.watch("quoter")) == ({"quoter": second}, second)
    board.forget_watch("quoter")
    board.forget_watch("quoter")
    assert board.watches() == {}
    board.put_line("", Line(1))
    board.put_line("alpha", Line(2))
    assert board.lines == {"": Line(1), "alpha": Line(2)}


def test_a_reader_in_another_thread_that_comes_between_two_steps_of_a_reload_leaves_out_what_is_not_there_yet() -> None:
    held = hand(deribit("a"))
    held.board.configs = {**held.board.configs, "b": deribit("b")}
    assert set(held.board.standings()) == {"a"}
    assert set(held.board.guards()) == {"a"}
