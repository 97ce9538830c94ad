"""Deribit's door for one account: dial, set the heartbeat, log in, check the scopes (protocol, section 2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random

from deadman import facts
from deadman.clock import Clock
from deadman.config.schema import DeribitAccount
from deadman.errors import Setback, Unavailable
from deadman.promise import CANCEL_RATE, timers
from deadman.transport.dial import Dialler
from deadman.transport.websocket import open_websocket
from deadman.venue import Post, ReadSecret
from deadman.venues.deribit.codes import LOGIN
from deadman.venues.deribit.conversation import Conversation, converse
from deadman.venues.deribit.login import Grant, asked_scope, login_params
from deadman.venues.deribit.orders import Listed, Orders
from deadman.venues.deribit.session import DeribitSession, adopt
from deadman.venues.deribit.switch import Switch

KEYS_OWN = "connection"
"""The scope to ask for to be told all that the key may do."""

SESSION = "deadman"
"""Our own session name: a desk's tokens are neither shared, evicted nor made invalid by ours."""

FRESH_SESSION = "deadman-fresh"
"""For the connection that proves inheritance, so that its login leaves the first one's token alone."""

CANCEL_BURST = 15.0
"""Cancels at once, of the 20 that the venue's lowest tier has: what the network holds back arrives in a bunch."""

BURST, RATE = 80.0, 15.0
"""Requests before a login, at once and a second, of the 100 and 20 that an address has (protocol, section 7.1)."""


@dataclass
class Deribit:
    """The venue for one account, dialled anew for every session."""

    account: DeribitAccount
    dialler: Dialler
    clock: Clock
    chance: Random
    post: Post
    read_secret: ReadSecret
    listed: Listed = field(default_factory=Listed)

    @asynccontextmanager
    async def open_session(self) -> AsyncIterator[DeribitSession]:
        scope = asked_scope(self.account, SESSION)
        async with self._logged_in(scope) as (conversation, grant):
            self.post(facts.SessionOpened(self.clock.now(), grant.can_cancel))
            yield self._session(conversation, grant, scope)

    @asynccontextmanager
    async def look(self) -> AsyncIterator[DeribitSession]:
        """A session for reading, logged in with all that the key may do, so that too much of it is seen."""
        async with self._logged_in(KEYS_OWN) as (conversation, grant):
            yield self._session(conversation, grant, KEYS_OWN)

    async def count_orders(self) -> int:
        """The selection's open orders, by a connection of its own. Raises VenueError where they cannot be read."""
        async with self.look() as session:
            return await session.orders.count()

    async def starts_armed(self) -> bool:
        """Whether a connection opened now starts with the switch on: the only proof that bots inherit it.

        Raises:
            Setback: it could not be opened, or was lost; the session that we have is not the worse for it.
            Refused: the key is no longer good for a login.
        """
        try:
            async with self._connected(1) as conversation:
                await self._log_in(conversation, asked_scope(self.account, FRESH_SESSION))
                return await self._switch(conversation).read("connection")
        except Unavailable as error:
            raise Setback(
                error.reason, f"opening a connection that inherits it: {error.detail}", error.pause
            ) from error

    def _session(self, conversation: Conversation, grant: Grant, scope: str) -> DeribitSession:
        log_in = partial(self._log_in, conversation, scope)
        pace = self.dialler.pace(f"{self.account.url} {self.account.client_id}", CANCEL_BURST, CANCEL_RATE)
        orders = Orders(self.account.cancel, conversation, pace)
        return DeribitSession(
            self.account, conversation, grant, log_in, self._switch(conversation), orders, self.listed
        )

    def _switch(self, conversation: Conversation) -> Switch:
        return Switch(self.account, conversation, self.starts_armed)

    @asynccontextmanager
    async def _logged_in(self, scope: str) -> AsyncIterator[tuple[Conversation, Grant]]:
        async with self._connected(2) as conversation:
            yield conversation, await self._greet(conversation, scope)

    @asynccontextmanager
    async def _connected(self, requests: int) -> AsyncIterator[Conversation]:
        """A conversation with so many requests before its login: our address pays those, not the account."""
        await self.dialler.pace(self.account.url, BURST, RATE).spend(requests)
        context = self.dialler.context(self.account.ca_file)
        async with (
            open_websocket(self.dialler, self.account.url, context) as socket,
            converse(socket, self.clock, timers(self.account), self.post) as conversation,
        ):
            yield conversation

    async def _greet(self, conversation: Conversation, scope: str) -> Grant:
        """The heartbeat first, since a bare socket is cut; after the login where nothing may be asked before it."""
        interval = {"interval": self.account.heartbeat_interval}
        try:
            await conversation.ask("public/set_heartbeat", interval)
        except Setback:
            grant = await self._log_in(conversation, scope)
            await conversation.ask("public/set_heartbeat", interval)
            return grant
        return await self._log_in(conversation, scope)

    async def _log_in(self, conversation: Conversation, scope: str) -> Grant:
        secret = await self.read_secret()
        params = login_params(self.account, secret, scope, self.clock.timestamp(), self.chance)
        return adopt(conversation, self.account, await conversation.ask(LOGIN, params))
