"""SX Bet's door for one account: the key read anew, and a connection of its own (protocol, sections 9.1 and 9.6)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from deadman.clock import Clock
from deadman.config.schema import SxBetAccount
from deadman.promise import timers
from deadman.transport.dial import Dialler
from deadman.transport.http import open_http
from deadman.venue import Post, ReadSecret
from deadman.venues.sxbet.conversation import Conversation
from deadman.venues.sxbet.login import Grant
from deadman.venues.sxbet.orders import Orders
from deadman.venues.sxbet.session import Marks, SxBetSession
from deadman.venues.sxbet.switch import Switch


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

    @asynccontextmanager
    async def open_session(self) -> AsyncIterator[SxBetSession]:
        """A replaced key file is a rotated key, while the lease taken with the old one still stands."""
        async with self._session(opened=False) as session:
            yield session

    @asynccontextmanager
    async def look(self) -> AsyncIterator[SxBetSession]:
        """A session for reading, which is not told of as one: nothing follows from it for the account."""
        async with self._session(opened=True) as session:
            yield session

    async def count_orders(self) -> int:
        """All open orders, by a connection of its own. Raises VenueError where they cannot be read."""
        async with self.look() as session:
            return await session.orders.count()

    @asynccontextmanager
    async def _session(self, *, opened: bool) -> AsyncIterator[SxBetSession]:
        grant = Grant.of(self.account, await self.read_secret())
        context = self.dialler.context(self.account.ca_file)
        async with open_http(self.dialler, self.account.url, context) as http:
            conversation = Conversation(http, grant, self.clock, timers(self.account), self.post, opened)
            orders = Orders(self.account, conversation)
            yield SxBetSession(conversation, Switch(self.account, conversation), orders, self.marks)
