"""Orders on the wire: their JSON, and which of them a request means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..exchange import Order

TRIGGERED = ("stop", "take", "trailing_stop")

SHOWN = {"stop": "stop_market", "take": "take_market"}
"""How `order_type` reads of orders that the cancel methods know by a shorter word."""


def as_json(order: Order) -> dict[str, Any]:
    """An order as the venue shows it. The connection that placed it is not part of that."""
    waiting = "untriggered" if order.type in TRIGGERED else "open"
    shown: dict[str, Any] = {
        "order_id": order.order_id,
        "instrument_name": order.instrument,
        "order_state": "cancelled" if order.state == "cancelled" else waiting,
        "order_type": SHOWN.get(order.type, order.type),
        "direction": order.direction,
        "price": order.price,
        "amount": order.amount,
        "filled_amount": 0.0,
        "average_price": 0.0,
        "label": order.label,
        "time_in_force": "good_til_cancelled",
        "creation_timestamp": int(order.placed_at * 1000),
        "last_update_timestamp": int((order.cancelled_at or order.placed_at) * 1000),
        "post_only": False,
        "reduce_only": False,
        "api": True,
    }
    return shown | ({"cancel_reason": order.cancel_reason} if order.cancel_reason else {})


def selected(orders: Iterable[Order], params: Mapping[str, Any]) -> list[Order]:
    """Those that match every selector given: currency, kind, type, instrument_name, label."""
    return [order for order in orders if _matches(order, params)]


def _matches(order: Order, params: Mapping[str, Any]) -> bool:
    currency, kind = params.get("currency", "any"), params.get("kind", "any")
    currencies = currency if isinstance(currency, list) else [currency]
    return (
        ("any" in currencies or order.currency in currencies)
        and (kind == "any" or order.kind == kind or (kind == "combo" and order.kind.endswith("_combo")))
        and _is_type(order, params.get("type", "all"))
        and params.get("instrument_name", order.instrument) == order.instrument
        and params.get("label", order.label) == order.label
    )


def _is_type(order: Order, wanted: str) -> bool:
    match wanted:
        case "all":
            return True
        case "trigger_all":
            return order.type in TRIGGERED
        case _:
            return order.type == wanted


def kind_of(instrument: str) -> tuple[str, str]:
    """Currency and kind by the venue's naming: BTC-PERPETUAL, BTC-27MAR26-90000-C, SOL_USDC-PERPETUAL, ETH_USDC."""
    head, *rest = instrument.split("-")
    currency = head.rpartition("_")[2]
    if not rest:
        return currency, "spot"
    return currency, "option" if rest[-1] in ("C", "P") else "future"
