"""A drill on Deribit: a program of ours dies twice with an order resting, and the venue is seen to cancel it.

The order is the smallest there is, bids far below every price that the venue names, and may only rest. It dies once by
a reset of its connection, as with its process, and once by silence, as with its host: the connection stays open and the
venue's heartbeat is not answered. Source: docs.deribit.com, private/enable_cancel_on_disconnect, private/buy.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any, Protocol

import trio

from deadman.model.clock import Clock
from deadman.model.errors import NotFired, Reason, Refused, Setback, Unavailable, VenueError, ungrouped
from deadman.model.text import order_count, tenths_up
from deadman.transport.websocket import WebSocket
from deadman.venues.deribit.conversation import Conversation, Grant, asked_scope
from deadman.venues.deribit.settings import GRACE, LISTING_TIMEOUT, DeribitAccount, DrillOrder
from deadman.venues.venue import Fired

HEARTBEAT = 10
"""Seconds, the shortest that the venue takes: a drill plays a bot that has set it."""

PATIENCE = {"reset": 10.0, "silence": HEARTBEAT + GRACE + 6.0}
"""Seconds from each death within which the venue must cancel. Silent, it is asked within `HEARTBEAT` seconds for a sign
of life and given up `GRACE` seconds after that; the rest is slack."""

POLL_INTERVAL = 0.5
AGAIN = 1.0
"""Seconds between two looks at the order, and until the next one when a look failed."""


SMALLEST, GREATEST = 1e-12, 1e15
"""Of numbers that may be a price, an amount or a tick."""


class DrillDoor(Protocol):
    """What a drill needs of the account's door."""

    account: DeribitAccount
    clock: Clock

    def connection(self, requests: int) -> AbstractAsyncContextManager[WebSocket]: ...

    def conversing(self, socket: WebSocket) -> AbstractAsyncContextManager[Conversation]: ...

    async def introduce(self, conversation: Conversation, scope: str, heartbeat_interval: int) -> Grant: ...


@dataclass
class Bot:
    """The program that is to die once `may_die` is set; `died_at` is set when it has."""

    death: str
    may_die: trio.Event = field(default_factory=trio.Event)
    died: trio.Event = field(default_factory=trio.Event)
    died_at: float = inf


