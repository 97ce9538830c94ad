"""Which orders a trip cancels on Deribit, and which are left (protocol, section 6.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deadman.config.schema import Selection
from deadman.errors import Reason, Refused, Unavailable
from deadman.venues.deribit.conversation import Conversation

LISTING_TIMEOUT = 8.0
"""Seconds for a list of open orders, which may be some thousand long."""

_KINDS: dict[str, Callable[[str], bool]] = {
    "limit": lambda word: word == "limit",
    "stop": lambda word: word.startswith(("stop", "trailing")),
    "take": lambda word: word.startswith("take"),
    "trigger_all": lambda word: word.startswith(("stop", "take", "trailing")),
    "all": lambda _: True,
}
"""How the cancel methods' `type` reads in an order's `order_type`."""

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
        result = await self.conversation.ask(*_bulk(self.selection))
        return result if isinstance(result, int) and not isinstance(result, bool) else 0

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
        """Label and type are judged here too: a listing that ignores a parameter must not look like open orders."""
        word = order.get("order_type", "limit")
        of_type = not isinstance(word, str) or _KINDS[self.selection.type or "all"](word)
        return of_type and self.selection.label in (None, order.get("label"))


def _bulk(selection: Selection) -> tuple[str, dict[str, str]]:
    """The one method that cancels exactly this selection; the config allows a label no kind or type beside it."""
    given = {"currency": selection.currency, "kind": selection.kind, "type": selection.type, "label": selection.label}
    params = {key: value for key, value in given.items() if value is not None}
    if selection.label is not None:
        return "private/cancel_by_label", params
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
