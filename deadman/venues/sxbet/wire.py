"""SX Bet's words on the wire: JSON over HTTP; the shapes of docs.sx.bet, as far as it documents them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from math import inf
from typing import Any, Protocol, TypeGuard

from deadman.model.errors import Reason, Refused, Unavailable, VenueError
from deadman.model.text import plain

ABSURD = 1e18
"""No number the venue has reason to send is as great."""


class Answer(Protocol):
    """An HTTP answer, whole, of whichever wire; header names in lower case."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Lease:
    """What a heartbeat's answer says; None where it says nothing we can read. Timestamps in Unix seconds."""

    requestor: str | None
    timeout: float | None
    expiry_timestamp: float | None
    answered_timestamp: float | None


def body(answer: Answer) -> Any:
    """The answer's JSON, to be read only; None for HTML, for nothing, and for anything else that is not JSON."""
    return _parsed(answer.body)


@lru_cache(maxsize=1)  # one answer is asked several things
def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def succeeded(answer: Answer) -> bool:
    """Whether the venue says so in words: what a lease needs."""
    return bool(_mapping(body(answer)).get("status") == "success")


def readable(answer: Answer) -> bool:
    """Whether it is JSON and no failure: V3's listings are not documented, and may carry no word of success."""
    content = body(answer)
    return 200 <= answer.status < 300 and content is not None and _mapping(content).get("status") != "failure"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def lease(answer: Answer) -> Lease:
    said = _mapping(_mapping(body(answer)).get("data"))
    requestor = said.get("requestor")
    return Lease(
        requestor if isinstance(requestor, str) else None,
        _number(said.get("timeoutSeconds")),
        _timestamp(datetime.fromisoformat, said.get("expiresAt")),
        _timestamp(parsedate_to_datetime, answer.headers.get("date")),
    )


def _number(value: Any) -> float | None:
    """A number of absurd size, which may not even fit a float, is still one: no echo of what we asked for."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) < ABSURD else inf


def _timestamp(parse: Callable[[Any], datetime], text: Any) -> float | None:
    """Unix seconds; a moment whose zone is not known names no instant."""
    try:
        moment = parse(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if moment.tzinfo is None else moment.timestamp()


def complaint(answer: Answer) -> str:
    """What a failure says for people, at most a line: of two documented shapes, or of a page that is none."""
    content = body(answer)
    if not isinstance(content, dict):
        return f"HTTP {answer.status} without a JSON body"
    words = content.get("errorCode") or content.get("message") or content.get("error") or ""
    told = "; ".join(map(str, words)) if isinstance(words, list) else str(words)
    return " ".join(f"HTTP {answer.status} {told}".split())[:200]


def orders(content: Any) -> list[Any] | None:
    """The orders of a listing, `data` or `data.orders`; None when it is neither."""
    data = _mapping(content).get("data")
    listed = data.get("orders") if isinstance(data, dict) else data
    return listed if isinstance(listed, list) else None


def names(orders: list[Any]) -> set[str]:
    """What the orders of a listing are called: an id in V3, a hash in V2."""
    given = (order.get("id") or order.get("orderHash") for order in orders if isinstance(order, dict))
    return {name for name in given if isinstance(name, str)}


def end(content: Any) -> str:
    """Why one order is open no more, ACTIVE for one that is; what says neither is empty."""
    order = _mapping(_mapping(_mapping(content).get("data")).get("order"))
    status, reason = order.get("status"), order.get("inactiveReason")
    told = status if status == "ACTIVE" else reason or status
    return told if isinstance(told, str) else ""


def owner(content: Any) -> str | None:
    """The wallet that every order of a listing belongs to, in lower case; None where they name none, or several."""
    rows = [order for order in orders(content) or [] if isinstance(order, dict)]
    named = {(row.get("userAddress") or row.get("wallet") or row.get("maker")) for row in rows}
    only = named.pop() if len(named) == 1 else None
    return only.lower() if isinstance(only, str) and only else None


def next_key(content: Any) -> str | None:
    """Where a long listing goes on; None at its end."""
    keys = (_mapping(place).get("nextKey") for place in (_mapping(content).get("data"), content))
    return next((str(key) for key in keys if isinstance(key, str | int) and key), None)


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What a cancel's answer says: the orders it names as taken, or how many where it names none.

    `unsure`: how many of them it could not be sure of; None where it confirms nothing, as V3's `cancelledSubmitted`
    does not. `more`: only a page of the book was taken.
    """

    names: frozenset[str]
    count: int
    unsure: int | None
    more: bool


