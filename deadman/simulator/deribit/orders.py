"""Orders as the venue shows them, and how they are selected."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import trio

from deadman.simulator.deribit.access import invalid_params
from deadman.simulator.deribit.instruments import PRICES, instruments
from deadman.simulator.deribit.ledger import Ledger
from deadman.simulator.exchange import Order

TRIGGERED = ("stop", "take", "trailing_stop")

SHOWN = {"stop": "stop_market", "take": "take_market"}
"""How `order_type` reads of orders that the cancel methods know by a shorter word."""

KINDS = ("future", "option", "spot", "future_combo", "option_combo", "any")

CANCELLED_TYPES = ("all", "limit", "trigger_all", "stop", "take", "trailing_stop")

LISTED_TYPES = (
    *("all", "limit", "trigger_all", "stop_all", "stop_limit", "stop_market", "take_all", "take_limit"),
    *("take_market", "trailing_all", "trailing_stop"),
)

FAMILIES = {
    "trigger_all": ("stop", "take", "trailing"),
    "stop": ("stop",),
    "stop_all": ("stop",),
    "take": ("take",),
    "take_all": ("take",),
    "trailing_all": ("trailing",),
}
"""What a word for several types means: how those types begin."""


def as_json(venue: Ledger, order: Order) -> dict[str, Any]:
    """An order as the venue shows it. The connection that placed it is not part of that."""
    epoch = venue.timestamp() - trio.current_time()
    market = instruments(venue.timestamp()).get(order.instrument)
    shown: dict[str, Any] = {
        "order_id": order.order_id,
        "instrument_name": order.instrument,
        "order_state": order.state,
        "order_type": SHOWN.get(order.type, order.type),
        "direction": order.direction,
        "price": order.price,
        "amount": order.amount,
        "contracts": order.amount / market.contract if market else order.amount,
        "label": order.label,
        "time_in_force": order.time_in_force,
        "creation_timestamp": int((epoch + order.placed_at) * 1000),
        "last_update_timestamp": int((epoch + (order.cancelled_at or order.edited_at or order.placed_at)) * 1000),
        "post_only": order.post_only,
        "reject_post_only": False,
        "reduce_only": order.reduce_only,
        "replaced": order.edited_at is not None,
        "user_id": account_id(order.account),
        "api": True,
        "web": False,
        "mmp": False,
        "is_liquidation": False,
        "risk_reducing": False,
    }
    if order.type.startswith(("stop", "take", "trailing")):
        shown |= trigger(order)
    else:
        shown |= {"filled_amount": 0.0, "average_price": 0.0}
    return shown | ({"cancel_reason": order.cancel_reason} if order.cancel_reason else {})


def trigger(order: Order) -> dict[str, Any]:
    """What only orders have that wait for a price; until it comes nothing is said of what was filled."""
    level = "trigger_offset" if order.type == "trailing_stop" else "trigger_price"
    shown: dict[str, Any] = {"trigger": order.trigger, level: order.trigger_price, "triggered": False}
    if order.state == "open":
        shown["order_state"] = "untriggered"
    return shown if order.type.endswith("_limit") else shown | {"price": "market_price"}


def account_id(account: str) -> int:
    return zlib.crc32(account.encode())


def selected(orders: Iterable[Order], params: Mapping[str, Any], types: tuple[str, ...]) -> list[Order]:
    """Those that match every selector given: currency, kind, type, instrument_name, label.

    Raises:
        RpcError: -32602 for a currency, a kind or a type there is not; `types` are those that the method knows.
    """
    currency, kind, type_ = (params.get(name, default) for name, default in SELECTORS)
    currencies = currency if isinstance(currency, list) else [currency]
    if not all(one in (*PRICES, "any") for one in currencies):
        raise invalid_params("currency", "invalid currency")
    if kind not in (*KINDS, *(("combo",) if types is CANCELLED_TYPES else ())):
        raise invalid_params("kind")
    if type_ not in types:
        raise invalid_params("type")
    return [
        order
        for order in orders
        if ("any" in currencies or order.currency in currencies)
        and (kind in ("any", order.kind) or (kind == "combo" and order.kind.endswith("_combo")))
        and (type_ == "all" or is_type(order, type_))
        and params.get("instrument_name", order.instrument) == order.instrument
        and params.get("label", order.label) == order.label
    ]


SELECTORS = (("currency", "any"), ("kind", "any"), ("type", "all"))


def is_type(order: Order, wanted: str) -> bool:
    """`stop` leaves trailing stops alone: those have a word of their own."""
    shown = SHOWN.get(order.type, order.type)
    return shown.startswith(FAMILIES[wanted]) if wanted in FAMILIES else shown == wanted
