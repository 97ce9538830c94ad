"""Values and words as messages say them."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable

_LONGEST_WORD = 64


def kind(value: object) -> str:
    """What a TOML value is, for people; never the value itself, which may be a misplaced secret."""
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


def listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def host_and_port(host: str, port: int) -> str:
    """As `daemon.listen` has it and URLs do: an IPv6 address stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """`did you mean "…"?`, or nothing when no known word is close."""
    found = closest(word, known)
    return f'did you mean "{found}"?' if found else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word[:_LONGEST_WORD].lower(), tuple(known), 1)), None)
