"""The file as it stands: its text as TOML, the line of every key, and what is at fault there."""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deadman.config.syntax import hint as hint_at
from deadman.model.keys import KeyPath

CONFIG_INVALID = 78
SECRET_EXPOSED = 77

LARGEST = 2**20
"""Bytes: a config of a hundred accounts has some ten thousand."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SYNTAX = re.compile(r"(?P<what>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)


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


@dataclass(frozen=True, slots=True)
class Document:
    """A TOML file that parsed."""

    path: Path
    tables: Mapping[str, Any]
    lines: Mapping[KeyPath, int]

    def fault(self, key: KeyPath, message: str, hint: str = "") -> Fault:
        return Fault(self.path, self.line(key), dotted(key), message, hint)

    def line(self, key: KeyPath) -> int | None:
        """The line of `key`, or of the nearest table around it when the key is missing."""
        return next((self.lines[key[:size]] for size in range(len(key), 0, -1) if key[:size] in self.lines), None)


def dotted(key: KeyPath) -> str:
    """A key path as TOML writes it; anything but bare keys is quoted, so nothing in it can play with a terminal."""
    return ".".join(part if _BARE.fullmatch(part) else json.dumps(part) for part in key)


def read_document(path: Path) -> Document:
    """Read and parse `path`; raises Faults with the one fault that prevents it."""
    text = _text(path)
    try:
        tables = tomllib.loads(text)
        return Document(path, tables, lines_of(text))
    except RecursionError:
        raise _unreadable(path, "nested too deeply to be a config") from None
    except ValueError as error:  # TOMLDecodeError, or a number of absurd length
        found = _SYNTAX.fullmatch(str(error))
        if found is None:
            line, what = None, str(error)
        elif found["line"] is None:
            line, what = text.count("\n") + 1, f"{found['what']}, at the end of the file"
        else:
            line, what = int(found["line"]), f"{found['what']}, column {found['column']}"
        scan = _Scan.of(text)
        if line in scan.again:
            key, first = scan.again[line]
            hint = f"it stands in line {first} already"
            raise Faults([Fault(path, line, dotted(key), "told twice", hint)]) from None
        raise Faults([Fault(path, line, "", f"not valid TOML: {what}", hint_at(text, line or 0))]) from None


def _text(path: Path) -> str:
    try:
        # Without O_NONBLOCK a FIFO would hold us here until somebody writes to it.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _unreadable(path, "is not a regular file")
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise _unreadable(path, "no such file", "`deadman init` prints a config to start from") from None
    except IsADirectoryError:
        raise _unreadable(path, "is a directory, not a config file") from None
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise _unreadable(path, "is no path a file can have") from None
    if len(content) > LARGEST:
        raise _unreadable(path, f"is larger than {LARGEST // 2**20} MiB: no config is")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"not a text file: no UTF-8 at byte {error.start}") from None


def _unreadable(path: Path, message: str, hint: str = "") -> Faults:
    return Faults([Fault(path, None, "", message, hint)])


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
    return _Scan.of(text).lines


class _Scan:
    """`lines` has the line of every key and table header; `again`, by line, what stood in an earlier one."""

    @classmethod
    def of(cls, text: str) -> _Scan:
        scan = cls(text)
        # A line number is a courtesy: never the reason to refuse what tomllib accepts.
        with suppress(ValueError, IndexError):
            scan.run()
        return scan

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted, self._line = 0, 1
        self.lines: dict[KeyPath, int] = {}
        self.again: dict[int, tuple[KeyPath, int]] = {}

    def run(self) -> None:
        table: KeyPath = ()
        while mark := self._peek():
            if mark != "[":
                self._pair(table)
                continue
            brackets = 2 if self._text.startswith("[[", self._at) else 1
            self._at += brackets
            table = self._key(())
            self._at += brackets

    def _pair(self, table: KeyPath) -> None:
        path = self._key(table)
        self._at += 1  # the equals sign
        self._value(path)

    def _key(self, table: KeyPath) -> KeyPath:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        path = table
        while True:
            key = self._take(_KEY)
            path = (*path, tomllib.loads(f"key = {key}")["key"] if key[0] in "\"'" else key)
            self.lines.setdefault(path, self._line)
            if self._text[self._at] != ".":
                break
            self._at += 1
        if self.lines[path] != self._line:
            self.again[self._line] = path, self.lines[path]
        self.lines[path] = self._line
        return path

    def _value(self, path: KeyPath) -> None:
        begin = self._peek()
        if begin not in ("{", "["):
            self._take(_SCALAR)
            return
        self._at += 1
        while self._peek() != ("}" if begin == "{" else "]"):
            if begin == "{":
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


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    if found is None:
        raise ValueError(f"not TOML at offset {start}")
    return found.end()
