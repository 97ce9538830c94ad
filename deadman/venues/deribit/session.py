"""One session with Deribit, logged in and listening, and what a keeper asks of it (protocol, sections 2 to 6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any

import trio

from deadman import facts
from deadman.config.schema import DeribitAccount, OnTrip
from deadman.errors import Reason, Refused, Setback, Unavailable
from deadman.promise import LISTING_TIMEOUT
from deadman.proof import Proof
from deadman.venue import Round
from deadman.venues.deribit.codes import LOGIN
from deadman.venues.deribit.conversation import Conversation
from deadman.venues.deribit.login import Grant, read_grant, refresh_params
from deadman.venues.deribit.orders import Ended, Listed, Orders, ask_ended, ids_of
from deadman.venues.deribit.switch import Switch
from deadman.venues.deribit.wire import account_id

FIRED_CHANNEL = "user.orders.any.any.100ms"
"""Tells of each order's end and its reason (protocol, section 4.2)."""

COUNT_INTERVAL = 20.0
"""Seconds between two listings of open orders at least: credits are the bots' too."""

STIRRED_INTERVAL = 5.0
"""The same while orders come and go."""


SUMMARY = "private/get_account_summary"

IDENTIFY_TIMEOUT = 2.0
"""Seconds to tell whose account it is: where nothing hangs on it, arming must not wait for long."""


@dataclass
class DeribitSession:
    """`log_in` does it anew in band, reading the key again."""

    account: DeribitAccount
    conversation: Conversation
    grant: Grant
    log_in: Callable[[], Awaitable[Grant]]
    switch: Switch
    orders: Orders
    listed: Listed
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

        Raises:
            Setback: the venue would not renew the token this time; the one we have is good for a few more tries.
        """
        with trio.move_on_at(min(until, self.refresh_at)):
            await self._subscribe()
            await self._count_on(min(until, self.refresh_at))
        if self.refresh_at <= until:
            await self._refresh()

    def recount(self) -> None:
        self._counted_at = -inf

    async def identify(self) -> str | None:
        """The id of the account, which every key of it shares (protocol, section 7)."""
        params = {"currency": "BTC", "extended": True}
        return account_id(await self.conversation.ask(SUMMARY, params, IDENTIFY_TIMEOUT))

    async def disarm(self) -> None:
        await self.switch.turn_off()

    async def cancel_orders(self, means: OnTrip) -> Round:
        """Deribit has one means, whatever the config names."""
        return await self.orders.cancel(self.grant.can_list_orders)

    async def _refresh(self) -> None:
        """A new token in band; where the venue takes no refresh, a login, which needs the key once more.

        What a session may do is told when it opens: a key that may do more or less by now is for a new session.
        """
        self.refresh_at = self.conversation.clock.now() + self.grant.refresh_pause()
        try:
            grant = await self._refreshed()
        except Refused:
            grant = await self.log_in()
        if grant.can_cancel is not self.grant.can_cancel:
            raise Unavailable(Reason.SCOPE, "the key's permission to cancel has changed: logging in anew")
        self.grant, self.refresh_at = grant, grant.refresh_due(self.conversation.clock.now())

    async def _refreshed(self) -> Grant:
        if self.grant.refresh_token is None:
            return await self.log_in()
        result = await self.conversation.ask(LOGIN, refresh_params(self.grant.refresh_token))
        return adopt(self.conversation, self.account, result)

    async def _subscribe(self) -> None:
        """Hear of orders the venue itself cancels; in batches, so that a busy bot does not drown us."""
        if self._subscribed or not self.grant.can_list_orders:
            return
        self._subscribed = True
        with _for_people():
            await self.conversation.ask("private/subscribe", {"channels": [FIRED_CHANNEL]})

    async def _count_on(self, until: float) -> None:
        """A wait may be long, and a count grows old; one that would not end in time is left to the next wait."""
        if self._count_due() <= self.conversation.clock.now():
            await self._count_orders()
        while self.grant.can_list_orders and self._counted_at + STIRRED_INTERVAL < until - LISTING_TIMEOUT:
            await self._stirred(min(self._counted_at + COUNT_INTERVAL, until))
            if self.conversation.clock.now() >= until - LISTING_TIMEOUT:
                break
            await self._count_orders()
        await trio.sleep_until(until)

    def _count_due(self) -> float:
        """Sooner while orders come and go: only what was counted can be missed after a gap."""
        return self._counted_at + (STIRRED_INTERVAL if self.conversation.stirred.is_set() else COUNT_INTERVAL)

    async def _stirred(self, until: float) -> None:
        """Until orders have come or gone since the last listing, and it is some seconds old."""
        with trio.move_on_at(until):
            await self.conversation.stirred.wait()
            await trio.sleep_until(self._counted_at + STIRRED_INTERVAL)

    async def _count_orders(self) -> None:
        """For people only: a venue that will not list them costs the session nothing."""
        self._counted_at, count, ended = self.conversation.clock.now(), None, Ended()
        if not self.grant.can_list_orders:
            return
        self.conversation.stirred = trio.Event()
        with _for_people():
            listed = frozenset(ids_of(orders := await self.orders.open()))
            count, missing = len(orders), self.listed.ids - listed
            if not self._compared and len(listed) < len(self.listed.ids):
                ended = await ask_ended(self.conversation, missing)
            self._compared, self.listed.ids = True, listed
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
