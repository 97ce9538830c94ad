"""Which orders a trip cancels on Deribit, which are left, and what became of those that are not listed any more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import trio

from deadman.model import facts
from deadman.model.errors import Reason, Refused, Setback, Unavailable, VenueError, ungrouped
from deadman.model.facts import Round
from deadman.model.settings import Selection
from deadman.transport.dial import Pace
from deadman.venues.deribit.conversation import Conversation
from deadman.venues.deribit.settings import LISTING_TIMEOUT

AFTER_BULK = 15
"""Orders at most that are cancelled singly after a cancel of all left them: the next one may take them in one go."""

COUNT_PACE = 10.0
"""Seconds between two listings while orders are cancelled one by one, so that people see them go."""

MOST, AT_ONCE = 40, 10
"""Orders asked about after a gap, and of those at once: requests are the bots' too, of which there are a hundred."""


_TYPES: dict[str, Callable[[str], bool]] = {
    "limit": lambda word: word == "limit",
    "stop": lambda word: word.startswith("stop"),
    "take": lambda word: word.startswith("take"),
    "trailing_stop": lambda word: word.startswith("trailing"),
    "trigger_all": lambda word: word.startswith(("stop", "take", "trailing")),
    "all": lambda word: True,
}
"""How the cancel methods' `type` reads in an order's `order_type` (stop_limit, take_market, trailing_stop, …).

`stop` leaves trailing stops alone, since the methods have a word of their own for those; `trigger_all` takes them too.
A type that nobody knows is selected by `all` alone.
"""

_COMBO = re.compile(r"[^-]+-(?!PERPETUAL)[A-Z]+-.+")
"""BTC-FS-27MAR26_PERP, BTC-STRG-27MAR26-90000_100000: the strategy stands where others have their expiry."""


def _is_option(name: str) -> bool:
    return name.endswith(("-C", "-P")) and _COMBO.fullmatch(name) is None


_KINDS: dict[str, Callable[[str], bool]] = {
    "option": _is_option,
    "spot": lambda name: "-" not in name,
    "future": lambda name: "-" in name and not _is_option(name) and _COMBO.fullmatch(name) is None,
    "future_combo": lambda name: _COMBO.fullmatch(name) is not None,
    "option_combo": lambda name: _COMBO.fullmatch(name) is not None,
    "": lambda name: True,
}
"""How a kind reads in an instrument's name; of what kind a combo is, its name tells the venue alone."""

Order = dict[str, Any]


@dataclass
class _Singly:
    """What came of cancelling orders one by one; `resisting`: what the venue said where it did not cancel, by order."""

    cancelled: int = 0
    resisting: dict[str, VenueError] = field(default_factory=dict)


