"""The file as it stands: its text as TOML, and the line of every key."""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deadman.config.fault import Fault, Faults
from deadman.config.lines import KeyPath, lines_of

LARGEST = 2**20
"""Bytes: a config of a hundred accounts has some ten thousand."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SYNTAX = re.compile(r"(?P<what>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)


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
        raise Faults([_syntax_fault(path, text, str(error))]) from None


def _text(path: Path) -> str:
    try:
        content = _content(path)
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


def _content(path: Path) -> bytes:
    """At most one byte more than LARGEST. Raises OSError, ValueError, or Faults for what is no regular file."""
    # Without O_NONBLOCK a FIFO would hold us here until somebody writes to it.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _unreadable(path, "is not a regular file")
        return file.read(LARGEST + 1)


def _unreadable(path: Path, message: str, hint: str = "") -> Faults:
    return Faults([Fault(path, None, "", message, hint)])


def _syntax_fault(path: Path, text: str, error: str) -> Fault:
    found = _SYNTAX.fullmatch(error)
    if found is None:
        return Fault(path, None, "", f"not valid TOML: {error}")
    if found["line"] is None:
        return Fault(path, text.count("\n") + 1, "", f"not valid TOML: {found['what']}, at the end of the file")
    return Fault(path, int(found["line"]), "", f"not valid TOML: {found['what']}, column {found['column']}")
