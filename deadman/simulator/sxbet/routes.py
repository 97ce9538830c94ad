"""What the venue can be asked over HTTP, and what each generation calls it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..faults import Levels
from .book import cancel, one_order, open_orders, orders_of_maker
from .errors import HttpError
from .heartbeat import heartbeat, heartbeat_v2
from .http import Request
from .ledger import Account, Ledger

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