def cancelled(content: Any) -> Cancelled:
    """V3 names what it has `cancelled` or, asked for all, what it has `cancelledSubmitted`; V2 counts."""
    said = _mapping(_mapping(content).get("data"))
    count, listed = said.get("cancelledCount"), _listed(said, "orders")
    submitted = _listed(said, "cancelledSubmitted") + _listed(said, "cancelled")
    unsure = len(_listed(said, "notCancelled")) + len(_listed(said, "unconfirmed"))
    told = _is_count(count) or isinstance(said.get("orders"), list)
    more = said.get("hasMore") is True
    names = frozenset(str(one["orderId"]) for one in submitted + listed if isinstance(one, dict) and "orderId" in one)
    taken = count if _is_count(count) else len(submitted) + len(listed)
    return Cancelled(names, taken, unsure if told and not submitted and not more else None, more)


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _listed(said: Mapping[str, Any], key: str) -> list[Any]:
    listed = said.get(key)
    return listed if isinstance(listed, list) else []


RETIRED = "no longer supported"
"""What the V2 routes have answered since V3 took over."""

LONGEST_PAUSE = 30.0
"""Seconds: whatever Retry-After says, a lease must not be left to lapse for longer."""

_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
"""4xx by number, and yet a passing failure of the network or of the venue's gateway."""

_NEVER_HEARD = {Reason.DNS, Reason.CONNECT, Reason.TLS, Reason.RATE_LIMITED}
"""Ends before the venue took the request, or turned it away unread."""

_ADVICE: dict[int, tuple[Reason, str]] = {
    HTTPStatus.UNAUTHORIZED: (
        Reason.CREDENTIALS,
        "the API key is missing, malformed or revoked; V2 keys are not V3 keys",
    ),
    HTTPStatus.FORBIDDEN: (Reason.FORBIDDEN, "the API key, its address or this host is not allowed"),
    HTTPStatus.NOT_FOUND: (Reason.RETIRED, "no such route: see `api` and `url`"),
    HTTPStatus.GONE: (Reason.RETIRED, "the route is gone: see `api`"),
}


def failure(what: str, answer: Answer) -> VenueError:
    """The exception to raise for an answer that is no success."""
    said = complaint(answer)
    if RETIRED in said:
        return Refused(Reason.RETIRED, f'{what}: {said}; this account needs api = "v3" and a V3 key')
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        try:
            pause = min(LONGEST_PAUSE, max(0.0, float(answer.headers.get("retry-after", "0"))))
        except ValueError:
            pause = 0.0
        return Unavailable(Reason.RATE_LIMITED, f"{what}: {said}", pause)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in _PASSING:
        return Unavailable(Reason.VENUE_ERROR, f"{what}: {said}")
    if answer.status < HTTPStatus.MULTIPLE_CHOICES:
        # A 200 that is no success: a failure in words is a no, anything else is no answer at all.
        if _mapping(body(answer)).get("status") == "failure":
            return Refused(Reason.UNSUPPORTED, f"{what}: {said}")
        return Unavailable(Reason.GARBLED, f"{what}: {said}, and no success that we can read")
    if answer.status < HTTPStatus.BAD_REQUEST:
        place = plain(answer.headers.get("location", "nowhere").partition("?")[0])
        return Refused(
            Reason.UNSUPPORTED, f"{what}: HTTP {answer.status}, redirected to {place}: not followed; see `url`"
        )
    reason, advice = _ADVICE.get(answer.status, (Reason.UNSUPPORTED, "the venue does not take this request"))
    return Refused(reason, f"{what}: {said}: {advice}")


def not_carried_out(error: VenueError) -> bool:
    """Whether the request is known to have done nothing, and never will: refused in words, or it never left us.

    A timeout, a broken connection, a gateway's 5xx or a page that is no answer says nothing of the kind.
    """
    return isinstance(error, Refused) or error.reason in _NEVER_HEARD
