"""How instants, spans and strangers' text are told to people. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime

_MINUTE = 60.0
_HOUR = 3600.0
_DAY = 86400.0


def instant(timestamp: float, now: float) -> str:
    """An instant in UTC, both in Unix seconds: to the second within a day of `now`, else with its date."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    if abs(now - timestamp) < _DAY and moment.date() == datetime.fromtimestamp(now, UTC).date():
        return f"{moment:%H:%M:%S}Z"
    return f"{moment.day} {moment:%b %H:%M}Z"


def span(seconds: float) -> str:
    """A span rounded up, so that a bound told stays a bound."""
    if seconds < 2 * _MINUTE:
        return f"{math.ceil(seconds - 1e-6)} s"
    if seconds < 2 * _HOUR:
        return f"{math.ceil(seconds / _MINUTE)} min"
    return f"{math.ceil(seconds / _HOUR)} h"


def left(seconds: float) -> str:
    """A span rounded down, so that no more is told than is left."""
    if seconds < 2 * _MINUTE:
        return f"{math.floor(seconds)} s"
    return f"{math.floor(seconds / _MINUTE)} min" if seconds < 2 * _HOUR else f"{math.floor(seconds / _HOUR)} h"


def plain(text: str) -> str:
    """Text that cannot play with a terminal or a log: whatever does not print is written as its code."""
    return "".join(sign if sign.isprintable() else _code(sign) for sign in text)


def _code(sign: str) -> str:
    return sign.encode("unicode_escape", "backslashreplace").decode("ascii")
