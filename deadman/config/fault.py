"""Values and words as messages say them."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CONFIG_INVALID = 78
SECRET_EXPOSED = 77


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. Never holds the value of a secret. `line` counts from 1; None when no line is to blame."""

    path: Path
    line: int | None
    key: str
    message: str
    hint: str = ""
    exit_code: int = CONFIG_INVALID

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else f"{self.path}"
        subject = f"{where}: {self.key}" if self.key else where
        return f"{subject}: {self.message}" + (f"; {self.hint}" if self.hint else "")


class Faults(Exception):
    """Every fault of a file at once, in the order of its lines; one line of text each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line or 0))
        super().__init__("\n".join(map(str, self.faults)))

    @property
    def exit_code(self) -> int:
        """78, unless all that is wrong are secret files which others can read: 77."""
        return max((fault.exit_code for fault in self.faults), default=CONFIG_INVALID)


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
