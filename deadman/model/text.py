"""How instants, spans and strangers' text are told to people. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from deadman.model.clock import Clock

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


def at_most(seconds: float) -> str:
    """Seconds in tenths, rounded up: what is published must hold."""
    return f"{math.ceil(round(seconds * 10, 6)) / 10:.1f}"


def plain(text: str) -> str:
    """Text that cannot play with a terminal or a log: whatever does not print is written as its code."""
    return "".join(sign if sign.isprintable() else _code(sign) for sign in text)


def _code(sign: str) -> str:
    return sign.encode("unicode_escape", "backslashreplace").decode("ascii")


@dataclass(frozen=True, slots=True)
class Times:
    """`now` is monotonic; `offset` takes a monotonic instant to Unix seconds."""

    now: float
    offset: float

    @classmethod
    def of(cls, clock: Clock) -> Times:
        now = clock.now()
        return cls(now, clock.timestamp_of(now) - now)

    def timestamp(self, at: float) -> float:
        """Unix seconds, to the millisecond."""
        return round(at + self.offset, 3)

    def timestamp_or_none(self, at: float | None) -> float | None:
        return None if at is None else self.timestamp(at)

    def told(self, at: float) -> str:
        """An instant for people."""
        return instant(at + self.offset, self.now + self.offset)
