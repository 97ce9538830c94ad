"""One conversation with Deribit: requests and answers, the test_requests answered, and our own probe of its life."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import trio

from deadman.model import facts
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused, Setback, Unavailable, ungrouped
from deadman.model.timers import Timers
from deadman.transport.websocket import WebSocket
from deadman.venues.deribit import wire
from deadman.venues.deribit.wire import failure
from deadman.venues.venue import Post

BENEFIT_OF_DOUBT = 0.05
"""Seconds after the deadline: if it was we who stalled, the answer lies unread, and the reader needs a turn."""


TESTS_BURST, TESTS_RATE = 10.0, 2.0
"""Answers to test_requests, at once and a second: they are due every ten seconds at most, and a venue that asks
without end would have us spend, in its favour, the requests that end our own session."""


@dataclass
class _Pending:
    """A request under way. `answered` is set when the reply is read, which was at `answered_at`."""

    answered: trio.Event
    asked_at: float
    asked_timestamp: float
    reply: wire.Reply | None = None
    answered_at: float = 0.0


@dataclass
class Conversation:
    """Requests multiplexed by id over one WebSocket. `answered_at`: when the last answer to us was read.

    `stirred` is set by news of any order; who waits for it puts a new one there.
    """

    socket: WebSocket
    clock: Clock
    timers: Timers
    post: Post
    answered_at: float
    token: Mapping[str, str] = field(default_factory=dict, repr=False)
    stirred: trio.Event = field(default_factory=trio.Event)
    _tests_paid_until: float = 0.0
    _ids: Iterator[int] = field(default_factory=lambda: count(1))
    _pending: dict[int, _Pending] = field(default_factory=dict)
    _life: trio.Event = field(default_factory=trio.Event)

    async def ask(self, method: str, params: Mapping[str, Any], within: float | None = None) -> Any:
        """The result of `method`, within the reply timeout.

        Raises:
            Unavailable: no answer in time; what the venue did is not known then.
            VenueError: by the table in `codes` for an error answer.
        """
        limit = self.timers.reply_timeout if within is None else within
        pending = await self._exchange(method, params, trio.Event(), limit)
        if pending.reply is None:
            raise Unavailable(Reason.SILENT, f"{method} unanswered for {limit:.1f} s")
        return self._outcome(method, pending, pending.reply)

    async def _exchange(self, method: str, params: Mapping[str, Any], until: trio.Event, limit: float) -> _Pending:
        """Send, and wait for the reply, or for `until` to be set by another, but no longer than `limit` seconds."""
        identity, pending = next(self._ids), _Pending(until, self.clock.now(), self.clock.timestamp())
        self._pending[identity] = pending
        try:
            private = self.token if method.startswith("private/") else {}
            await self.socket.send(wire.request(identity, method, {**params, **private}))
            with trio.move_on_after(limit):
                await until.wait()
            with trio.move_on_after(BENEFIT_OF_DOUBT):
                await until.wait()
        finally:
            del self._pending[identity]
        return pending

    def _outcome(self, method: str, pending: _Pending, reply: wire.Reply) -> Any:
        self.post(facts.Answered(pending.answered_at, pending.answered_at - pending.asked_at))
        offset = self._compare_clocks(reply, pending.asked_timestamp, pending.answered_at)
        return self._result(method, reply, offset)

    def _compare_clocks(self, reply: wire.Reply, asked_timestamp: float, answered_at: float) -> float:
        """The venue's clock less ours, in seconds; 0 where it does not tell. Our wall clock sees a suspend."""
        if reply.sent_timestamp is None:
            return 0.0
        answered_timestamp = self.clock.timestamp_of(answered_at)
        offset = reply.sent_timestamp - (asked_timestamp + answered_timestamp) / 2
        self.post(facts.ClockCompared(answered_at, offset, abs(answered_timestamp - asked_timestamp)))
        return offset

    def _result(self, method: str, reply: wire.Reply, offset: float) -> Any:
        if reply.error is not None:
            self.post(facts.Erred(self.answered_at, str(reply.error.code)))
            raise failure(method, reply.error, offset)
        return reply.result

    async def read(self) -> None:
        """Take in every frame. A test_request is answered here and now: nothing may stand between."""
        while True:
            text = await self.socket.receive()
            read_at = self.clock.now()
            match wire.parse(text):
                case wire.TestRequest() if self._may_answer(read_at):
                    await self.socket.send(wire.request(next(self._ids), "public/test", {}))
                    self.post(facts.TestRequestAnswered(read_at, self.clock.now() - read_at))
                case wire.Reply() as reply:
                    self._take(reply, read_at)
                case wire.Notification() as news:
                    self._hear(news, read_at)

    def _may_answer(self, now: float) -> bool:
        """Whether one more test_request is to be answered; what is given to it counts as given."""
        paid_until = max(self._tests_paid_until, now)
        if paid_until > now + TESTS_BURST / TESTS_RATE:
            return False
        self._tests_paid_until = paid_until + 1 / TESTS_RATE
        return True

    def _take(self, reply: wire.Reply, read_at: float) -> None:
        """Any answer is life; one nobody waits for any more is no more than that."""
        self.answered_at = read_at
        pending = self._pending.get(reply.id)
        if pending is not None:
            pending.reply, pending.answered_at = reply, read_at
            pending.answered.set()
        self._life.set()
        self._life = trio.Event()

    def _hear(self, news: wire.Notification, read_at: float) -> None:
        if news.channel.startswith("user.orders"):
            self.stirred.set()
        fired = wire.fired(news)
        if fired:
            self.post(facts.VenueFired(read_at, fired))

    async def probe(self) -> None:
        """Ask for a sign of life whenever none was seen for a while: a pong is not life, an answer is."""
        while True:
            await trio.sleep_until(self.answered_at + self.timers.probe_interval)
            if self.clock.now() >= self.answered_at + self.timers.probe_interval:
                with suppress(Setback, Refused):  # an answer, whatever it says
                    await self._seek_life()

    async def _seek_life(self) -> None:
        """Return at the first answer to whatever we asked: a venue that is slow to answer a probe is not dead.

        The next probe then counts from that answer, so that a venue that fell silent after it is found out in time.
        """
        life, limit = self._life, self.timers.probe_timeout
        probe = await self._exchange("public/test", {}, life, limit)
        if probe.reply is not None:
            self._outcome("public/test", probe, probe.reply)
        elif not life.is_set():
            raise Unavailable(Reason.SILENT, f"nothing was answered for {limit:.1f} s")


@asynccontextmanager
async def converse(socket: WebSocket, clock: Clock, timers: Timers, post: Post) -> AsyncIterator[Conversation]:
    """A conversation with its reader running; it ends with `Unavailable` the moment the peer is gone."""
    conversation = Conversation(socket, clock, timers, post, clock.now())
    with ungrouped():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(conversation.read)
            nursery.start_soon(conversation.probe)
            yield conversation
            nursery.cancel_scope.cancel()
