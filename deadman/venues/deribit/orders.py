"""Which orders a trip cancels on Deribit, and which are left (protocol, section 6.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deadman.config.schema import Selection
from deadman.errors import Reason, Refused, Unavailable
from deadman.venues.deribit.conversation import Conversation

LISTING_TIMEOUT = 8.0
"""Seconds for a list of open orders, which may be some thousand long."""

ONE_BY_ONE = 10
"""Orders cancelled singly in a round: more would eat the credits that the next round needs."""


def _any(_: str) -> bool:
    return True


_TYPES: dict[str, Callable[[str], bool]] = {
    "limit": lambda word: word == "limit",
    "stop": lambda word: word.startswith("stop"),
    "take": lambda word: word.startswith("take"),
    "trailing_stop": lambda word: word.startswith("trailing"),
    "trigger_all": lambda word: word.startswith(("stop", "take", "trailing")),
    "all": _any,
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
}
"""How a kind reads in an instrument's name; of what kind a combo is, its name tells the venue alone."""

Order = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Orders:
    """The open orders of one selection."""

    selection: Selection
    conversation: Conversation

    async def count(self) -> int:
        return len(await self.open())

    async def open(self) -> list[Order]:
        """The selection's open orders as the venue lists them."""
        orders = await self._listed()
        return [order for order in orders if self._selected(order)]

    async def cancel(self) -> int:
        """One cancel of the whole selection; how many the venue says it cancelled."""
        finer = self.selection.kind is not None or self.selection.type not in (None, "all")
        if self.selection.label is not None and finer:
            return await self._cancel_singly()
        result = await self.conversation.ask(*_bulk(self.selection))
        return result if isinstance(result, int) and not isinstance(result, bool) else 0

    async def _cancel_singly(self) -> int:
        """A label with a kind or type: no one method takes exactly these. The next round takes what is left."""
        found = [order for order in await self.open() if isinstance(order.get("order_id"), str)][:ONE_BY_ONE]
        for order in found:
            await self.conversation.ask("private/cancel", {"order_id": order["order_id"]})
        return len(found)

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
        of_kind = not name or _KINDS.get(self.selection.kind or "", _any)(name)
        return of_type and of_kind and self.selection.label in (None, order.get("label"))


def _bulk(selection: Selection) -> tuple[str, dict[str, str]]:
    """The one method that cancels exactly this selection."""
    given = {"currency": selection.currency, "kind": selection.kind, "type": selection.type, "label": selection.label}
    params = {key: value for key, value in given.items() if value is not None}
    if selection.label is not None:
        return "private/cancel_by_label", {key: value for key, value in params.items() if key != "type"}
    if selection.currency is not None:
        return "private/cancel_all_by_currency", params
    return (
        ("private/cancel_all_by_kind_or_type", {"currency": "any", **params}) if params else ("private/cancel_all", {})
    )


def _currencies(order: Order) -> set[str]:
    """What an instrument is settled in: BTC-PERPETUAL in BTC, SOL_USDC-PERPETUAL in USDC, a spot pair in both."""
    pair, *derivative = str(order.get("instrument_name", "")).split("-")
    parts = pair.split("_")
    return {parts[-1]} if derivative else set(parts)
