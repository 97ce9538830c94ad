"""The JSON-RPC around questions and answers, with the venue's own times in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .errors import RpcError
from .ledger import Ledger

LARGEST = 32 * 1024  # bytes of one request


def parse(text: str) -> dict[str, Any]:
    """One JSON-RPC request with named parameters.

    Raises:
        RpcError: 11050 for what is not JSON, -32600 for what is too large or no request, -32602.
    """
    if len(text.encode()) > LARGEST:
        raise RpcError(-32600)
    try:
        request = json.loads(text)
    except ValueError:
        raise RpcError(11050, "invalid json") from None
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        raise RpcError(-32600, {"reason": "not a request"})
    if not isinstance(request.get("params", {}), dict | None):
        raise RpcError(-32602, {"reason": "parameters must be named", "param": "params"})
    return request


def answer(venue: Ledger, arrived: float, request: Mapping[str, Any], outcome: dict[str, Any]) -> dict[str, Any]:
    return envelope(venue, arrived, ({"id": request["id"]} if "id" in request else {}) | outcome)


def envelope(venue: Ledger, arrived: float, content: dict[str, Any]) -> dict[str, Any]:
    us_in, us_out = int(arrived * 1e6), int(venue.timestamp() * 1e6)
    times = {"usIn": us_in, "usOut": us_out, "usDiff": us_out - us_in, "testnet": venue.settings.testnet}
    return {"jsonrpc": "2.0"} | content | times
