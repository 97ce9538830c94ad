"""Open orders: listing them, and cancelling them by key alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Literal

from deadman.simulator.exchange import Order
from deadman.simulator.faults import Levels, stuck
from deadman.simulator.http import Request
from deadman.simulator.sxbet.ledger import Account, Ledger


class HttpError(Exception):
    """Answered with `status`. `code` is a word of the venue's, or a list of sentences about parameters."""

    def __init__(self, status: int, code: str | list[str]) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code

    def body(self, shape: Literal["documented", "nestjs"]) -> bytes:
        """`{"status":"failure","errorCode":…}` by the documents, `{"error","message","statusCode"}` by clients."""
        if shape == "documented":
            code = self.code if isinstance(self.code, str) else "BAD_REQUEST"
            return json.dumps({"status": "failure", "errorCode": code}).encode()
        error = HTTPStatus(self.status).phrase
        return json.dumps({"error": error, "message": self.code, "statusCode": self.status}).encode()


PAGE = b"<!DOCTYPE html>\n<html><head><title>venue</title></head><body><h1>Checking your browser</h1></body></html>\n"


def heartbeat_v2(venue: Ledger, account: Account, params: Mapping[str, Any], levels: Levels) -> dict[str, Any]:
    requestor = params.get("requestor")
    if not isinstance(requestor, str):
        raise HttpError(400, ["requestor must be an Ethereum address"])
    if requestor.lower() != account.address.lower():
        raise HttpError(403, "FORBIDDEN")
    counts = requestor == account.address and venue.settings.v2 == "live"
    if requestor != account.address and venue.settings.lower_case == "rejected":
        raise HttpError(400, ["requestor must be a checksummed address"])
    named = f"0x{0:040x}" if any(faults.wrong_echo for faults in levels) else requestor
    return {"requestor": named} | heartbeat(venue, account if counts else None, params, levels)


def heartbeat(venue: Ledger, account: Account | None, params: Mapping[str, Any], levels: Levels) -> dict[str, Any]:
    """Grant a lease; to nobody when `account` is None, though the answer reads the same.

    Source: docs.sx.bet, "Heartbeat": 0 to 3600 s, and 0 stops the guarding without cancelling.
    """
    seconds = params.get("timeoutSeconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise HttpError(400, ["timeoutSeconds must be an integer number"])
    if not 0 <= seconds <= 3600:
        raise HttpError(400, ["timeoutSeconds must not be less than 0", "timeoutSeconds must not be greater than 3600"])
    granted = next((faults.granted for faults in levels if faults.granted is not None), seconds)
    if account is not None:
        venue.leases.grant(account.name, granted)
    echoed = granted + 1 if any(faults.wrong_echo for faults in levels) else granted
    return {"timeoutSeconds": echoed} | expiry(venue, granted, levels)


def expiry(venue: Ledger, seconds: int, levels: Levels) -> dict[str, str]:
    said = next((faults.expires_at for faults in levels if faults.expires_at), None)
    if said == "missing":
        return {}
    moment = venue.timestamp() + venue.settings.clock_skew + (-60 if said == "past" else seconds)
    return {"expiresAt": datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")}


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


KEY_HEADERS = {"v2": "x-api-key", "v3": "x-sx-api-key"}
RETIRED = "OrderBook V2 is no longer supported"


def pool_of(request: Request) -> str:
    return "orders" if request.path.startswith("/orders") else "any"


def parameters(request: Request) -> Mapping[str, Any]:
    """Query and JSON body together; what is no JSON object is kept as `body`."""
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        body = None
    return dict(request.query) | (body if isinstance(body, dict) else {"body": request.body})


def carry_out(venue: Ledger, request: Request, account: Account | None, levels: Levels) -> bytes:
    """Do what is asked and return the body of the answer.

    Raises:
        HttpError: 401 and 403 for the key, 400 for parameters, 404 for a route there is not.
    """
    params = parameters(request)
    if request.route in ("POST /heartbeat", "GET /orders") and venue.settings.v2 == "retired":
        raise HttpError(400, RETIRED)
    data: Any
    match request.method, request.path.rstrip("/").split("/")[1:]:
        case "POST", ["heartbeat"]:
            data = heartbeat_v2(venue, needed(venue, request, account, "v2"), params, levels)
        case "POST", ["heartbeat", "v3"]:
            data = heartbeat(venue, needed(venue, request, account, "v3"), params, levels)
        case "GET", ["orders"]:
            data = orders_of_maker(venue, params)
        case "GET", ["orders-v3"]:
            data = open_orders(venue, needed(venue, request, account, "v3"), params)
        case "GET", ["orders-v3", order_id]:
            data = one_order(venue, needed(venue, request, account, "v3"), order_id)
        case "DELETE", ["orders-v3", *rest]:
            data = cancel(venue, needed(venue, request, account, "v3"), rest, params, levels)
        case _:
            raise HttpError(404, f"Cannot {request.route}")
    return json.dumps({"status": "success", "data": data}).encode()


def needed(venue: Ledger, request: Request, account: Account | None, api: str) -> Account:
    """Whoever asks, by a key of this generation: one of the other is unknown here."""
    key = request.headers.get(KEY_HEADERS[api])
    if not key:
        raise HttpError(401, "BAD_AUTH")
    if account is None or (api, key) not in venue.keys:
        raise HttpError(403, "INVALID_USER")
    return account
