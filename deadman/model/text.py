"""How instants, spans, values and strangers' text are told to people. Pure."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
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


def ago(timestamp: float, now: float) -> str:
    """How long an instant is past, both in Unix seconds."""
    return f"{left(max(0.0, now - timestamp))} ago"


def tenths_up(seconds: float) -> str:
    """Seconds in tenths, rounded up: what is published must hold."""
    return f"{math.ceil(round(seconds * 10, 6)) / 10:.1f}"


def plain(text: str) -> str:
    """Text that cannot play with a terminal or a log: whatever does not print is written as its code."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape", "backslashreplace").decode("ascii")
        for sign in text
    )


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


def kind(value: object) -> str:
    """What a TOML value is; never the value itself, which may be a misplaced secret."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return "a string"
        case int():
            return "a whole number"
        case float():
            return "a fraction" if math.isfinite(value) else str(value)
        case list():
            return "a list" if value else "an empty list"
        case dict():
            return "a table"
    return "a date or time"


def shown(value: object) -> str:
    """A value short and harmless enough for a terminal."""
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number beyond all bounds"
    words = json.dumps(value)
    return words if len(words) <= 48 else f'{words[:44]}…"'


def host_and_port(host: str, port: int) -> str:
    """As `daemon.listen` has it and URLs do: an IPv6 address stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def order_count(count: int) -> str:
    """As in "1 order" and "3 orders"."""
    return f"{count} order{'' if count == 1 else 's'}"


def markdown(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, its head first. Columns are padded but for the last, which is as wide as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for row in (rows[0], ["-" * width for width in (*widths, 7)], *rows[1:]):
        cells = (*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1])
        yield f"| {' | '.join(cells)} |"


def suggestion(word: str, known: Iterable[str]) -> str:
    """`did you mean "…"?`, or nothing when no known word is close."""
    found = closest(word, known)
    return f'did you mean "{found}"?' if found else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word[:64].lower(), tuple(known), 1)), None)
