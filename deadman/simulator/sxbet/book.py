"""Open orders: listing them, and cancelling them by key alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..exchange import Order
from ..faults import Levels, stuck
from .errors import HttpError
from .ledger import Account, Ledger


def orders_of_maker(venue: Ledger, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Anybody's open orders; an address in the wrong case has none."""
    if not ({"maker", "marketHashes"} & set(params)):
        raise HttpError(400, ["one of marketHashes or maker is required"])
    maker = params.get("maker")
    name = next((account.name for account in venue.accounts.values() if account.address == maker), "")
    return [as_v2(order, str(maker)) for order in venue.exchange.open_orders(name)]


def open_orders(venue: Ledger, account: Account, params: Mapping[str, Any]) -> Any:
    """One page of what rests, and the key of the next where there is one."""
    size, start = page_number(params, "perPage", 50), page_number(params, "nextKey", 0)
    if not 1 <= size <= 100:
        raise HttpError(400, ["perPage must not be greater than 100"])
    resting = venue.exchange.open_orders(account.name)
    page = [as_v3(order, account) for order in resting[start : start + size]]
    if venue.settings.orders_in == "data":
        return page
    return {"orders": page} | ({"nextKey": str(start + size)} if len(resting) > start + size else {})


def one_order(venue: Ledger, account: Account, order_id: str) -> dict[str, Any]:
    order = venue.exchange.orders.get(order_id)
    if order is None or order.account != account.name:
        raise HttpError(404, "Order not found")
    return as_v3(order, account)


def cancel(
    venue: Ledger, account: Account, rest: list[str], params: Mapping[str, Any], levels: Levels
) -> dict[str, Any]:
    """Cancel all, an event's, or those named; what could not be is named in `notCancelled`."""
    resting = venue.exchange.open_orders(account.name)
    unknown: list[str] = []
    match rest:
        case ["all"]:
            chosen = resting
        case ["event"]:
            chosen = [order for order in resting if order.event == params.get("eventId")]
        case []:
            named = order_ids(params)
            chosen = [o for o in resting if o.order_id in named]
            unknown = [name for name in named if name not in {o.order_id for o in chosen}]
        case _:
            raise HttpError(404, "Not Found")
    willing = [order for order in chosen if stuck(levels, order.order_id) is None]
    gone = venue.exchange.cancel(willing[max(faults.cancel_leaves for faults in levels) :], "user_request")
    refused = [{"orderId": name, "reason": "not_found_or_inactive"} for name in unknown]
    done = [{"orderId": order.order_id, "commandId": f"cancel-{order.order_id}"} for order in gone]
    if rest:
        return {"cancelledSubmitted": done, "notCancelled": refused, "unconfirmed": [], "hasMore": False}
    return {"cancelled": done, "notCancelled": refused, "unconfirmed": []}


def order_ids(params: Mapping[str, Any]) -> list[str]:
    orders = params.get("orders")
    if not isinstance(orders, list) or not 1 <= len(orders) <= 100:
        raise HttpError(400, ["orders must contain between 1 and 100 elements"])
    if not all(isinstance(order, dict) and isinstance(order.get("orderId"), str) for order in orders):
        raise HttpError(400, ["orders.orderId must be a string"])
    return [order["orderId"] for order in orders]


def page_number(params: Mapping[str, Any], name: str, default: int) -> int:
    text = str(params.get(name, default))
    if not text.isdigit():
        raise HttpError(400, [f"{name} must be a number"])
    return int(text)


def as_v2(order: Order, maker: str) -> dict[str, Any]:
    return {
        "orderHash": order.order_id,
        "marketHash": order.instrument,
        "maker": maker,
        "totalBetSize": "10000000",
        "percentageOdds": "51302654005356720000",
        "fillAmount": "0",
        "isMakerBettingOutcomeOne": True,
        "sportXeventId": order.event,
    }


def as_v3(order: Order, account: Account) -> dict[str, Any]:
    """An order as its owner sees it, his address included."""
    status = "ACTIVE" if order.state == "open" else "INACTIVE"
    return {
        "orderId": order.order_id,
        "marketHash": order.instrument,
        "userAddress": account.address.lower(),
        "eventId": order.event,
        "status": status,
        "pendingFill": "0",
    }
