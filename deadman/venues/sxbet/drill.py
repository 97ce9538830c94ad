"""A drill on SX Bet: the lease is cut short, and every order that was open before is seen to go.

It takes the account's own orders, by its operator's consent: the venue has no smaller switch. Source: docs.sx.bet,
"Heartbeat"; orders by their id, with the reason of their end, only in V3.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from math import inf
from typing import Protocol

import trio

from deadman.model import facts
from deadman.model.errors import NotFired, Reason, Refused, Setback, Unavailable, VenueError
from deadman.model.leases import HEARD_WITHIN
from deadman.model.text import order_count, tenths_up
from deadman.venues.sxbet.conversation import Conversation
from deadman.venues.sxbet.orders import Orders
from deadman.venues.sxbet.settings import CUT
from deadman.venues.sxbet.switch import Switch
from deadman.venues.sxbet.wire import not_carried_out
from deadman.venues.venue import Fired

PATIENCE = 20.0
"""Seconds from the cut lease's end within which the orders must be gone: the venue documents no delay of its own."""

POLL_INTERVAL = 0.5
AGAIN = 1.0
"""Seconds between two lists of what is open, and until the next one when a list could not be had."""

ASKED_ABOUT = 20
"""Orders at most whose end is asked for one by one."""

BY_REQUEST = "USER_REQUESTED"


class DrillSession(Protocol):
    """What a drill needs of a session that is not told of as one."""

    conversation: Conversation
    switch: Switch
    orders: Orders


@dataclass
class SxBetDrill:
    """`before`: the orders that were open before the lease was cut; `resisting`: those that its end did not take.

    A cut that is not answered may be carried out yet: then nothing is proven, and its orders may go by it.
    """

    look: Callable[[], AbstractAsyncContextManager[DrillSession]]
    unsettled_until: float = -inf
    before: frozenset[str] = frozenset()
    resisting: frozenset[str] = frozenset()

    async def fire(self) -> Fired:
        async with self.look() as session:
            clock, self.before = session.conversation.clock, await session.orders.ids()
            if not self.before:
                raise Setback(Reason.UNSUPPORTED, "no order is open by which the venue could be seen to cancel")
            cut_at = clock.now()
            self.unsettled_until = cut_at + session.conversation.account.timers.reply_timeout + HEARD_WITHIN
            try:
                await session.switch.end(CUT)
            except VenueError as error:
                if not_carried_out(error):
                    self.unsettled_until = -inf
                    raise
                words = f"the venue did not say whether it has cut the lease, and may do so yet ({error.detail})"
                raise Unavailable(error.reason, words) from error
            self.unsettled_until = -inf
        early = await self._watch(cut_at, clock.now() + CUT + PATIENCE)
        seconds = clock.now() - cut_at
        witnesses = self.before - early
        if not witnesses:
            raise Setback(Reason.VENUE_ERROR, "the orders went before the lease ended: somebody else cancelled them")
        told = await self._told(witnesses)
        number = order_count(len(witnesses))
        return Fired(seconds, f"lease cut to {CUT} s: {number} gone within {tenths_up(seconds)} s{told}")

    async def clean_up(self) -> str:
        """What the lease's end did not take: V3 cancels it by key; V2 leaves that to the wallet's owner.

        They are the account's own orders, which its trips cancel, too: nobody else cleans up after us.
        """
        if not self.resisting:
            return ""
        by_key = ""
        try:
            async with self.look() as session:
                if session.conversation.account.api == "v3":
                    await session.orders.cancel()
                    await trio.sleep(POLL_INTERVAL)
                    self.resisting &= await session.orders.ids()
                    by_key = " by key either"
        except VenueError as error:
            by_key = f" by key either ({error.detail})"
        if not self.resisting:
            return "then cancelled by key"
        return f"{order_count(len(self.resisting))} did not go{by_key}: cancel by hand what is still open"

    async def _watch(self, cut_at: float, until: float) -> frozenset[str]:
        """Until none of them is listed; those that went before any lease could have ended. Raises NotFired."""
        early, left, heard = frozenset[str](), self.before, ""
        while left and trio.current_time() < until:
            try:
                async with self.look() as session:
                    clock = session.conversation.clock
                    while left and clock.now() < until:
                        asked_at, listed = clock.now(), await session.orders.ids()
                        left = self.before & listed
                        session.conversation.post(facts.OrdersCounted(clock.now(), len(listed)))
                        if clock.now() < cut_at + CUT:
                            early = self.before - left
                        if left:
                            await trio.sleep_until(asked_at + POLL_INTERVAL)
            except (Unavailable, Refused) as error:
                heard = f" ({error.detail})"
                await trio.sleep(AGAIN)
        if left:
            self.resisting = left
            words = f"{len(left)} of {len(self.before)} orders are still listed {PATIENCE:.0f} s after the lease's end"
            raise NotFired(Reason.VENUE_ERROR, words + heard)
        return early

    async def _told(self, witnesses: frozenset[str]) -> str:
        """What the venue says of their ends, where it can be asked. Raises NotFired for one that it calls active."""
        ends = set[str]()
        try:
            async with self.look() as session:
                if session.conversation.account.api == "v3":
                    ends = {await session.orders.end_of(one) for one in sorted(witnesses)[:ASKED_ABOUT]} - {""}
        except VenueError:
            return ", by its list alone"
        if "ACTIVE" in ends:
            self.resisting = witnesses
            raise NotFired(Reason.VENUE_ERROR, "the venue lists the orders no more, and calls them active one by one")
        if ends == {BY_REQUEST}:
            raise Setback(Reason.VENUE_ERROR, "somebody else cancelled the orders: the venue says by request")
        return f", {', '.join(sorted(ends))}" if ends else ", by its list alone"
