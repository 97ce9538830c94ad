"""One session with Deribit, logged in and listening, and what a keeper asks of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import inf
from random import Random
from typing import Any

import trio

from deadman.model import facts
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused, Setback, Unavailable
from deadman.model.facts import Round
from deadman.model.proof import Proof
from deadman.model.settings import OnTrip
from deadman.transport.dial import Dialler
from deadman.transport.websocket import WebSocket, open_websocket
from deadman.venues.deribit.conversation import (
    TRADING,
    Conversation,
    Grant,
    asked_scope,
    converse,
    excess,
    login_params,
    needed_for,
    read_grant,
    refresh_params,
)
from deadman.venues.deribit.drill import DeribitDrill
from deadman.venues.deribit.orders import Ended, Orders, ask_ended, ids_of
from deadman.venues.deribit.settings import BURST, CANCEL_RATE, LISTING_TIMEOUT, RATE, DeribitAccount
from deadman.venues.deribit.switch import Switch
from deadman.venues.deribit.wire import LOGIN, account_id
from deadman.venues.venue import Look, Post, ReadSecret

FIRED_CHANNEL = "user.orders.any.any.100ms"
"""Tells of each order's end and its reason, in batches, so that a busy bot does not drown us."""

COUNT_INTERVAL = 20.0
"""Seconds between two listings of open orders at least: credits are the bots' too."""

STIRRED_INTERVAL = 5.0
"""The same while orders come and go."""

IDENTIFY_TIMEOUT = 2.0
"""Seconds to tell whose account it is: where nothing hangs on it, arming must not wait for long."""


@dataclass
class DeribitSession:
    """`log_in` does it anew in band, reading the key again. `listed`: the ids of the orders that were listed last, over
    all sessions; only which orders to ask about is read off it."""

    account: DeribitAccount
    conversation: Conversation
    grant: Grant
    log_in: Callable[[], Awaitable[Grant]]
    switch: Switch
    orders: Orders
    listed: set[str]
    refresh_at: float = field(init=False)
    _counted_at: float = -inf
    _subscribed: bool = False
    _compared: bool = False

    def __post_init__(self) -> None:
        self.refresh_at = self.grant.refresh_due(self.conversation.clock.now())

    async def arm(self) -> Proof:
        return await self.switch.arm()

    async def renew(self) -> Proof:
        return await self.switch.confirm()

    async def attend(self, until: float) -> None:
        """The reader answers and the prober asks meanwhile; a token renewed makes a proof due at once.

        Raises Setback for a token that is not renewed this time: the one we have is good for a few more tries.
        """
        with trio.move_on_at(min(until, self.refresh_at)):
            if not self._subscribed and self.grant.can_list_orders:
                self._subscribed = True
                with _for_people():  # to hear of orders the venue itself cancels
                    await self.conversation.ask("private/subscribe", {"channels": [FIRED_CHANNEL]})
            await self._count_on(min(until, self.refresh_at))
        if self.refresh_at <= until:
            await self._refresh()

    def recount(self) -> None:
        self._counted_at = -inf

    async def identify(self) -> str | None:
        """The id of the account, which every key of it shares."""
        params = {"currency": "BTC", "extended": True}
        summary = await self.conversation.ask("private/get_account_summary", params, IDENTIFY_TIMEOUT)
        return account_id(summary)

    async def disarm(self) -> None:
        await self.switch.turn_off()

    async def cancel_orders(self, method: OnTrip) -> Round:
        """Deribit has one method, whatever the config names."""
        return await self.orders.cancel(self.grant.can_list_orders)

    async def _refresh(self) -> None:
        """A new token in band; where the venue takes no refresh, a login, which needs the key once more.

        What a session may do is told when it opens: a key that may do more or less by now is for a new session.
        """
        self.refresh_at = self.conversation.clock.now() + self.grant.refresh_pause()
        try:
            if self.grant.refresh_token is None:
                grant = await self.log_in()
            else:
                result = await self.conversation.ask(LOGIN, refresh_params(self.grant.refresh_token))
                grant = adopt(self.conversation, self.account, result)
        except Refused:
            grant = await self.log_in()
        if grant.can_cancel is not self.grant.can_cancel:
            raise Unavailable(Reason.SCOPE, "the key's permission to cancel has changed: logging in anew")
        self.grant, self.refresh_at = grant, grant.refresh_due(self.conversation.clock.now())

    async def _count_on(self, until: float) -> None:
        """A wait may be long, and a count grows old; one that would not end in time is left to the next wait.

        Sooner while orders come and go: only what was counted can be missed after a gap.
        """
        interval = STIRRED_INTERVAL if self.conversation.stirred.is_set() else COUNT_INTERVAL
        if self._counted_at + interval <= self.conversation.clock.now():
            await self._count_orders()
        while self.grant.can_list_orders and self._counted_at + STIRRED_INTERVAL < until - LISTING_TIMEOUT:
            with trio.move_on_at(min(self._counted_at + COUNT_INTERVAL, until)):
                await self.conversation.stirred.wait()
                await trio.sleep_until(self._counted_at + STIRRED_INTERVAL)
            if self.conversation.clock.now() >= until - LISTING_TIMEOUT:
                break
            await self._count_orders()
        await trio.sleep_until(until)

    async def _count_orders(self) -> None:
        """For people only: a venue that will not list them costs the session nothing."""
        self._counted_at, count, ended = self.conversation.clock.now(), None, Ended()
        if not self.grant.can_list_orders:
            return
        self.conversation.stirred = trio.Event()
        with _for_people():
            listed = set(ids_of(orders := await self.orders.open()))
            count, missing = len(orders), self.listed - listed
            if not self._compared and len(listed) < len(self.listed):
                ended = await ask_ended(self.conversation, missing)
            self._compared = True
            self.listed.clear()
            self.listed.update(listed)
        now = self.conversation.clock.now()
        self.conversation.post(facts.OrdersCounted(now, count, ended.by_venue, ended.accounted))


