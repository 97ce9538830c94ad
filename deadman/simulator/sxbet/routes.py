"""Each route and what it does: heartbeats here, orders and markets beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from deadman.simulator.faults import Levels
from deadman.simulator.http import Request
from deadman.simulator.sxbet import markets
from deadman.simulator.sxbet.answers import HttpError
from deadman.simulator.sxbet.ledger import Account, Ledger
from deadman.simulator.sxbet.orders import cancel, one_order, open_orders, orders_of_maker, place, place_v2


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


KEY_HEADERS = {"v2": "x-api-key", "v3": "x-sx-api-key"}
PAGE = b"<!DOCTYPE html>\n<html><head><title>venue</title></head><body><h1>Checking your browser</h1></body></html>\n"
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
    if request.route in ("POST /heartbeat", "GET /orders", "POST /orders/new") and venue.settings.v2 == "retired":
        raise HttpError(400, RETIRED)
    data: Any
    match request.method, request.path.rstrip("/").split("/")[1:]:
        case "POST", ["heartbeat"]:
            data = heartbeat_v2(venue, needed(venue, request, account, "v2"), params, levels)
        case "POST", ["heartbeat", "v3"]:
            data = heartbeat(venue, needed(venue, request, account, "v3"), params, levels)
        case "GET", ["orders"]:
            data = orders_of_maker(venue, params)
        case "POST", ["orders", "new"]:
            data = place_v2(venue, params)
        case "POST", ["orders-v3"]:
            data = place(venue, needed(venue, request, account, "v3"), params)
        case "GET", ["markets", "active"]:
            data = markets.active(params)
        case "GET", ["metadata", "obv3"]:
            data = markets.metadata()
        case "GET", ["user", "proxy"]:
            data = markets.proxy(needed(venue, request, account, "v3"))
        case "GET", ["user", "balance-v3"]:
            data = markets.balance(needed(venue, request, account, "v3"))
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
