"""Open orders: placing, listing and cancelling them; of the third generation by key alone.

Sources: docs.sx.bet (orders-v3) and rows that clients recorded. Signatures are not looked at: whoever has the key may
place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import trio

from deadman.simulator.exchange import Order
from deadman.simulator.faults import Levels, listed, stuck
from deadman.simulator.sxbet.answers import HttpError
from deadman.simulator.sxbet.ledger import Account, Ledger

INACTIVE = {"user_request": "USER_REQUESTED", "heartbeat_expired": "HEARTBEAT_TIMEOUT"}

POSTED = ("marketHash", "maker", "totalBetSize", "percentageOdds", "isMakerBettingOutcomeOne")
"""What an order cannot be without; whatever else comes with it is let pass."""

MOST = 100  # orders in one request


def place(venue: Ledger, account: Account, params: Mapping[str, Any]) -> dict[str, Any]:
    """V3: let GTC orders rest; nobody is there for the others to match."""
    results = []
    for posted in orders_in(params, MOST):
        order = let_rest(venue, account, posted)
        state = {"state": "RESTED"}
        if posted.get("timeInForce", "GTC") != "GTC":
            venue.exchange.cancel([order], "no_liquidity")
            state = {"state": "CANCELLED", "cancelReason": "NO_LIQUIDITY"}
        outcome = state | {"fillAmount": "0", "remainingAmount": posted["totalBetSize"], "matchIds": []}
        results.append({"orderId": order.order_id, "status": "SUBMITTED", "outcome": outcome})
    return {"orders": results}


def place_v2(venue: Ledger, params: Mapping[str, Any]) -> dict[str, Any]:
    """V2 is asked by nobody's key: the maker signs, and no signature is looked at here."""
    hashes = []
    for posted in orders_in(params, MOST):
        account = next((one for one in venue.accounts.values() if one.address == posted.get("maker")), None)
        if account is None:
            raise HttpError(400, "INVALID_SIGNATURE")
        hashes.append(let_rest(venue, account, posted).order_id)
    return {"orders": hashes}


def let_rest(venue: Ledger, account: Account, posted: Mapping[str, Any]) -> Order:
    missing = [f"orders.{name} should not be empty" for name in POSTED if name not in posted]
    figures = [str(posted.get(name)) for name in ("totalBetSize", "percentageOdds")]
    if missing or not all(figure.isdigit() for figure in figures):
        raise HttpError(400, missing or ["orders.totalBetSize and orders.percentageOdds must be number strings"])
    return venue.exchange.place(
        account.name,
        instrument=str(posted["marketHash"]),
        event=str(posted.get("eventId", "")),
        direction="one" if posted["isMakerBettingOutcomeOne"] else "two",
        price=float(posted["percentageOdds"]) / 1e20,
        amount=float(posted["totalBetSize"]) / 1e6,
    )


def orders_in(params: Mapping[str, Any], most: int) -> list[Mapping[str, Any]]:
    orders = params.get("orders")
    if not isinstance(orders, list) or not 1 <= len(orders) <= most:
        raise HttpError(400, [f"orders must contain between 1 and {most} elements"])
    return [order if isinstance(order, dict) else {} for order in orders]


def listed_of(venue: Ledger, name: str) -> list[Order]:
    """What a list of the account's open orders names."""

    def every() -> list[Order]:
        return [order for order in venue.exchange.orders.values() if order.account == name]

    levels = (venue.accounts[name].faults, venue.faults) if name in venue.accounts else (venue.faults,)
    return listed(levels, venue.exchange.open_orders(name), every)


