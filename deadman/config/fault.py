"""What is wrong with a config, told to people: file, line, key, what, and what to do."""

from __future__ import annotations

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
