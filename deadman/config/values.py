"""Readers of single values: what TOML gave in, what the config holds out, or `Wrong` in words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

from deadman.config.words import kind, listed, shown, suggestion

Read = Callable[[object], Any]
Number = TypeVar("Number", int, float)

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
LONGEST_NAME = 64


class Wrong(Exception):
    """A value that will not do. `below` leads from the key to the part to blame, if that is not the key itself."""

    def __init__(self, message: str, hint: str = "", *below: str) -> None:
        super().__init__(message)
        self.message, self.hint, self.below = message, hint, below


def boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise Wrong(f"must be true or false, not {kind(value)}")


def integer(low: int, high: int, unit: str = "") -> Read:
    def read(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return _within(value, low, high, unit)
        raise Wrong(f"must be a whole number{unit and ' of ' + unit}, not {kind(value)}")

    return read


def seconds(low: float, high: float) -> Read:
    def read(value: object) -> float:
        match value:
            case bool():
                pass
            case int():
                return float(_within(value, low, high, "seconds"))
            case float() if math.isfinite(value):
                return _within(value, low, high, "seconds")
        raise Wrong(f"must be a number of seconds, not {kind(value)}")

    return read


def lease(value: object) -> int:
    """SX Bet's `timeoutSeconds`; 0 has a meaning there that nobody wants from a switch."""
    if value == 0 and not isinstance(value, bool):
        raise Wrong("0 is refused: at the venue it disarms the switch and cancels nothing", "give 5 to 3600 seconds")
    return int(integer(5, 3600, "seconds")(value))


def choice(*allowed: str) -> Read:
    def read(value: object) -> str:
        if not isinstance(value, str):
            raise Wrong(f"must be one of {listed(allowed)}, not {kind(value)}")
        if value not in allowed:
            raise Wrong(f"must be one of {listed(allowed)}, not {shown(value)}", suggestion(value, allowed))
        return value

    return read


def subset(*allowed: str) -> Read:
    one = choice(*allowed)

    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            raise Wrong(f"must be a list of at least one of {listed(allowed)}, not {kind(value)}")
        return tuple(dict.fromkeys(one(item) for item in value))

    return read


def text(longest: int) -> Read:
    def read(value: object) -> str:
        if not isinstance(value, str):
            raise Wrong(f"must be a string, not {kind(value)}")
        if not value.strip() or not value.isprintable():
            raise Wrong("must be plain text and not empty")
        if len(value) > longest:
            raise Wrong(f"is {len(value)} characters long, {longest} at most are possible")
        return value

    return read


def pattern(shape: re.Pattern[str], description: str) -> Read:
    def read(value: object) -> str:
        if isinstance(value, str) and shape.fullmatch(value):
            return value
        raise Wrong(f"must be {description}, not {shown(value) if isinstance(value, str) else kind(value)}")

    return read


def texts(value: object) -> tuple[str, ...]:
    """A list of strings, each once."""
    if not isinstance(value, list):
        raise Wrong(f'must be a list of strings such as ["alice"], not {kind(value)}')
    return tuple(dict.fromkeys(text(256)(item) for item in value))


def one_or_several(value: object) -> tuple[str, ...]:
    """One string or a list of them."""
    return texts(value if isinstance(value, list) else [value])


def table(value: object) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise Wrong(f"must be a table, not {kind(value)}")


def check_name(name: str) -> None:
    """Names end in socket paths and metric labels, hence the narrow alphabet."""
    if not NAME.fullmatch(name):
        raise Wrong("a name is of a-z, 0-9 and . _ - and starts with a letter or digit")
    if len(name) > LONGEST_NAME:
        raise Wrong(f"a name has {LONGEST_NAME} characters at most, not {len(name)}")


def _within(value: Number, low: float, high: float, unit: str) -> Number:
    if low <= value <= high:
        return value
    raise Wrong(f"must be {low:g} to {high:g}{unit and ' ' + unit}, not {shown(value)}")
