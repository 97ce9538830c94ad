"""What is told of bots, and by which event: in the log and in the history, in the same sentence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import cast

import pytest
import trio
from trio.testing import MockClock

from deadman.checkins.protocol import Datagram
from deadman.checkins.rounds import Watches
from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.settings import Account, WatchConfig
from deadman.model.watch import Sender, Watch
from tests.support.boards import START, Hand, sxbet
from tests.support.inboxes import InMemoryInboxes
from tests.support.watching import BOT, Suspended, WatchDesk, deribit, watch_desk

QUOTER = WatchConfig("quoter", 5.0, user="bots")
LEAVER = replace(QUOTER, on_stopping="release")
EPOCH = 1_800_000_000.0


def up(desk: WatchDesk) -> None:
    desk.beat("quoter")
    desk.look()


def refused(desk: WatchDesk, sender: Sender | None) -> None:
    mail = desk.inboxes._mail["quoter"]
    desk.inboxes._mail["quoter"] = mail.refuse(Datagram(desk.hand.now, b"WATCHDOG=1", sender))
    desk.look()


def silent(desk: WatchDesk) -> None:
    up(desk)
    desk.advance(5.1)


def stops(desk: WatchDesk) -> None:
    up(desk)
    desk.say("quoter", "STOPPING=1")
    desk.look()


def stops_on_hold(desk: WatchDesk) -> None:
    up(desk)
    desk.hold("quoter", 1.0)
    desk.say("quoter", "STOPPING=1")
    desk.advance(1.1)


def triggers(desk: WatchDesk) -> None:
    up(desk)
    desk.say("quoter", "WATCHDOG=trigger")
    desk.look()


def triggers_on_hold(desk: WatchDesk) -> None:
    up(desk)
    desk.hold("quoter", 60.0)
    desk.say("quoter", "WATCHDOG=trigger")
    desk.look()


def away(desk: WatchDesk) -> None:
    up(desk)
    desk.hand.stall(1.2)
    desk.look()


def suspended(desk: WatchDesk) -> None:
    up(desk)
    desk.suspended.seconds += 3600.0
    desk.look()


def says_nonsense(desk: WatchDesk) -> None:
    for _ in range(3):
        desk.say("quoter", "x" * 61 + "\x1b[2J")
        desk.look()


def says_nothing(desk: WatchDesk) -> None:
    desk.say("quoter", "")
    desk.look()


def strangers(desk: WatchDesk) -> None:
    for sender in (Sender(7, 33), Sender(8, 33), Sender(9, 34), None, None):
        refused(desk, sender)


UP = ("INFO", "watch_up", START, "watch quoter: checked in: pid 4123, uid 1000")
STOPPING = ("INFO", "watch_stopping", START, "watch quoter: said STOPPING=1; on_stopping is trip")
Told = tuple[str, str, float, str]

STORIES: list[tuple[Callable[[WatchDesk], None], WatchConfig, list[Told]]] = [
    (up, QUOTER, [UP]),
    (silent, QUOTER, [UP, ("WARNING", "watch_dead", START + 5, "watch quoter: dead: silent 5 s, pid 4123 gone")]),
    (stops, QUOTER, [UP, STOPPING]),
    (stops, LEAVER, [UP, (*STOPPING[:3], STOPPING[3].replace("trip", "release"))]),
    (
        stops_on_hold,
        QUOTER,
        [
            UP,
            (*STOPPING[:2], START + 1, STOPPING[3]),
            ("INFO", "hold_over", START + 1, "watch quoter: the hold by alice"),
        ],
    ),
    (triggers, QUOTER, [UP, ("WARNING", "trigger", START, "watch quoter: WATCHDOG=trigger from pid 4123, uid 1000")]),
    (
        triggers_on_hold,
        QUOTER,
        [UP, ("WARNING", "trigger", START, "watch quoter: on hold, so nothing is tripped: WATCHDOG=trigger from pid")],
    ),
    (away, QUOTER, [UP, ("WARNING", "away", START + 1.2, "we were away for 1.2 s: that counts as no bot's silence")]),
    (suspended, QUOTER, [UP, ("WARNING", "away", START, "we were away for 3600.0 s: that counts as no bot's silence")]),
]


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    return [(one.levelname, getattr(one, "event", ""), one.getMessage()) for one in caplog.records]


@pytest.mark.parametrize(("story", "watch", "told"), STORIES)
def test_what_becomes_of_a_bot_is_told_in_the_log_and_in_the_history(
    story: Callable[[WatchDesk], None], watch: WatchConfig, told: list[Told], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "deadman.checkins")
    desk = watch_desk(deribit("a", "quoter"), watches=(watch,))
    story(desk)
    assert [
        (level, event, words[: len(row[3])]) for (level, event, words), row in zip(logged(caplog), told, strict=True)
    ] == [(level, event, words) for level, event, _, words in told]
    history = [one for one in desk.hand.board.events if one.event in {row[1] for row in told}]
    assert [(one.event, one.text) for one in history] == [(event, words) for _, event, words in logged(caplog)]
    assert [one.at for one in history] == pytest.approx([EPOCH + row[2] - START for row in told], abs=0.11)
    assert {one.watch for one in history if one.event != "away"} == {"quoter"}
    assert {getattr(one, "watch", "quoter") for one in caplog.records} == {"quoter"}


@pytest.mark.parametrize(
    ("story", "told"),
    [
        (says_nonsense, [("datagram_ignored", f"watch quoter: ignored, and from now on only counted: {'x' * 60}")]),
        (says_nothing, [("datagram_ignored", "watch quoter: ignored, and from now on only counted: an empty or ")]),
        (
            strangers,
            [
                (
                    "sender_refused",
                    'watch quoter: what pid 7, uid 33 sends does not count: only user "bots" may',
                ),
                (
                    "sender_refused",
                    'watch quoter: what pid 9, uid 34 sends does not count: only user "bots" may',
                ),
                ("sender_refused", 'watch quoter: what an unknown process sends does not count: only user "bots" may'),
            ],
        ),
    ],
)
def test_what_does_not_count_is_told_once_of_each_sender(
    story: Callable[[WatchDesk], None], told: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    desk = watch_desk(deribit("a", "quoter"), watches=(QUOTER,))
    story(desk)
    assert [(event, words[: len(row[1])]) for (_, event, words), row in zip(logged(caplog), told, strict=True)] == told
    assert logged(caplog)[0][2].startswith(told[0][1])
    assert all(one.levelno == logging.WARNING and getattr(one, "watch", "") == "quoter" for one in caplog.records)
    assert not desk.watch().alive(desk.hand.now)


def test_nonsense_is_cut_short() -> None:
    desk = watch_desk(deribit("a", "quoter"), watches=(QUOTER,))
    says_nonsense(desk)
    assert desk.watch().ignored == 3


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (
            replace(deribit("a", "quoter"), observe=True),
            "a: would have tripped, but is only observed: quoter: silen",
        ),
        (replace(deribit("a", "quoter"), observe=True, on_trip="none"), None),
        (deribit("a", "quoter"), None),
        (replace(deribit("a"), observe=True), None),
    ],
)
def test_what_would_have_tripped_is_told_of_an_account_that_is_only_observed(
    account: Account, words: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    desk = watch_desk(account, watches=(QUOTER,))
    silent(desk)
    said = [row for row in logged(caplog) if row[1] == "would_have_tripped"]
    kept = [one for one in desk.hand.board.events if one.event == "would_have_tripped"]
    assert [row[2].startswith(words or "") for row in said] == ([] if words is None else [True])
    assert [(one.account, one.watch, one.text) for one in kept] == [("a", "quoter", row[2]) for row in said]


def test_a_watch_that_was_added_and_never_came_is_told_once_for_each_time_it_is_missing() -> None:
    desk = watch_desk(sxbet("b", "quoter"), watches=(QUOTER,))
    up(desk)
    desk.hand.arm("b")
    desk.hand.board.add(sxbet("b", "quoter", "hedger"))
    desk.watches.apply({name: WatchConfig(name, 5.0) for name in ("quoter", "hedger")})
    desk.advance(2.0, "quoter")
    told = [one for one in desk.hand.board.events if one.event == "watch_unmet"]
    assert [(one.account, one.text.partition(": ")[0]) for one in told] == [("b", "b")]


@dataclass
class Silences:
    """What the last run had noted."""

    kept: Mapping[str, float] = field(default_factory=dict)

    def read(self) -> Mapping[str, float]:
        return self.kept

    async def write(self, silences: Mapping[str, float]) -> None:
        raise NotImplementedError


RESUMED = Watch("quoter", 5.0).resumed(START)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (RESUMED, replace(RESUMED, counted_from=START - 3.0)),
        (replace(RESUMED, died_at=START), replace(RESUMED, died_at=START)),
        (RESUMED.check_in(START, BOT), RESUMED.check_in(START, BOT)),
        (Watch("quoter", 5.0), Watch("quoter", 5.0)),
    ],
)
def test_what_a_bot_had_spent_of_its_time_counts_on_for_one_that_was_not_heard_since(
    before: Watch, after: Watch
) -> None:
    desk = watch_desk(deribit("a", "quoter"))
    watches = Watches(
        desk.hand.board,
        desk.inboxes,
        lambda: desk.hand.now,
        lambda pid: True,
        Silences({"quoter": 3.0, "gone": 1.0}),
    )
    desk.hand.board.put_watch(before)
    watches.recall()
    assert desk.watch() == after


@pytest.mark.parametrize(("timeout", "granted"), [(5.0, False), (4.0, True), (60.0, False)])
def test_a_timeout_that_a_reload_shortens_begins_anew_and_one_that_it_lengthens_goes_on(
    timeout: float, granted: bool
) -> None:
    desk = watch_desk(deribit("a", "quoter"))
    up(desk)
    desk.advance(3.0)
    desk.watches.apply({"quoter": WatchConfig("quoter", timeout)})
    watch = desk.watch()
    assert (watch.timeout, watch.unheard) == (timeout, granted)
    assert watch.counted_from == pytest.approx(desk.hand.now if granted else START)


def test_what_is_watched_no_more_is_forgotten_with_its_trigger() -> None:
    desk = watch_desk(deribit("a", "quoter"))
    triggers(desk)
    desk.say("quoter", "WATCHDOG=trigger")
    desk.look()
    desk.watches.apply({})
    assert desk.hand.board.watches() == {}
    desk.watches.apply({"quoter": WatchConfig("quoter", 5.0)})
    assert desk.watch() == Watch("quoter", 5.0)
    desk.finish_trip("a")
    desk.advance(2.0)
    assert desk.guard("a").trip is not None
    assert desk.hand.board.standing("a").tally.trips == {"trigger": 1}


def test_a_host_that_is_looked_for_elsewhere_is_not_judged_by_its_mail() -> None:
    desk = watch_desk(deribit("a", "quoter"))
    host = Watch("alpha", 5.0, counted_from=START - 60.0, seen_until=START)
    desk.hand.board.put_watch(host)
    desk.advance(1.0)
    assert desk.watch("alpha") == host
    assert not any(event.watch == "alpha" for event in desk.hand.board.events)
    desk.hand.board.forget_watch("alpha")
    desk.advance(1.0)
    assert set(desk.hand.board.watches()) == {"quoter"}


async def looks_of(seconds: float, *, is_up: bool, story: Callable[[WatchDesk], None] | None = None) -> list[float]:
    """When it is looked within so many seconds; `story` happens at 1.02 s."""
    at: list[float] = []
    board = Board.new(Clock(trio.current_time, trio.current_time))
    board.add(deribit("a", "quoter"))
    inboxes = InMemoryInboxes()
    watches = Watches(board, inboxes, trio.current_time, lambda pid: True)
    watches.apply({"quoter": WatchConfig("quoter", 60.0)})
    if is_up:
        board.put_watch(Watch("quoter", 60.0).check_in(0.0, None))
    look = watches.look

    def noted() -> None:
        at.append(round(trio.current_time(), 3))
        look()

    watches.look = noted  # type: ignore[method-assign]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watches.run)
        await trio.sleep(1.02)
        if story is not None:
            story(WatchDesk(cast(Hand, None), inboxes, watches, Suspended()))
        await trio.sleep(seconds - 1.02)
        nursery.cancel_scope.cancel()
    return at


async def test_while_a_bot_is_up_it_is_looked_ten_times_a_second_and_else_once(autojump_clock: MockClock) -> None:
    up = [at for at in await looks_of(2.05, is_up=True) if at > 0.5]
    assert max(later - sooner for sooner, later in pairwise(up)) == pytest.approx(0.1)
    idle = [at for at in await looks_of(4.5, is_up=False) if at > 0.0]
    assert max(later - sooner for sooner, later in pairwise(idle)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "story",
    [
        lambda desk: desk.watches.board.post("a", facts.Disarmed(trio.current_time(), "alice")),
        lambda desk: desk.watches.board.put_watch(Watch("quoter", 60.0).check_in(1.02, None)),
        lambda desk: desk.inboxes.send("quoter", Datagram(1.02, b"READY=1", BOT)),
    ],
)
async def test_news_of_an_account_of_a_bot_or_by_mail_are_looked_at_at_once(
    story: Callable[[WatchDesk], None], autojump_clock: MockClock
) -> None:
    began_at = trio.current_time()
    looks = [round(at - began_at, 3) for at in await looks_of(1.5, is_up=True, story=story)]
    assert any(1.02 <= at <= 1.035 for at in looks)
