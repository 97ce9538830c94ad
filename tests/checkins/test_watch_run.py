"""Watches in a running loop: laws over any story of bots, on a clock that jumps ahead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from deadman.checkins.protocol import Datagram
from deadman.checkins.rounds import SHORTEST_LOOK_INTERVAL, Watches
from deadman.model import facts
from deadman.model.account import Standing
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.facts import Cause
from deadman.model.settings import WatchConfig
from deadman.model.trip import Trip
from deadman.model.watch import Sender
from tests.support.boards import sxbet
from tests.support.inboxes import InMemoryInboxes
from tests.support.watching import deribit

TIMEOUT = 2.0
NOTICED = 0.3
BOT = Sender(7, 1000)


class Story:
    """One bot, one account of each venue, whose trips are done as soon as they are begun."""

    def __init__(self) -> None:
        self.board = Board.new(Clock(trio.current_time, trio.current_time))
        for account in (deribit("a", "bot"), sxbet("b", "bot")):
            self.board.add(account)
        self.inboxes = InMemoryInboxes()
        self.watches = Watches(self.board, self.inboxes, trio.current_time, lambda pid: False)
        self.watches.apply({"bot": WatchConfig("bot", TIMEOUT)})
        self.trips: list[tuple[float, Trip]] = []
        self.board.listen(self._note)

    def say(self, words: bytes) -> None:
        self.inboxes.send("bot", Datagram(trio.current_time(), words, BOT))

    def _note(self, account: str, before: Standing, after: Standing) -> None:
        trip = after.guard.trip
        if account == "a" and trip is not None and before.guard.trip is None:
            self.trips.append((trio.current_time(), trip))


def play(story: Callable[[Story], Awaitable[None]]) -> Story:
    async def main() -> Story:
        told = Story()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(told.watches.run)
            await trio.testing.wait_all_tasks_blocked()
            await story(told)
            nursery.cancel_scope.cancel()
        return told

    return trio.run(main, clock=MockClock(autojump_threshold=0))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(min_value=0.0, max_value=TIMEOUT - 0.001), max_size=40))
def test_no_trip_while_check_ins_arrive_within_the_timeout(pauses: list[float]) -> None:
    async def story(told: Story) -> None:
        told.say(b"READY=1")
        for pause in pauses:
            await trio.sleep(pause)
            told.say(b"WATCHDOG=1")

    assert play(story).trips == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(min_value=0.0, max_value=1.9), max_size=20), st.floats(min_value=3.0, max_value=30.0))
def test_silence_always_trips_and_no_later_than_promised(pauses: list[float], silence: float) -> None:
    async def story(told: Story) -> None:
        told.say(b"READY=1")
        for pause in pauses:
            await trio.sleep(pause)
            told.say(b"WATCHDOG=1")
        await trio.sleep(silence)

    last = sum(pauses)
    ((noticed, trip),) = play(story).trips
    assert trip.cause is Cause.SILENCE
    assert trip.at == pytest.approx(last + TIMEOUT)
    assert last + TIMEOUT <= noticed <= last + TIMEOUT + NOTICED


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(min_value=0.01, max_value=1.5) | st.floats(min_value=2.5, max_value=6.0), max_size=30))
def test_a_flapping_bot_trips_once_for_every_silence_and_is_back_after_each(pauses: list[float]) -> None:
    async def story(told: Story) -> None:
        told.say(b"READY=1")
        for pause in pauses:
            await trio.sleep(pause)
            for account in "ab":
                told.board.post(account, facts.TripDone(trio.current_time(), presumed=False))
            await trio.sleep(0.001)
            told.say(b"WATCHDOG=1")
            await trio.sleep(0.15)
            guards = [told.board.standing(account).guard for account in "ab"]
            assert [guard.trip for guard in guards] == [None, None]
            assert not guards[1].awaited

    assert len(play(story).trips) == sum(pause > TIMEOUT for pause in pauses)


def test_a_trigger_and_a_goodbye_do_not_wait_for_the_next_look() -> None:
    for words, cause in ((b"WATCHDOG=trigger", Cause.TRIGGER), (b"STOPPING=1", Cause.STOPPING)):

        async def story(told: Story, words: bytes = words) -> None:
            await trio.sleep(1.0301)
            told.say(words)
            await trio.sleep(0.05)

        ((noticed, trip),) = play(story).trips
        assert trip.cause is cause
        assert trip.at == pytest.approx(1.0301)
        assert noticed <= 1.0301 + 0.021


def test_a_flood_of_triggers_does_not_make_the_loop_look_without_rest() -> None:
    async def story(told: Story) -> None:
        looks = 0
        look = told.watches.look

        def counted() -> None:
            nonlocal looks
            looks += 1
            look()

        told.watches.look = counted  # type: ignore[method-assign]
        for _ in range(2000):
            told.say(b"WATCHDOG=trigger")
            await trio.sleep(0.001)
        assert looks <= 2.0 / SHORTEST_LOOK_INTERVAL + 2

    play(story)
