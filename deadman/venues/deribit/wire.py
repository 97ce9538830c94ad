"""What each of Deribit's error codes asks of us (docs.deribit.com, "RPC Error Codes").

Branch on the code, never on the message: the same code is seen with several messages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from deadman.model.drill import LABEL
from deadman.model.errors import Reason, Refused, Setback, SwitchOff, Unavailable, VenueError

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
    """An answer needs our id, in quotes or not, and exactly a result or an error: anything less is not a yes."""
    identity, error = frame.get("id"), frame.get("error")
    if isinstance(identity, str) and identity.isascii() and identity.isdigit() and len(identity) < 20:
        identity = int(identity)
    if not isinstance(identity, int) or isinstance(identity, bool):
        return None
    if error is None and "result" not in frame:
        return None
    if error is not None:
        code = error.get("code") if isinstance(error, dict) else None
        if isinstance(code, int) and not isinstance(code, bool) and abs(code) < CODES:
            error = Error(code, str(error.get("message", "")), error.get("data"))
        else:
            error = Error(0, "unreadable error")
    sent_at = frame.get("usOut")
    sent_timestamp = sent_at / 1e6 if isinstance(sent_at, int | float) and 0 < sent_at < FAR_FUTURE else None
    return Reply(identity, frame.get("result"), error, sent_timestamp)


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
    """How many orders a `user.orders` notification says cancel-on-disconnect has cancelled; those of drills are not
    told of: they are meant to go."""
    told = news.data if isinstance(news.data, list) else [news.data]
    orders = (order for order in told if isinstance(order, dict) and not str(order.get("label")).startswith(LABEL))
    return sum(order.get("cancel_reason") == "cancel_on_disconnect" for order in orders)


_CREDENTIALS = (
    "invalid credentials: wrong id or secret, a key of the other network, a host clock more than 60 s off, "
    "an address outside the key's allow-list, or a temporary ban"
)
_SCOPE = "the key lacks a permission: it needs account:read_write, and trade:read_write to cancel"

_ANSWERS: dict[int, tuple[Callable[[Reason, str, float], VenueError], Reason, str, float]] = {
    10000: (Unavailable, Reason.CREDENTIALS, "the login is no longer accepted", 0),
    10004: (Setback, Reason.VENUE_ERROR, "no such order", 0),
    10010: (Setback, Reason.VENUE_ERROR, "the order is closed already", 0),
    10028: (Unavailable, Reason.RATE_LIMITED, "too many requests of this account: the venue ends the session", 15),
    10030: (Refused, Reason.UNSUPPORTED, "must be asked on a WebSocket", 0),
    10041: (Setback, Reason.VENUE_ERROR, "settlement in progress", 2),
    10047: (Setback, Reason.RATE_LIMITED, "too many orders under way at once", 2),
    10048: (Unavailable, Reason.VENUE_ERROR, "not on this server", 2),
    10049: (SwitchOff, Reason.VENUE_ERROR, "cancel-on-disconnect could not be enabled", 2),
    10066: (Setback, Reason.RATE_LIMITED, "too many requests at once", 2),
    11029: (Refused, Reason.UNSUPPORTED, "invalid arguments", 0),
    11042: (Refused, Reason.SCOPE, _SCOPE, 0),
    11044: (Setback, Reason.VENUE_ERROR, "the order is not open any more", 0),
    11049: (Refused, Reason.UNSUPPORTED, "bad arguments", 0),
    11050: (Refused, Reason.UNSUPPORTED, "bad request", 0),
    11051: (Unavailable, Reason.MAINTENANCE, "system maintenance", 5),
    11056: (Setback, Reason.VENUE_ERROR, "requests before the login are turned off", 0),
    11098: (Refused, Reason.FORBIDDEN, "the account is locked", 0),
    12003: (Refused, Reason.CREDENTIALS, "too many failed logins; " + _CREDENTIALS, 30),
    12005: (Refused, Reason.FORBIDDEN, "the venue serves no one in this country", 0),
    12998: (Refused, Reason.CREDENTIALS, "too many security key attempts", 30),
    13004: (Refused, Reason.CREDENTIALS, _CREDENTIALS, 0),
    13009: (Unavailable, Reason.CREDENTIALS, "the token ran out, or was made invalid", 0),
    13012: (Refused, Reason.FORBIDDEN, "not available in a subaccount", 0),
    13021: (Refused, Reason.SCOPE, _SCOPE, 0),
    13025: (Refused, Reason.FORBIDDEN, "the venue has switched this method off", 0),
    13031: (Refused, Reason.FORBIDDEN, "the account must be verified first", 0),
    13403: (Refused, Reason.SCOPE, _SCOPE, 0),
    13668: (Refused, Reason.CREDENTIALS, "the key demands a second factor: use one that does not", 0),
    13904: (Refused, Reason.CREDENTIALS, "the account must set up a security key first", 0),
    -32000: (Refused, Reason.UNSUPPORTED, "missing parameters", 0),
    -32600: (Refused, Reason.UNSUPPORTED, "invalid request", 0),
    -32601: (Refused, Reason.UNSUPPORTED, "the venue does not know this method", 0),
    -32602: (Refused, Reason.UNSUPPORTED, "the venue does not take these parameters", 0),
    -32700: (Refused, Reason.UNSUPPORTED, "the venue could not parse our request", 0),
}


LOGIN = "public/auth"
READ_SWITCH = "private/get_cancel_on_disconnect"
TURN_ON = "private/enable_cancel_on_disconnect"
TURN_OFF = "private/disable_cancel_on_disconnect"

LONGEST_PAUSE = 60.0
"""Seconds: whatever the venue asks for, an account must not be left unproven for longer without a try."""


CLOCK_SUSPECT = 20.0
"""Seconds between the venue's clock and ours from which a login that failed may have failed of it."""


def failure(method: str, error: Error, clock_offset: float = 0.0) -> VenueError:
    """The exception to raise for an error answer to `method`; a code nobody knows may be better next time.

    `clock_offset` is the venue's clock less ours, in seconds, as this very answer tells it; 0 where it does not. The
    pause is at least what the venue itself asks for, up to a minute (Coinbase: retry_after in s, retry_after_ms).
    """
    kind, reason, words, pause = _ANSWERS.get(error.code, (Setback, Reason.VENUE_ERROR, error.message, 0.0))
    if kind is SwitchOff and method not in (READ_SWITCH, TURN_ON):
        kind = Setback  # in answer to a count or a cancel it says nothing of the switch
    if method == LOGIN and error.code in (10000, 13009):  # later they say that the token ran out: log in again
        kind, words = Refused, _CREDENTIALS
    elif method.startswith("public/") and error.code in (10000, 13009):
        kind, words = Setback, "the venue wants a login first"
    if method == LOGIN and reason is Reason.CREDENTIALS and abs(clock_offset) >= CLOCK_SUSPECT:
        side = "behind" if clock_offset > 0 else "ahead of"
        words = f"{words}; this host's clock is {abs(clock_offset):.0f} s {side} the venue's: set it"
    data = error.data if isinstance(error.data, dict) else {}
    seconds = _bounded(data.get("retry_after", data.get("wait")), LONGEST_PAUSE)
    milliseconds = _bounded(data.get("retry_after_ms"), LONGEST_PAUSE * 1000)
    pause = max(pause, seconds, milliseconds / 1000)
    return kind(reason, f"{method}: {words} ({error.code} {error.message})", pause)


def _bounded(asked: Any, most: float) -> float:
    """Whatever number was sent, it may be longer than any float."""
    return float(min(most, max(0.0, asked))) if isinstance(asked, int | float) else 0.0