@dataclass
class Orders:
    """The open orders of one selection. `pace` is what the account may spend on cancels."""

    selection: Selection
    conversation: Conversation
    pace: Pace
    _turn: int = 0

    async def count(self) -> int:
        return len(await self.open())

    async def open(self) -> list[Order]:
        """The selection's open orders as the venue lists them."""
        return [order for order in await self._listed() if self._selected(order)]

    async def cancel(self, can_list: bool = True) -> Round:
        """One round: in bulk where one method takes exactly the selection, then singly what that left.

        Raises what ended the session, and what the venue said where it would cancel nothing at all.
        """
        if not can_list:
            return Round(await self._in_bulk(), None)
        cancelled, failure = (0, None) if self.selection.one_by_one else await self._try_in_bulk()
        left = await self.open()
        if not left:
            return Round(cancelled, 0, listed=frozenset())
        if not self.selection.one_by_one:
            # A few of what a cancel of all has left, and others the next time: one that cannot go delays none.
            start, self._turn = self._turn % len(left), self._turn + AFTER_BULK
            chosen = [*left[start:], *left[:start]][:AFTER_BULK]
        else:
            chosen = left
        singly = await self._singly(chosen)
        if failure is not None and not singly.cancelled:
            self._count(len(left))
            raise failure
        left = await self.open()
        ids = frozenset(ids_of(left))
        words = [singly.resisting[one].detail for one in sorted(ids) if one in singly.resisting]
        return Round(cancelled + singly.cancelled, len(left), len(words), words[0] if words else "", ids)

    async def _try_in_bulk(self) -> tuple[int, VenueError | None]:
        """Where the venue will not have it, or does not say, its list tells what is left, and single cancels may go."""
        try:
            return await self._in_bulk(), None
        except VenueError as error:
            if not isinstance(error, Setback | Refused) and error.reason is not Reason.SILENT:
                raise
            self._heed_limit(error)
            return 0, error

    async def _in_bulk(self) -> int:
        """Ask the one method that cancels exactly the selection; how many the venue says it cancelled."""
        one = self.selection
        params = {key: value for key in ("currency", "kind", "type", "label") if (value := getattr(one, key))}
        if one.label is not None:
            method = "private/cancel_by_label"
            params.pop("type", None)
        elif one.currency is not None:
            method = "private/cancel_all_by_currency"
        elif params:
            method, params = "private/cancel_all_by_kind_or_type", {"currency": "any", **params}
        else:
            method = "private/cancel_all"
        if one.currency is not None:  # it costs what a single cancel does. Source: docs.deribit.com, "Rate Limits"
            await self.pace.spend(1)
        result = await self.conversation.ask(method, params)
        return result if isinstance(result, int) and not isinstance(result, bool) else 0

    async def _singly(self, orders: Sequence[Order]) -> _Singly:
        """All of them, concurrently within the account's credits. Raises where the key is refused for every one."""
        tried = _Singly()
        with ungrouped():
            async with trio.open_nursery() as meanwhile:
                meanwhile.start_soon(self._count_meanwhile)
                async with trio.open_nursery() as nursery:
                    for order_id in ids_of(filter(self._is_readable, orders)):
                        await self.pace.spend(1)
                        nursery.start_soon(self._cancel_one, order_id, tried)
                meanwhile.cancel_scope.cancel()
        for_every_order = (Reason.SCOPE, Reason.FORBIDDEN, Reason.CREDENTIALS)
        for error in tried.resisting.values():
            if not tried.cancelled and isinstance(error, Refused) and error.reason in for_every_order:
                raise error
        return tried

    async def _cancel_one(self, order_id: str, tried: _Singly) -> None:
        """An order that the venue will not cancel, or says nothing of, is noted; the others go on.

        One that is gone already is noted too: it resists only if it is listed again after the round.
        """
        try:
            await self.conversation.ask("private/cancel", {"order_id": order_id})
            tried.cancelled += 1
        except (Unavailable, Refused) as error:
            self._heed_limit(error)
            if not isinstance(error, Setback | Refused) and error.reason is not Reason.SILENT:
                raise
            tried.resisting[order_id] = error

    def _heed_limit(self, error: VenueError) -> None:
        if error.reason is Reason.RATE_LIMITED:
            self.pace.slow_down()

    async def _count_meanwhile(self) -> None:
        while True:
            await trio.sleep(COUNT_PACE)
            with suppress(Unavailable, Refused):
                self._count(await self.count())

    def _count(self, left: int) -> None:
        self.conversation.post(facts.OrdersCounted(self.conversation.clock.now(), left))

    async def _listed(self) -> list[Order]:
        narrowed = {"kind": self.selection.kind} if self.selection.kind else {}
        if self.selection.currency is None:
            return await self._ask("private/get_open_orders", narrowed)
        by_currency = {"currency": self.selection.currency, **narrowed}
        try:
            return await self._ask("private/get_open_orders_by_currency", by_currency)
        except Refused:
            orders = await self._ask("private/get_open_orders", narrowed)
            return [order for order in orders if self.selection.currency in _currencies(order)]

    async def _ask(self, method: str, params: dict[str, str]) -> list[Order]:
        result = await self.conversation.ask(method, params, LISTING_TIMEOUT)
        if not isinstance(result, list) or not all(isinstance(order, dict) for order in result):
            raise Unavailable(Reason.GARBLED, f"{method}: not a list of orders")
        return result

    def _selected(self, order: Order) -> bool:
        """All but the currency is judged here too: a listing that ignores a parameter must not widen the selection."""
        word, name = order.get("order_type"), str(order.get("instrument_name", ""))
        of_type = not isinstance(word, str) or _TYPES[self.selection.type or "all"](word)
        of_kind = not name or _KINDS[self.selection.kind or ""](name)
        return of_type and of_kind and self.selection.label in (None, order.get("label"))

    def _is_readable(self, order: Order) -> bool:
        """Whether it says what the selection asks for; one that does not counts as left, and is not singled out."""
        word, name = order.get("order_type"), order.get("instrument_name")
        of_type = self.selection.type in (None, "all") or isinstance(word, str)
        return of_type and (self.selection.kind is None or isinstance(name, str))


def ids_of(orders: Iterable[Order]) -> list[str]:
    """Of those that have one."""
    return [order["order_id"] for order in orders if isinstance(order.get("order_id"), str)]


def _currencies(order: Order) -> set[str]:
    """What an instrument is settled in: BTC-PERPETUAL in BTC, SOL_USDC-PERPETUAL in USDC, a spot pair in both."""
    pair, *derivative = str(order.get("instrument_name", "")).split("-")
    parts = pair.split("_")
    return {parts[-1]} if derivative else set(parts)


@dataclass
class Ended:
    """Of the orders asked about: cancelled by the venue itself; filled, or cancelled by request."""

    by_venue: int = 0
    accounted: int = 0


async def ask_ended(conversation: Conversation, missing: Iterable[str]) -> Ended:
    """What the venue says of the missing; one that it does not know any more counts as neither."""
    ended, limit = Ended(), trio.Semaphore(AT_ONCE)
    with ungrouped():
        async with trio.open_nursery() as nursery:
            for order_id in islice(sorted(missing), MOST):
                nursery.start_soon(_ask, conversation, order_id, ended, limit)
    return ended


async def _ask(conversation: Conversation, order_id: str, ended: Ended, limit: trio.Semaphore) -> None:
    async with limit:
        with suppress(Refused, Unavailable):
            order = await conversation.ask("private/get_order_state", {"order_id": order_id})
            state = order.get("order_state") if isinstance(order, dict) else None
            if state == "cancelled" and order.get("cancel_reason", "user_request") != "user_request":
                ended.by_venue += 1
            elif state in ("cancelled", "filled", "rejected"):
                ended.accounted += 1
