"""On which line a key stands: `tomllib` reads the values but forgets the lines.

The text has been through `tomllib` already, so the scan may trust its grammar and need not judge it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress

KeyPath = tuple[str, ...]

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_SCALAR = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|'
    r"'''.*?'{3,5}|"
    r""""(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,\]}#]+(?: \d[^\s,\]}#]*)?""",
    re.DOTALL,
)


def lines_of(text: str) -> Mapping[KeyPath, int]:
    """The line, from 1, of every key and table header in `text`, which must be valid TOML."""
    scan = _Scan(text)
    # A line number is a courtesy: never the reason to refuse what tomllib accepts.
    with suppress(ValueError, IndexError):
        scan.run()
    return scan.lines


class _Scan:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted, self._line = 0, 1
        self.lines: dict[KeyPath, int] = {}

    def run(self) -> None:
        table: KeyPath = ()
        while self._peek():
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> KeyPath:
        while self._text[self._at] == "[":
            self._at += 1
        path = self._key(())
        while self._text.startswith("]", self._at):
            self._at += 1
        return path

    def _pair(self, table: KeyPath) -> None:
        path = self._key(table)
        self._at += 1  # the equals sign
        self._value(path)

    def _key(self, table: KeyPath) -> KeyPath:
        line, path = self._line_here(), table
        while True:
            path = (*path, _plain(self._take(_KEY)))
            self.lines.setdefault(path, line)
            if self._text[self._at] != ".":
                break
            self._at += 1
        self.lines[path] = line
        return path

    def _value(self, path: KeyPath) -> None:
        match self._peek():
            case "{":
                self._inside("}", path)
            case "[":
                self._inside("]", path)
            case _:
                self._take(_SCALAR)

    def _inside(self, end: str, path: KeyPath) -> None:
        self._at += 1
        while self._peek() != end:
            if end == "}":
                self._pair(path)
            else:
                self._value(path)
            if self._peek() == ",":
                self._at += 1
        self._at += 1

    def _peek(self) -> str:
        """The next sign that is neither blank nor comment; empty at the end."""
        self._at = _end(_BLANK, self._text, self._at)
        return self._text[self._at : self._at + 1]

    def _take(self, pattern: re.Pattern[str]) -> str:
        start = _end(_SPACE, self._text, self._at)
        end = _end(pattern, self._text, start)
        self._at = _end(_SPACE, self._text, end)
        return self._text[start:end]

    def _line_here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    if found is None:
        raise ValueError(f"not TOML at offset {start}")
    return found.end()


def _plain(key: str) -> str:
    if key[0] in "\"'":
        return str(tomllib.loads(f"key = {key}")["key"])
    return key