@contextmanager
def _for_people() -> Iterator[None]:
    """What is asked for people only costs the session nothing, whatever the answer.

    But for 10028: the venue ends the session for it, and wants to be left alone for a while.
    """
    try:
        yield
    except Refused:
        return
    except Unavailable as error:
        if error.reason is Reason.RATE_LIMITED and not isinstance(error, Setback):
            raise


def adopt(conversation: Conversation, account: DeribitAccount, result: Any) -> Grant:
    """Use what a login granted from here on. Raises Refused where it is too little."""
    grant, clock = read_grant(result, account), conversation.clock
    conversation.token = grant.token_params()
    conversation.post(facts.TokenGranted(clock.now(), clock.timestamp() + grant.lifetime))
    return grant


KEYS_OWN = "connection"
"""The scope to ask for to be told all that the key may do."""

CANCEL_BURST = 15.0
"""Cancels at once, of the 20 that the venue's lowest tier has: what the network holds back arrives in a bunch."""


@dataclass
class Deribit:
    """The venue for one account, dialled anew for every session."""

    account: DeribitAccount
    dialler: Dialler
    clock: Clock
    chance: Random
    post: Post
    read_secret: ReadSecret
    listed: set[str] = field(default_factory=set)

    @asynccontextmanager
    async def open_session(self) -> AsyncIterator[DeribitSession]:
        scope = asked_scope(self.account, "deadman")
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

    async def inspect(self, look: Look) -> None:
        async with self.look() as session:
            granted = session.grant.scopes
            look.said.append(f"login accepted; the key grants: {' '.join(sorted(granted))}")
            if not session.grant.can_cancel and not self.account.observe:
                look.wrong(f"it lacks {TRADING}: armed all the same, but a trip cannot cancel")
            if more := excess(granted, needed_for(self.account)):
                look.said.append(f"more than is needed: {' '.join(more)}; a key without them is safer to lose")
            inherited, on = await session.switch.read("connection"), await session.switch.read("account")
            word = {True: "on", False: "off"}
            look.said.append(f"cancel-on-disconnect: account {word[on]}, a new connection starts {word[inherited]}")
            if not on:
                look.said.append("`run` turns it on, and proves it")
            if session.grant.can_list_orders:
                look.said.append(f"open orders of the selection: {await session.orders.count()}")

    async def starts_armed(self) -> bool:
        """Whether a connection opened now starts with the switch on: the only proof that bots inherit it.

        Raises Setback where it is not had, for which our session is not the worse; Refused for a key that is no good.
        """
        try:
            async with self._connected(1) as conversation:
                # Another session name, so that this login leaves the first one's token alone.
                await self._log_in(conversation, asked_scope(self.account, "deadman-fresh"))
                return await Switch(self.account, conversation, self.starts_armed).read("connection")
        except Unavailable as error:
            words = f"opening a connection that inherits it: {error.detail}"
            raise Setback(error.reason, words, error.pause) from error

    def drill(self, label: str) -> DeribitDrill:
        return DeribitDrill(self, label)

    def _session(self, conversation: Conversation, grant: Grant, scope: str) -> DeribitSession:
        log_in = partial(self._log_in, conversation, scope)
        pace = self.dialler.pace(f"{self.account.url} {self.account.client_id}", CANCEL_BURST, CANCEL_RATE)
        orders = Orders(self.account.cancel, conversation, pace)
        switch = Switch(self.account, conversation, self.starts_armed)
        return DeribitSession(self.account, conversation, grant, log_in, switch, orders, self.listed)

    @asynccontextmanager
    async def _logged_in(self, scope: str) -> AsyncIterator[tuple[Conversation, Grant]]:
        async with self._connected(2) as conversation:
            yield conversation, await self.introduce(conversation, scope, self.account.heartbeat_interval)

    async def introduce(self, conversation: Conversation, scope: str, heartbeat_interval: int) -> Grant:
        """The heartbeat first, since a bare socket is cut; after the login where nothing may be asked before it."""
        heartbeat = ("public/set_heartbeat", {"interval": heartbeat_interval})
        try:
            await conversation.ask(*heartbeat)
        except (Setback, Refused):  # a gateway may know no method at all before the login
            grant = await self._log_in(conversation, scope)
            await conversation.ask(*heartbeat)
            return grant
        return await self._log_in(conversation, scope)

    @asynccontextmanager
    async def _connected(self, requests: int) -> AsyncIterator[Conversation]:
        async with self.connection(requests) as socket, self.conversing(socket) as conversation:
            yield conversation

    @asynccontextmanager
    async def connection(self, requests: int) -> AsyncIterator[WebSocket]:
        """A connection for so many requests before its login: our address pays those, not the account."""
        await self.dialler.pace(self.account.url, BURST, RATE).spend(requests)
        context = self.dialler.context(self.account.ca_file)
        async with open_websocket(self.dialler, self.account.url, context) as socket:
            yield socket

    def conversing(self, socket: WebSocket) -> AbstractAsyncContextManager[Conversation]:
        return converse(socket, self.clock, self.account.timers, self.post)

    async def _log_in(self, conversation: Conversation, scope: str) -> Grant:
        secret = await self.read_secret()
        params = login_params(self.account, secret, scope, self.clock.timestamp(), self.chance)
        return adopt(conversation, self.account, await conversation.ask(LOGIN, params))