@dataclass
class DeribitDrill:
    """`placed`: the ids of its orders, as far as the venue has told them."""

    door: DrillDoor
    label: str
    unsettled_until: float = -inf
    placed: set[str] = field(default_factory=set)

    async def fire(self) -> Fired:
        slowest, told = 0.0, []
        for death, words in (("reset", "connection reset"), ("silence", f"silent, heartbeat {HEARTBEAT} s")):
            seconds = await self._see_die(Bot(death))
            slowest = max(slowest, seconds)
            told.append(f"{words}: cancelled within {tenths_up(seconds)} s")
        return Fired(slowest, "; ".join(told))

    async def clean_up(self) -> str:
        """By label, then one by one; each order's own state is believed, and not the list alone."""
        async with self._looking() as conversation:
            with suppress(Setback, Refused):
                await conversation.ask("private/cancel_by_label", {"label": self.label})
            listed = {str(order.get("order_id")) for order in await self._listed(conversation)}
            resting = [one for one in sorted(self.placed | listed) if await _rests(conversation, one)]
            for order_id in resting:
                with suppress(Setback, Refused):
                    await conversation.ask("private/cancel", {"order_id": order_id})
            if left := [one for one in resting if await _rests(conversation, one)]:
                words = f"{order_count(len(left))} labelled {self.label} would not go"
                raise Setback(Reason.VENUE_ERROR, words)
        return ""

    async def _see_die(self, bot: Bot) -> float:
        """Seconds from the bot's death until the venue said that its order is cancelled by the switch."""
        seconds = inf
        with ungrouped():
            async with trio.open_nursery() as nursery:
                order_id = await nursery.start(self._live_and_die, bot)
                seconds = await self._watch(str(order_id), bot)
                nursery.cancel_scope.cancel()
        return seconds

    async def _live_and_die(self, bot: Bot, task_status: trio.TaskStatus[str]) -> None:
        """A bot with one order; what ends its connection after its death is the venue's answer to that."""
        try:
            async with self.door.connection(2) as socket:
                async with self.door.conversing(socket) as conversation:
                    await self.door.introduce(conversation, asked_scope(self.door.account, "deadman-drill"), HEARTBEAT)
                    task_status.started(await self._place(conversation))
                    await bot.may_die.wait()
                # From here on nobody reads or answers what comes over this connection.
                bot.died_at = self.door.clock.now()
                bot.died.set()
                if bot.death == "reset":
                    await socket.reset()
                await trio.sleep_forever()
        except VenueError:
            if not bot.died.is_set():
                raise

    async def _place(self, conversation: Conversation) -> str:
        """The id of the order, which rests now. One that is not answered may still be placed until `unsettled_until`.

        The venue is told to take it soon or not at all; that it keeps to that is not presumed.
        """
        order, limit = self.door.account.drill, conversation.timers.reply_timeout
        market = await conversation.ask("public/get_instrument", {"instrument_name": order.instrument})
        quoted = await conversation.ask("public/ticker", {"instrument_name": order.instrument})
        timestamp = await conversation.ask("public/get_time", {})
        params: dict[str, Any] = {
            "instrument_name": order.instrument,
            "label": self.label,
            **resting(market, quoted, order),
        }
        if isinstance(timestamp, int):
            params["valid_until"] = timestamp + int(1000 * limit)
        self.unsettled_until = self.door.clock.now() + 2 * limit
        try:
            placed = _mapping(_mapping(await conversation.ask("private/buy", params)).get("order"))
        except (Setback, Refused):
            self.unsettled_until = -inf
            raise
        order_id, state = placed.get("order_id"), placed.get("order_state")
        if not isinstance(order_id, str):
            raise Setback(Reason.GARBLED, "private/buy: an answer without an order")
        self.unsettled_until = -inf
        self.placed.add(order_id)
        if state != "open":
            raise Setback(Reason.VENUE_ERROR, f"the order did not come to rest: {state}")
        return order_id

    async def _watch(self, order_id: str, bot: Bot) -> float:
        """Let it die once its order is seen to rest, and look until it is gone, by a new connection if one fails.

        Where the venue may have dropped every connection, that of a silent bot tells nothing of its silence.
        """
        heard, was_lost, seconds = "it rests", False, inf
        while self.door.clock.now() < bot.died_at + PATIENCE[bot.death]:
            try:
                async with self._looking() as conversation:
                    if not bot.died.is_set():
                        await self._see_resting(conversation, order_id)
                        bot.may_die.set()
                        await bot.died.wait()
                    while (heard := await self._resting(conversation, order_id)) and (
                        self.door.clock.now() < bot.died_at + PATIENCE[bot.death]
                    ):
                        await trio.sleep(POLL_INTERVAL)
                    if not heard:
                        seconds = self.door.clock.now() - bot.died_at
                        break
            except (Unavailable, Refused) as error:
                if not bot.died.is_set():
                    raise
                heard, was_lost = f"the venue cannot be asked: {error.detail}", True
                await trio.sleep(AGAIN)
        else:
            after = f"{PATIENCE[bot.death]:.0f} s after its {bot.death}"
            raise NotFired(Reason.VENUE_ERROR, f"the order was not seen to be cancelled {after}: {heard}")
        if was_lost and bot.death == "silence":
            raise Setback(
                Reason.VENUE_ERROR, "the silent connection's order went, but other connections were lost, too"
            )
        return seconds

    async def _see_resting(self, conversation: Conversation, order_id: str) -> None:
        """A list that leaves out what rests would prove nothing afterwards."""
        state, _ = await _state(conversation, order_id)
        listed = [order.get("order_id") for order in await self._listed(conversation)]
        if state == "open" and order_id not in listed:
            raise NotFired(Reason.VENUE_ERROR, "the venue does not list the order that rests: its list proves nothing")
        if state != "open":
            raise Setback(Reason.VENUE_ERROR, f"the order went before anybody died: {state}")

    async def _resting(self, conversation: Conversation, order_id: str) -> str:
        """How it still rests; empty once the switch has cancelled it. Raises NotFired for another end."""
        state, reason = await _state(conversation, order_id)
        if state == "open":
            return "it rests"
        if (state, reason) != ("cancelled", "cancel_on_disconnect"):
            raise NotFired(Reason.VENUE_ERROR, f"the switch did not cancel the order: {state}, {reason or 'no reason'}")
        listed = [order.get("order_id") for order in await self._listed(conversation)]
        return "the venue calls it cancelled and still lists it" if order_id in listed else ""

    async def _listed(self, conversation: Conversation) -> list[Mapping[str, Any]]:
        """The drill's orders among all that are open: so it needs no instrument, which a reload may have changed."""
        result = await conversation.ask("private/get_open_orders", {}, LISTING_TIMEOUT)
        if not isinstance(result, list):
            raise Unavailable(Reason.GARBLED, "private/get_open_orders: not a list of orders")
        return [_mapping(order) for order in result if _mapping(order).get("label") == self.label]

    @asynccontextmanager
    async def _looking(self) -> AsyncIterator[Conversation]:
        """A conversation that outlives the bot's."""
        async with self.door.connection(2) as socket, self.door.conversing(socket) as conversation:
            account = self.door.account
            await self.door.introduce(conversation, asked_scope(account, "deadman-looks"), account.heartbeat_interval)
            yield conversation


