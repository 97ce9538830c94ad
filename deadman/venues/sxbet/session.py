"""An SX Bet account's session: a sequence of requests, and what a keeper asks of it (protocol, sections 9 and 10)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from random import Random

import trio

from deadman import facts
from deadman.clock import Clock
from deadman.config.schema import OnTrip, SxBetAccount
from deadman.errors import Refused, Unavailable
from deadman.promise import Timers, timers
from deadman.proof import Proof
from deadman.transport.dial import Dialler
from deadman.transport.http import open_http
from deadman.venue import Post, ReadSecret, Round
from deadman.venues.sxbet.conversation import Conversation
from deadman.venues.sxbet.login import Grant
from deadman.venues.sxbet.orders import Orders
from deadman.venues.sxbet.switch import CUT, Switch

COUNT_INTERVAL = 20.0
"""Seconds between two listings of open orders at least."""

VENUE_LAG = 1.0
"""Seconds given to the venue after a cut lease's end before its list is read; its own delay is not documented."""


@dataclass
class SxBet:
    """The venue for one account; a fresh connection for every session."""

    account: SxBetAccount
    dialler: Dialler
    clock: Clock
    chance: Random
    post: Post
    read_secret: ReadSecret
    timers: Timers = field(init=False)
    counted_at: float = -inf

    def __post_init__(self) -> None:
        self.timers = timers(self.account)

    @asynccontextmanager
    async def open_session(self) -> AsyncIterator[SxBetSession]:
        """Read the key anew: a replaced file is a rotated key, and the lease still stands meanwhile."""
        grant = Grant.of(self.account, await self.read_secret())
        context = self.dialler.context(self.account.ca_file)
        async with open_http(self.dialler, self.account.url, context) as http:
            yield SxBetSession(self, Conversation(http, grant, self.clock, self.timers, self.post))


@dataclass
class SxBetSession:
    """Requests over one connection, kept alive between renewals."""

    venue: SxBet
    conversation: Conversation
    switch: Switch = field(init=False)
    orders: Orders = field(init=False)

    def __post_init__(self) -> None:
        self.switch = Switch(self.venue.account, self.conversation)
        self.orders = Orders(self.venue.account, self.conversation)

    async def arm(self) -> Proof:
        return await self.switch.arm()

    async def renew(self) -> Proof:
        return await self.switch.confirm()

    async def attend(self, until: float) -> None:
        """The venue never speaks first; the time is used to count what is open."""
        with trio.move_on_at(until):
            await self._count_orders()
        await trio.sleep_until(until)

    async def disarm(self) -> None:
        await self.switch.turn_off()

    async def cancel_orders(self, means: OnTrip) -> Round:
        """`cancel`: by key. `expire`: the lease cut to a second. `lapse`: nothing is sent, the lease runs out."""
        if means == "cancel":
            return await self._cancel()
        if means == "expire":
            self.venue.post(facts.Proven(self.venue.clock.now(), await self.switch.cut()))
            await trio.sleep(CUT + VENUE_LAG)
        return Round(0, await self._remaining())

    async def _cancel(self) -> Round:
        """Where the list cannot be read, the venue's word that it cancelled all of them has to do."""
        cancelled, unsure = await self.orders.cancel()
        remaining = await self._remaining()
        return Round(cancelled, unsure if remaining is None else remaining)

    async def _remaining(self) -> int | None:
        try:
            return await self.orders.count()
        except (Unavailable, Refused):
            return None

    async def _count_orders(self) -> None:
        """For people only, and never twice on a venue that is slow to tell."""
        now = self.venue.clock.now()
        if now >= self.venue.counted_at + COUNT_INTERVAL:
            self.venue.counted_at = now
            self.venue.post(facts.OrdersCounted(self.venue.clock.now(), await self._remaining()))
