"""Placing orders, so that bots can be tried; listing and cancelling them, as an active cancel does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deadman.simulator.deribit.access import RpcError, invalid_params
from deadman.simulator.deribit.instruments import Instrument, fits, instruments
from deadman.simulator.deribit.market import the_instrument
from deadman.simulator.deribit.orders import CANCELLED_TYPES, LISTED_TYPES, as_json, selected
from deadman.simulator.deribit.requests import Call, Method, required
from deadman.simulator.exchange import Order
from deadman.simulator.faults import listed, stuck

TYPES = (
    *("limit", "market", "market_limit", "stop_limit", "stop_market", "take_limit", "take_market", "trailing_stop"),
)
TIMES = ("good_til_cancelled", "good_til_day", "fill_or_kill", "immediate_or_cancel")
TRIGGERS = ("index_price", "mark_price", "last_price")
PRICED = ("limit", "stop_limit", "take_limit")
AT_ONCE = ("market", "market_limit")
LONGEST_LABEL = 64


def place(call: Call) -> Any:
    """Let an order rest. Nobody is there to trade with: one that will not rest is cancelled, unfilled."""
    market = the_instrument(call)
    details: dict[str, Any] = {"type": word(call, "type", TYPES), "time_in_force": word(call, "time_in_force", TIMES)}
    details |= {"amount": amount(call.params, market), "label": label(call), **flags(call, details)}
    if details["type"] in PRICED:
        details["price"] = price(call.params, market)
    if details["type"].startswith(("stop", "take", "trailing")):
        details |= trigger(call, details["type"])
    in_time(call)
    exchange = call.venue.exchange
    order = exchange.place(
        call.account.name,
        connection=call.connection.id or None,
        instrument=market.name,
        currency=market.settled,
        kind=market.kind,
        direction="buy" if call.method == "private/buy" else "sell",
        **details,
    )
    if order.type in AT_ONCE or order.time_in_force in ("fill_or_kill", "immediate_or_cancel"):
        (order,) = exchange.cancel([order], "")
    return {"order": as_json(call.venue, order), "trades": []}


def edit(call: Call) -> Any:
    """Change price or amount of an open order."""
    order = standing(call)
    market = the_instrument(call, order.instrument)
    changes: dict[str, Any] = {}
    if {"amount", "contracts"} & set(call.params):
        changes["amount"] = amount(call.params, market)
    if "price" in call.params:
        changes["price"] = price(call.params, market)
    if "trigger_price" in call.params:
        changes["trigger_price"] = number(call.params, "trigger_price")
    in_time(call)
    return {"order": as_json(call.venue, call.venue.exchange.edit(order, **changes)), "trades": []}


def word(call: Call, name: str, known: tuple[str, ...]) -> str:
    value = call.params.get(name, known[0])
    if value not in known:
        raise invalid_params(name)
    return str(value)


def number(params: Mapping[str, Any], name: str) -> float:
    value = params.get(name)
    if value is None:
        raise invalid_params(name, "value is required")
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise invalid_params(name, "must be a positive number")
    return float(value)


def amount(params: Mapping[str, Any], market: Instrument) -> float:
    """By `amount`, or by `contracts`; where both are given they must agree."""
    if "contracts" not in params:
        size = number(params, "amount")
    else:
        size = number(params, "contracts") * market.contract
        if "amount" in params and abs(number(params, "amount") - size) > market.contract / 1e6:
            raise invalid_params("contracts", "amount and contracts do not match")
    if not fits(size, market.contract):
        raise invalid_params("amount", "must be a multiple of contract size")
    return size


def price(params: Mapping[str, Any], market: Instrument) -> float:
    asked = number(params, "price")
    if not fits(asked, market.tick):
        raise invalid_params("price", "must conform to tick size")
    return asked


def label(call: Call) -> str:
    given = call.params.get("label", "")
    if not isinstance(given, str) or len(given) > LONGEST_LABEL:
        raise invalid_params("label", "must be a string of at most 64 characters")
    return given


def flags(call: Call, details: Mapping[str, str]) -> dict[str, bool]:
    given = {name: call.params.get(name) is True for name in ("post_only", "reduce_only")}
    rests = details["type"] not in AT_ONCE and details["time_in_force"] == "good_til_cancelled"
    if given["post_only"] and not rests:
        raise RpcError(11055)
    return given


def trigger(call: Call, type_: str) -> dict[str, Any]:
    if call.params.get("trigger") not in TRIGGERS:
        raise invalid_params("trigger")
    level = "trigger_offset" if type_ == "trailing_stop" else "trigger_price"
    return {"trigger": call.params["trigger"], "trigger_price": number(call.params, level)}


def in_time(call: Call) -> None:
    if "valid_until" in call.params and call.venue.timestamp() * 1000 > number(call.params, "valid_until"):
        raise RpcError(13888)


def get_open_orders(call: Call) -> Any:
    every = listed(call.connection.levels, mine(call), lambda: orders_of(call))
    return [as_json(call.venue, order) for order in selected(every, call.params, LISTED_TYPES)]


def get_open_orders_by_currency(call: Call) -> Any:
    required(call, "currency")
    return get_open_orders(call)


def get_open_orders_by_instrument(call: Call) -> Any:
    the_instrument(call)
    return get_open_orders(call)


def get_open_orders_by_label(call: Call) -> Any:
    required(call, "label")
    return get_open_orders_by_currency(call)


def get_order_state(call: Call) -> Any:
    return as_json(call.venue, the_order(call))


def get_order_state_by_label(call: Call) -> Any:
    """Those that are open and those that were."""
    wanted = {name: required(call, name) for name in ("currency", "label")}
    return [as_json(call.venue, order) for order in selected(orders_of(call), wanted, LISTED_TYPES)]


def orders_of(call: Call) -> list[Order]:
    """Every order that the account ever had."""
    return [order for order in call.venue.exchange.orders.values() if order.account == call.account.name]


def cancel(call: Call) -> Any:
    order = standing(call)
    if (code := stuck(call.connection.levels, order.order_id)) is not None:
        raise RpcError(code)
    gone = spare_some(call, [order])
    if not gone:
        raise RpcError(10004)
    return as_json(call.venue, gone[0])


def cancel_all(call: Call) -> Any:
    return cancel_selected(call, {})


def cancel_all_by_currency(call: Call) -> Any:
    required(call, "currency")
    return cancel_selected(call, call.params)


def cancel_all_by_currency_pair(call: Call) -> Any:
    """A pair is an index: btc_usd, or btc_usdc."""
    pair, known = required(call, "currency_pair"), instruments(call.venue.timestamp())
    if pair not in {market.index for market in known.values()}:
        raise invalid_params("currency_pair")
    rest = {name: call.params[name] for name in ("kind", "type", "detailed") if name in call.params}
    orders = [order for order in mine(call) if order.instrument in known and known[order.instrument].index == pair]
    return cancelled(call, selected(orders, rest, CANCELLED_TYPES))


def cancel_all_by_kind_or_type(call: Call) -> Any:
    if "currency" not in call.params:
        raise invalid_params("currency", "value is required")
    return cancel_selected(call, call.params)


def cancel_all_by_instrument(call: Call) -> Any:
    the_instrument(call)
    return cancel_selected(call, call.params)


def cancel_by_label(call: Call) -> Any:
    if len(required(call, "label")) > LONGEST_LABEL:
        raise invalid_params("label")
    return cancel_selected(call, {name: call.params[name] for name in ("label", "currency") if name in call.params})


def cancel_selected(call: Call, params: Mapping[str, Any]) -> Any:
    return cancelled(call, selected(mine(call), params, CANCELLED_TYPES))


def cancelled(call: Call, orders: list[Order]) -> Any:
    """The count of what was cancelled, or with `detailed` reports by instrument and type."""
    gone = spare_some(call, orders)
    if not call.params.get("detailed"):
        return len(gone)
    groups = sorted({(order.currency, order.type, order.instrument) for order in gone})
    return [report(call, gone, *group) for group in groups]


def report(call: Call, orders: list[Order], currency: str, type_: str, instrument: str) -> dict[str, Any]:
    group = (currency, type_, instrument)
    result = [as_json(call.venue, o) for o in orders if (o.currency, o.type, o.instrument) == group]
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


def standing(call: Call) -> Order:
    """The order that is named, where it is open. Source: a recorded second cancel of one order is answered 11044."""
    order = the_order(call)
    if order.state != "open":
        raise RpcError(11044)
    return order


TRADING: dict[str, Method] = {
    "private/buy": Method(place, "trade:read_write"),
    "private/sell": Method(place, "trade:read_write"),
    "private/edit": Method(edit, "trade:read_write"),
    "private/get_open_orders": Method(get_open_orders, "trade:read"),
    "private/get_open_orders_by_currency": Method(get_open_orders_by_currency, "trade:read"),
    "private/get_open_orders_by_instrument": Method(get_open_orders_by_instrument, "trade:read"),
    "private/get_open_orders_by_label": Method(get_open_orders_by_label, "trade:read"),
    "private/get_order_state": Method(get_order_state, "trade:read"),
    "private/get_order_state_by_label": Method(get_order_state_by_label, "trade:read"),
    "private/cancel": Method(cancel, "trade:read_write"),
    "private/cancel_all": Method(cancel_all, "trade:read_write"),
    "private/cancel_all_by_currency": Method(cancel_all_by_currency, "trade:read_write"),
    "private/cancel_all_by_currency_pair": Method(cancel_all_by_currency_pair, "trade:read_write"),
    "private/cancel_all_by_kind_or_type": Method(cancel_all_by_kind_or_type, "trade:read_write"),
    "private/cancel_all_by_instrument": Method(cancel_all_by_instrument, "trade:read_write"),
    "private/cancel_by_label": Method(cancel_by_label, "trade:read_write"),
}