async def _state(conversation: Conversation, order_id: str) -> tuple[str, str]:
    """An order's state and, of one that was cancelled, the reason."""
    order = _mapping(await conversation.ask("private/get_order_state", {"order_id": order_id}))
    return str(order.get("order_state")), str(order.get("cancel_reason") or "")


async def _rests(conversation: Conversation, order_id: str) -> bool:
    """One that the venue does not know any more is gone. Raises Unavailable where it does not say."""
    try:
        return (await _state(conversation, order_id))[0] not in ("cancelled", "filled", "rejected")
    except Setback as error:
        if "(10004 " in error.detail:
            return False
        raise


def resting(market: Any, quoted: Any, order: DrillOrder) -> dict[str, Any]:
    """The smallest bid far below every price that is named, which is refused if it could trade. Raises Refused."""
    named = _mapping(quoted)
    prices = list(_positive(named.get(name) for name in ("best_bid_price", "mark_price", "last_price", "index_price")))
    amount, tick = ([*_positive([_mapping(market).get(name)])] for name in ("min_trade_amount", "tick_size"))
    if not prices or not amount or not tick:
        raise Refused(Reason.UNSUPPORTED, f"{order.instrument}: the venue names no price, amount or tick for an order")
    steps = _mapping(market).get("tick_size_steps")  # the coarser ticks of higher prices: the coarsest fits every price
    coarser = [_mapping(step).get("tick_size") for step in steps] if isinstance(steps, list) else []
    step = max([*tick, *_positive(coarser)])
    price = round(math.floor(min(prices) * order.percent / 100 / step) * step, 10)
    if price <= 0:
        raise Refused(Reason.UNSUPPORTED, f"{order.instrument}: too cheap for a bid far below its price")
    rests = {"type": "limit", "time_in_force": "good_til_cancelled", "post_only": True, "reject_post_only": True}
    return {"amount": amount[0], "price": price, **rests}


def _positive(values: Iterable[Any]) -> Iterable[float]:
    numbers = (value for value in values if isinstance(value, int | float) and not isinstance(value, bool))
    return (float(number) for number in numbers if SMALLEST < number < GREATEST)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
