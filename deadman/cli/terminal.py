"""The paper that words are put on: how wide, and whether it takes colours."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

_COLOURS: Mapping[str, str] = {"bad": "\x1b[1;31m", "good": "\x1b[32m", "warn": "\x1b[33m", "calm": "\x1b[2m"}
_END = "\x1b[0m"
_NARROWEST = 24


@dataclass(frozen=True, slots=True)
class Paper:
    """`width` and `height` in characters; `colours` by tone, none where there are none."""

    width: int = 80
    height: int = 24
    colours: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, stream: TextIO, environment: Mapping[str, str]) -> Paper:
        """80 columns and plain where nobody looks; NO_COLOR as no-color.org has it."""
        size = shutil.get_terminal_size((80, 24))
        plain = environment.get("NO_COLOR") or environment.get("TERM") == "dumb" or not stream.isatty()
        return cls(max(size.columns, _NARROWEST), max(size.lines, 2), {} if plain else _COLOURS)

    def paint(self, tone: str, text: str) -> str:
        colour = self.colours.get(tone)
        return f"{colour}{text}{_END}" if colour and text else text

    def wrap(self, text: str, first: str = "", then: str | None = None) -> list[str]:
        """Lines no wider than the paper: `first` leads the first one, `then` the others (blanks if not given)."""
        others = " " * len(first) if then is None else then
        others = others if len(others) < self.width // 2 else "  "
        return textwrap.wrap(text, self.width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def columns(rows: Sequence[Sequence[str]]) -> list[int]:
    """The width each column needs."""
    return [max(map(len, cells)) for cells in zip(*rows, strict=True)]
