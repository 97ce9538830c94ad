"""Deribit's words on the wire: JSON-RPC 2.0, one object a frame (protocol, sections 1.2 and 3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Scope = Literal["connection", "account"]

CODES = 1_000_000
"""Every error code the venue documents is nearer to 0; each is a label of a metric, and made ones shall be few."""

FAR_FUTURE = 1e17
"""Microseconds, the year 5138: a greater number tells no time, and may not even fit a float."""


@dataclass(frozen=True, slots=True)
class Error:
    """An error object; `data` is an object, a string, or missing."""

    code: int
    message: str
    data: Any = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a request of ours. `sent_timestamp`: the venue's clock at sending, Unix seconds, where told."""

    id: int
    result: Any
    error: Error | None
    sent_timestamp: float | None


@dataclass(frozen=True, slots=True)
class TestRequest:
    """The venue asks whether we live; unanswered, it hangs up, and orders go."""

    __test__ = False


@dataclass(frozen=True, slots=True)
class Notification:
    """News of a subscribed channel."""

    channel: str
    data: Any


Message = Reply | TestRequest | Notification | None


def request(identity: int, method: str, params: Mapping[str, Any]) -> str:
    """A frame that asks `method`; parameters not given are left out, never null."""
    return json.dumps({"jsonrpc": "2.0", "id": identity, "method": method, "params": dict(params)})


def parse(text: str) -> Message:
    """What a frame means; None for one that means nothing to us. Never raises: a frame we cannot read is no answer."""
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(frame, dict):
        return None
    return _notification(frame) if "method" in frame else _reply(frame)


def _notification(frame: Mapping[str, Any]) -> Message:
    params = frame.get("params")
    if not isinstance(params, dict):
        return None
    match frame["method"]:
        case "heartbeat" if params.get("type") == "test_request":
            return TestRequest()
        case "subscription":
            return Notification(str(params.get("channel")), params.get("data"))
        case _:
            return None


def _reply(frame: Mapping[str, Any]) -> Message:
    """An answer needs our id and exactly a result or an error: anything less is not a yes."""
    identity, error = frame.get("id"), frame.get("error")
    if not isinstance(identity, int) or isinstance(identity, bool):
        return None
    if error is None and "result" not in frame:
        return None
    return Reply(identity, frame.get("result"), _error(error), _timestamp(frame.get("usOut")))


def _error(error: Any) -> Error | None:
    if error is None:
        return None
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(code, int) or isinstance(code, bool) or abs(code) >= CODES:
        return Error(0, "unreadable error")
    return Error(code, str(error.get("message", "")), error.get("data"))


def _timestamp(microseconds: Any) -> float | None:
    known = isinstance(microseconds, int | float) and 0 < microseconds < FAR_FUTURE
    return microseconds / 1e6 if known else None


def switch_enabled(result: Any, scope: Scope) -> bool | None:
    """What get_cancel_on_disconnect said of `scope`; None when it said nothing we can read."""
    if not isinstance(result, dict) or result.get("scope", scope) != scope:
        return None
    enabled = result.get("enabled")
    return enabled if isinstance(enabled, bool) else None


def account_id(result: Any) -> str | None:
    """The account's id in an account summary; None where there is none we can read."""
    given = result.get("id") if isinstance(result, dict) else None
    if isinstance(given, bool) or not isinstance(given, int | str):
        return None
    return str(given).strip().lower()[:64] or None


def scopes(granted: Any) -> frozenset[str]:
    """The words of a granted scope string."""
    return frozenset(granted.split()) if isinstance(granted, str) else frozenset()


def fired(news: Notification) -> int:
    """How many orders a `user.orders` notification says cancel-on-disconnect has cancelled (protocol, section 4.2)."""
    orders = news.data if isinstance(news.data, list) else [news.data]
    return sum(isinstance(order, dict) and order.get("cancel_reason") == "cancel_on_disconnect" for order in orders)
