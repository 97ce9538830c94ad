"""One session with SX Bet, a sequence of requests, and what a keeper asks of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from random import Random

import trio

from deadman.model import facts
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused, Unavailable, VenueError
from deadman.model.facts import Round
from deadman.model.proof import Proof
from deadman.model.settings import OnTrip
from deadman.transport.dial import Dialler
from deadman.transport.http import open_http
from deadman.venues.sxbet.conversation import Conversation
from deadman.venues.sxbet.drill import SxBetDrill
from deadman.venues.sxbet.orders import Orders
from deadman.venues.sxbet.settings import CUT, SxBetAccount
from deadman.venues.sxbet.switch import Switch
from deadman.venues.venue import Look, Post, ReadSecret

COUNT_INTERVAL = 20.0
"""Seconds between two listings of open orders at least."""

VENUE_LAG = 1.0
"""Seconds given to the venue after a cut lease's end before its list is read; its own delay is not documented."""

UNCHANGED = {Reason.RETIRED, Reason.UNSUPPORTED, Reason.VENUE_ERROR, Reason.GARBLED}
"""Ends of a cancel after which the next round may well do better; of others the keeper must hear at once."""

TWO_TRIES = 1.0
"""Seconds until the next round at least, when its list cost a second connection in vain."""


@dataclass
class Marks:
    """What outlives a session: when open orders were last asked for, so that a flapping venue is not asked twice."""

    counted_at: float = -inf


@dataclass
class SxBetSession:
    """Requests over one connection, kept alive between renewals."""

    conversation: Conversation
    switch: Switch
    orders: Orders
    marks: Marks

    async def arm(self) -> Proof:
        return await self.switch.take()

    async def renew(self) -> Proof:
        return await self.switch.take()

    async def attend(self, until: float) -> None:
        """The venue never speaks first; the time is used to count what is open."""
        with trio.move_on_at(until):
            await self._count_orders()
            # A wait may be long, and a count grows old; one that would not end in time is left to the next wait.
            while (due := self.marks.counted_at + COUNT_INTERVAL) < until - self.conversation.reply_timeout:
                await trio.sleep_until(due)
                await self._count_orders()
        await trio.sleep_until(until)

    def recount(self) -> None:
        self.marks.counted_at = -inf

    async def identify(self) -> str | None:
        """The wallet whose orders the key lists, which are counted in the same look; None where there are none."""
        asked_at = self.conversation.clock.now()
        owner, count = await self.orders.look()
        if count is not None:
            self.marks.counted_at = asked_at
            self.conversation.post(facts.OrdersCounted(self.conversation.clock.now(), count))
        return owner

    async def disarm(self) -> None:
        await self.switch.end(0)

    async def cancel_orders(self, method: OnTrip) -> Round:
        """`cancel`: by key. `expire`: the lease cut to a second. `lapse`: nothing is sent, the lease runs out.

        Whatever becomes of the request, the venue's list is read: nothing open is the end, and only the list says so.
        """
        if method == "lapse":
            return Round(0, await self._remaining())
        try:
            if method == "cancel":
                return await self._cancel()
            await self.switch.end(CUT)
            await trio.sleep(CUT + VENUE_LAG)
            return Round(0, await self._remaining())
        except VenueError as error:
            return await self._after(error)

    async def _cancel(self) -> Round:
        """Where the venue has no list that we can read, its word that it cancelled all of them has to do.

        One that is not answered this time may be the next: until then nothing is confirmed.
        """
        cancelled, unsure = await self.orders.cancel()
        try:
            return Round(cancelled, await self.orders.count())
        except Refused:
            return Round(cancelled, unsure)
        except Unavailable as error:
            return Round(cancelled, unsure if error.reason is Reason.GARBLED else None)

    async def _after(self, error: VenueError) -> Round:
        """The round though its request failed, as far as the list can be read; else what made it fail."""
        remaining = await self._remaining()
        if remaining is None:
            error.pause = max(error.pause, TWO_TRIES)
        if remaining is None or (remaining and error.reason not in UNCHANGED):
            raise error
        if remaining:
            self.conversation.post(facts.Failed(self.conversation.clock.now(), error.reason, error.detail))
        return Round(0, remaining)

    async def _remaining(self) -> int | None:
        try:
            return await self.orders.count()
        except (Unavailable, Refused):
            return None

    async def _count_orders(self) -> None:
        """For people only, and never twice on a venue that is slow to tell."""
        now = self.conversation.clock.now()
        if now >= self.marks.counted_at + COUNT_INTERVAL:
            self.marks.counted_at = now
            count = await self._remaining()
            self.conversation.post(facts.OrdersCounted(self.conversation.clock.now(), count))


@dataclass
class SxBet:
    """The venue for one account; a fresh connection for every session."""

    account: SxBetAccount
    dialler: Dialler
    clock: Clock
    chance: Random
    post: Post
    read_secret: ReadSecret
    marks: Marks = field(default_factory=Marks)

    def open_session(self) -> AbstractAsyncContextManager[SxBetSession]:
        """A replaced key file is a rotated key, while the lease taken with the old one still stands."""
        return self._session(opened=False)

    def look(self) -> AbstractAsyncContextManager[SxBetSession]:
        """A session for reading, which is not told of as one: nothing follows from it for the account."""
        return self._session(opened=True)

    async def count_orders(self) -> int:
        """All open orders, by a connection of its own. Raises VenueError where they cannot be read."""
        async with self.look() as session:
            return await session.orders.count()

    async def inspect(self, look: Look) -> None:
        async with self.look() as session:
            orders = await session.orders.count()
        proves = "the key is accepted" if self.account.api == "v3" else "public, so it says nothing of the key"
        look.said.append(f"open orders: {orders} ({proves})")
        look.said.append("whether a lease stands cannot be read: `run` takes one and verifies its echo")

    def drill(self, label: str) -> SxBetDrill:
        """Its orders are the account's own, which need no label."""
        return SxBetDrill(self.look)

    @asynccontextmanager
    async def _session(self, *, opened: bool) -> AsyncIterator[SxBetSession]:
        key = await self.read_secret()
        context = self.dialler.context(self.account.ca_file)
        async with open_http(self.dialler, self.account.url, context) as http:
            await http.connect(self.account.timers.reply_timeout)
            conversation = Conversation(http, self.account, key, self.clock, self.post, opened)
            orders = Orders(self.account, conversation)
            yield SxBetSession(conversation, Switch(self.account, conversation), orders, self.marks)
