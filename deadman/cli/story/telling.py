"""How the story is told: lines for a person, and claims that held or did not."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from textwrap import fill

WIDTH = 78


@dataclass
class Telling:
    """Prints as it goes, and remembers whether every claim held."""

    claims: list[bool] = field(default_factory=list)
    _chapters: int = 0

    @property
    def all_held(self) -> bool:
        return bool(self.claims) and all(self.claims)

    def chapter(self, title: str) -> None:
        self._chapters += 1
        self._say(f"\n{self._chapters}  {title}")

    def tell(self, text: str) -> None:
        self._say(fill(text, WIDTH, initial_indent="   ", subsequent_indent="   "))

    def claim(self, text: str, *, held: bool) -> None:
        self.claims.append(held)
        mark = "ok " if held else "NOT"
        self._say(fill(f"{mark} {text}", WIDTH, initial_indent="   ", subsequent_indent="       "))

    def _say(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
