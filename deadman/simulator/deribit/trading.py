"""Orders: placing them, so that bots can be tried; listing and cancelling them, as an active cancel does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deadman.simulator.deribit.access import RpcError, invalid_params
from deadman.simulator.deribit.requests import Call, Method
from deadman.simulator.exchange import Order
from deadman.simulator.faults import stuck

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


def place(call: Call) -> Any:
    instrument = required(call, "instrument_name")
    currency, kind = kind_of(instrument)
    type_ = str(call.params.get("type", "limit")).removesuffix("_limit").removesuffix("_market")
    order = call.venue.exchange.place(
        call.account.name,
        connection=call.connection.id,
        instrument=instrument,
        currency=currency,
        kind=kind,
        type=type_,
        label=str(call.params.get("label", "")),
    )
    return {"order": as_json(order), "trades": []}


def get_open_orders(call: Call) -> Any:
    return [as_json(order) for order in selected(mine(call), call.params)]


def get_open_orders_by_currency(call: Call) -> Any:
    required(call, "currency")
    return get_open_orders(call)


def get_open_orders_by_instrument(call: Call) -> Any:
    required(call, "instrument_name")
    return get_open_orders(call)


def get_order_state(call: Call) -> Any:
    return as_json(the_order(call))


def cancel(call: Call) -> Any:
    order = the_order(call)
    if (code := stuck(call.connection.levels, order.order_id)) is not None:
        raise RpcError(code)
    gone = spare_some(call, [order])
    if not gone:
        raise RpcError(10004)
    return as_json(gone[0])


def cancel_all(call: Call) -> Any:
    return cancel_selected(call, {})


def cancel_all_by_currency(call: Call) -> Any:
    required(call, "currency")
    return cancel_selected(call, call.params)


def cancel_all_by_kind_or_type(call: Call) -> Any:
    if "currency" not in call.params:
        raise invalid_params("currency")
    return cancel_selected(call, call.params)


def cancel_all_by_instrument(call: Call) -> Any:
    required(call, "instrument_name")
    return cancel_selected(call, call.params)


def cancel_by_label(call: Call) -> Any:
    if len(required(call, "label")) > 64:
        raise invalid_params("label")
    return cancel_selected(call, {name: call.params[name] for name in ("label", "currency") if name in call.params})


def cancel_selected(call: Call, params: Any) -> Any:
    """The count of what was cancelled, or with `detailed` reports by instrument and type."""
    gone = spare_some(call, selected(mine(call), params))
    if not call.params.get("detailed"):
        return len(gone)
    groups = sorted({(order.currency, order.type, order.instrument) for order in gone})
    return [report(gone, *group) for group in groups]


def report(orders: list[Order], currency: str, type_: str, instrument: str) -> dict[str, Any]:
    result = [as_json(o) for o in orders if (o.currency, o.type, o.instrument) == (currency, type_, instrument)]
    return {"currency": currency, "type": type_, "instrument_name": instrument, "result": result}


def spare_some(call: Call, orders: list[Order]) -> list[Order]:
    levels = call.connection.levels
    willing = [order for order in orders if stuck(levels, order.order_id) is None]
    spared = max(faults.cancel_leaves for faults in levels)
    return call.venue.exchange.cancel(willing[spared:], "user_request")


def mine(call: Call) -> list[Order]:
    return call.venue.exchange.open_orders(call.account.name)


def the_order(call: Call) -> Order:
    order = call.venue.exchange.orders.get(required(call, "order_id"))
    if order is None or order.account != call.account.name:
        raise RpcError(10004)
    return order


def required(call: Call, name: str) -> str:
    value = call.params.get(name)
    if not isinstance(value, str) or not value:
        raise invalid_params(name)
    return value


TRADING: dict[str, Method] = {
    "private/buy": Method(place, "trade:read_write"),
    "private/sell": Method(place, "trade:read_write"),
    "private/get_open_orders": Method(get_open_orders, "trade:read"),
    "private/get_open_orders_by_currency": Method(get_open_orders_by_currency, "trade:read"),
    "private/get_open_orders_by_instrument": Method(get_open_orders_by_instrument, "trade:read"),
    "private/get_order_state": Method(get_order_state, "trade:read"),
    "private/cancel": Method(cancel, "trade:read_write"),
    "private/cancel_all": Method(cancel_all, "trade:read_write"),
    "private/cancel_all_by_currency": Method(cancel_all_by_currency, "trade:read_write"),
    "private/cancel_all_by_kind_or_type": Method(cancel_all_by_kind_or_type, "trade:read_write"),
    "private/cancel_all_by_instrument": Method(cancel_all_by_instrument, "trade:read_write"),
    "private/cancel_by_label": Method(cancel_by_label, "trade:read_write"),
}
