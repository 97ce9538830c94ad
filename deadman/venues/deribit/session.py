"""A Deribit account's session: dialled, listening, logged in, and what a keeper asks of it (protocol, section 2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import Any

import trio

from deadman import facts
from deadman.clock import Clock
from deadman.config.schema import DeribitAccount, OnTrip
from deadman.errors import Refused, Setback, Unavailable
from deadman.promise import Timers, timers
from deadman.proof import Proof
from deadman.transport.dial import Dialler
from deadman.transport.websocket import open_websocket
from deadman.venue import Post, ReadSecret, Round
from deadman.venues.deribit.conversation import Conversation, converse
from deadman.venues.deribit.login import Grant, login_params, read_grant, refresh_params
from deadman.venues.deribit.orders import Orders
from deadman.venues.deribit.switch import History, Switch

SESSION = "deadman"
"""Our own session name: a desk's tokens are neither shared, evicted nor made invalid by ours."""

FRESH_SESSION = "deadman-fresh"
"""For the connection that proves inheritance, so that its login leaves the first one's token alone."""

FIRED_CHANNEL = "user.orders.any.any.100ms"
"""Tells of each order's end and its reason (protocol, section 4.2)."""

COUNT_INTERVAL = 20.0
"""Seconds between two listings of open orders at least: credits are the bots' too."""


@dataclass
class Deribit:
    """The venue for one account, dialled anew for every session."""

    account: DeribitAccount
    dialler: Dialler
    clock: Clock
    chance: Random
    post: Post
    read_secret: ReadSecret
    history: History = field(default_factory=History)
    timers: Timers = field(init=False)

    def __post_init__(self) -> None:
        self.timers = timers(self.account)

    @asynccontextmanager
    async def open_session(self) -> AsyncIterator[DeribitSession]:
        """Dial, set the heartbeat, log in, check the scopes."""
        async with self._logged_in(SESSION) as session:
            self.post(facts.SessionOpened(self.clock.now(), session.grant.can_cancel))
            yield session

    async def starts_armed(self) -> bool:
        """Whether a connection opened now starts with the switch on: the only proof that bots inherit it."""
        async with self._logged_in(FRESH_SESSION) as fresh:
            return await fresh.switch.read("connection")

    @asynccontextmanager
    async def _logged_in(self, name: str) -> AsyncIterator[DeribitSession]:
        context = self.dialler.context(self.account.ca_file)
        async with (
            open_websocket(self.dialler, self.account.url, context) as socket,
            converse(socket, self.clock, self.timers, self.post) as conversation,
        ):
            yield DeribitSession(self, conversation, await self._greet(conversation, name), self.clock.now())

    async def _greet(self, conversation: Conversation, name: str) -> Grant:
        """The heartbeat first, since a bare socket is cut; after the login where nothing may be asked before it."""
        interval = {"interval": self.account.heartbeat_interval}
        try:
            await conversation.ask("public/set_heartbeat", interval)
        except Setback:
            grant = await self.log_in(conversation, name)
            await conversation.ask("public/set_heartbeat", interval)
            return grant
        return await self.log_in(conversation, name)

    async def log_in(self, conversation: Conversation, name: str) -> Grant:
        secret = await self.read_secret()
        params = login_params(self.account, secret, name, self.clock.timestamp(), self.chance)
        return self.take(conversation, await conversation.ask("public/auth", params))

    def take(self, conversation: Conversation, result: Any) -> Grant:
        """Use what a login granted from here on."""
        grant = read_grant(result, self.account)
        conversation.token = grant.token_params()
        self.post(facts.TokenGranted(self.clock.now(), self.clock.timestamp() + grant.lifetime))
        return grant


@dataclass
class DeribitSession:
    """Logged in and listening; `granted_at` dates the token."""

    venue: Deribit
    conversation: Conversation
    grant: Grant
    granted_at: float
    switch: Switch = field(init=False)
    orders: Orders = field(init=False)
    _counted_at: float = -inf
    _subscribed: bool = False

    def __post_init__(self) -> None:
        self.switch = Switch(self.venue.account, self.venue.history, self.conversation, self.venue.starts_armed)
        self.orders = Orders(self.venue.account.cancel, self.conversation)

    async def arm(self) -> Proof:
        return await self.switch.arm()

    async def renew(self) -> Proof:
        return await self.switch.confirm()

    async def attend(self, until: float) -> None:
        """The reader answers and the prober asks meanwhile; a token renewed makes a proof due at once."""
        await self._subscribe()
        await self._count_orders()
        refresh_at = self.grant.refresh_due(self.granted_at)
        await trio.sleep_until(min(until, refresh_at))
        if refresh_at <= until:
            await self._refresh()

    async def disarm(self) -> None:
        await self.switch.turn_off()

    async def cancel_orders(self, means: OnTrip) -> Round:
        """Deribit has one means, whatever the config names."""
        cancelled = await self.orders.cancel()
        return Round(cancelled, await self.orders.count() if self.grant.can_list_orders else None)

    async def _refresh(self) -> None:
        """A new token in band; where the venue takes no refresh, a login, which needs the key once more."""
        try:
            self.grant = await self._refreshed()
        except Refused:
            self.grant = await self.venue.log_in(self.conversation, SESSION)
        self.granted_at = self.venue.clock.now()

    async def _refreshed(self) -> Grant:
        if self.grant.refresh_token is None:
            return await self.venue.log_in(self.conversation, SESSION)
        result = await self.conversation.ask("public/auth", refresh_params(self.grant.refresh_token))
        return self.venue.take(self.conversation, result)

    async def _subscribe(self) -> None:
        """Hear of orders the venue itself cancels; in batches, so that a busy bot does not drown us."""
        if self._subscribed or not self.grant.can_list_orders:
            return
        self._subscribed = True
        with suppress(Unavailable, Refused):
            await self.conversation.ask("private/subscribe", {"channels": [FIRED_CHANNEL]})

    async def _count_orders(self) -> None:
        """For people only: a venue that will not list them costs the session nothing."""
        now = self.venue.clock.now()
        if not self.grant.can_list_orders or now < self._counted_at + COUNT_INTERVAL:
            return
        self._counted_at = now
        try:
            count = await self.orders.count()
        except (Unavailable, Refused):
            count = None
        self.venue.post(facts.OrdersCounted(self.venue.clock.now(), count))