def orders_of_maker(venue: Ledger, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """V2: anybody's open orders; an address in the wrong case has none."""
    if not ({"maker", "marketHashes"} & set(params)):
        raise HttpError(400, ["one of marketHashes or maker is required"])
    maker = params.get("maker")
    name = next((account.name for account in venue.accounts.values() if account.address == maker), "")
    return [as_v2(order, str(maker)) for order in listed_of(venue, name)]


def open_orders(venue: Ledger, account: Account, params: Mapping[str, Any]) -> Any:
    """One page of what rests, and the key of the next; null after the last."""
    size, start = page_number(params, "perPage", 50), page_number(params, "nextKey", 0)
    if not 1 <= size <= MOST:
        raise HttpError(400, [f"perPage must not be greater than {MOST}"])
    asked = (("marketHash", "instrument"), ("eventId", "event"))
    chosen = {field: params[name] for name, field in asked if name in params}
    orders = listed_of(venue, account.name)
    resting = [order for order in orders if all(getattr(order, field) == value for field, value in chosen.items())]
    page = [as_v3(venue, order, account) for order in resting[start : start + size]]
    if venue.settings.orders_in == "data":
        return page
    return {"orders": page, "nextKey": str(start + size) if len(resting) > start + size else None}


def one_order(venue: Ledger, account: Account, order_id: str) -> dict[str, Any]:
    order = venue.exchange.orders.get(order_id)
    if order is None or order.account != account.name:
        raise HttpError(404, "Order not found")
    return {"order": as_v3(venue, order, account)}


def cancel(
    venue: Ledger, account: Account, rest: list[str], params: Mapping[str, Any], levels: Levels
) -> dict[str, Any]:
    """Cancel those named, and say which are gone; or take a page of all, or of an event's, and say what is submitted.

    What is submitted is gone after `cancel_lag`, confirmed by nothing; until then it may be named again.
    """
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
    willing = willing[max(faults.cancel_leaves for faults in levels) :]
    refused = [{"orderId": name, "reason": "not_found_or_inactive"} for name in unknown]
    if not rest:
        return {"cancelled": done(venue.exchange.cancel(willing, "user_request"))} | told(refused)
    page, more = willing[: venue.settings.cancel_page], len(willing) > venue.settings.cancel_page
    venue.submitted.take(page)
    return {"cancelledSubmitted": done(page)} | told(refused) | {"hasMore": more}


def done(orders: list[Order]) -> list[dict[str, str]]:
    return [{"orderId": order.order_id, "commandId": f"cancel-{order.order_id}"} for order in orders]


def told(refused: list[dict[str, str]]) -> dict[str, Any]:
    return {"notCancelled": refused, "unconfirmed": []}


def order_ids(params: Mapping[str, Any]) -> list[str]:
    orders = orders_in(params, MOST)
    if not all(isinstance(order.get("orderId"), str) for order in orders):
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
        "totalBetSize": units(order.amount, 6),
        "percentageOdds": units(order.price, 20),
        "fillAmount": "0",
        "isMakerBettingOutcomeOne": order.direction != "two",
        "sportXeventId": order.event,
    }


def as_v3(venue: Ledger, order: Order, account: Account) -> dict[str, Any]:
    """An order as its owner sees it, his address and his proxy wallet included."""
    return {
        "id": order.order_id,
        "marketHash": order.instrument,
        "userAddress": account.address,
        "wallet": f"0x{hashlib.sha256(account.address.encode()).hexdigest()[:40]}",
        "isBettingOutcomeOne": order.direction != "two",
        "percentageOdds": units(order.price, 20),
        "totalBetSize": units(order.amount, 6),
        "remainingSize": units(order.amount, 6),
        "expiry": None,
        "status": "ACTIVE" if order.state == "open" else "INACTIVE",
        "inactiveReason": INACTIVE.get(str(order.cancel_reason), "SYSTEM") if order.cancel_reason else None,
        "eventId": order.event,
        "createdAt": written(venue, order.placed_at),
        "updatedAt": written(venue, order.cancelled_at or order.placed_at),
    }


def units(figure: float, digits: int) -> str:
    """A figure as the chain has it, in whole parts so small."""
    return str(round(figure * 10**6) * 10 ** (digits - 6))


def written(venue: Ledger, at: float) -> str:
    """That instant of the monotonic clock by the venue's wall clock."""
    moment = venue.timestamp() + venue.settings.clock_skew - trio.current_time() + at
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
