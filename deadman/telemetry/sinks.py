"""A log line in the three forms it can take: for people, for programs, and for journald.

A line is an ordinary `LogRecord`. What is passed as `extra` becomes fields: `event` (a stable name), `account`,
`watch`, and whatever else tells one line from another. `at` (Unix seconds) dates what was true before it was noticed.
"""

from __future__ import annotations

import json
import logging
import os
import select
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from deadman.model import text

Fields = Mapping[str, Any]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "at"}
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_COLOURS = {logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "1;31"}
_LARGEST = 48 * 1024  # characters of one journal value: a datagram must fit the socket's send buffer


def fields_of(record: logging.LogRecord) -> Fields:
    """What was passed as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def timestamp_of(record: logging.LogRecord) -> float:
    """Unix seconds: when it became true, else when it was logged."""
    return float(getattr(record, "at", record.created))


def as_text(record: logging.LogRecord) -> str:
    """One line for people, UTC; a traceback follows it, indented. No word of a stranger plays with the terminal."""
    traceback = "".join(f"\n    {text.plain(line)}" for line in (record.exc_text or "").splitlines())
    return f"{_instant(record, 'seconds')}  {record.levelname:<7}  {text.plain(record.getMessage())}{traceback}"


def coloured(record: logging.LogRecord) -> str:
    colour = _COLOURS.get(record.levelno)
    return f"\x1b[{colour}m{as_text(record)}\x1b[0m" if colour else as_text(record)


def prefixed(record: logging.LogRecord) -> str:
    """For a journal that reads our stderr: sd-daemon(3)'s level before the line."""
    return f"<{priority(record)}>{as_text(record)}"


def as_json(record: logging.LogRecord) -> str:
    """One object in one line."""
    line = {
        "timestamp": _instant(record, "milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        **fields_of(record),
        "message": record.getMessage(),
    }
    if record.exc_text:
        line["traceback"] = record.exc_text
    return json.dumps(line, default=str, ensure_ascii=False)


def as_journal(record: logging.LogRecord) -> bytes:
    """A datagram of journald's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL)."""
    return b"".join(_entry(name, value[:_LARGEST]) for name, value in _journal_fields(record))


def _journal_fields(record: logging.LogRecord) -> Iterator[tuple[str, str]]:
    traceback = f"\n{record.exc_text}" if record.exc_text else ""
    yield "MESSAGE", record.getMessage() + traceback
    yield "PRIORITY", str(priority(record))
    yield "SYSLOG_IDENTIFIER", "deadman"
    yield "LOGGER", record.name
    yield "CODE_FILE", record.pathname
    yield "CODE_LINE", str(record.lineno)
    yield "DEADMAN_TIMESTAMP", _instant(record, "milliseconds")
    for name, value in fields_of(record).items():
        yield f"DEADMAN_{name.upper()}", str(value)


def _entry(name: str, value: str) -> bytes:
    """`NAME=value`, or for several lines the name, a newline, the value's length as 64 bits, the value."""
    data = value.encode("utf-8", "backslashreplace")
    if b"\n" in data:
        return b"".join((name.encode(), b"\n", struct.pack("<Q", len(data)), data, b"\n"))
    return b"".join((name.encode(), b"=", data, b"\n"))


def priority(record: logging.LogRecord) -> int:
    """syslog's number of the level, 0 (worst) to 7."""
    return next((number for level, number in sorted(_PRIORITIES.items(), reverse=True) if record.levelno >= level), 7)


def _instant(record: logging.LogRecord, precision: str) -> str:
    moment = datetime.fromtimestamp(timestamp_of(record), UTC).replace(tzinfo=None)
    return f"{moment.isoformat(' ' if precision == 'seconds' else 'T', precision)}Z"


JOURNAL = Path("/run/systemd/journal/socket")
PATIENCE = 1.0
"""Seconds a reader may be slow to take one line before it is given up."""

Sink = Callable[[logging.LogRecord], None]
"""Writes one line. Raises OSError when it could not."""


def stream(descriptor: int, form: Callable[[logging.LogRecord], str]) -> Sink:
    """Past Python's own buffer: at exit the interpreter would wait for ever for a lock held by a blocked thread."""

    def write(record: logging.LogRecord) -> None:
        rest = f"{form(record)}\n".encode("utf-8", "backslashreplace")
        while rest:
            rest = rest[_written(descriptor, rest) :]

    return write


def _written(descriptor: int, data: bytes) -> int:
    try:
        return os.write(descriptor, data)
    except BlockingIOError:  # somebody who shares our stderr made it non-blocking
        if not select.select([], [descriptor], [], PATIENCE)[1]:
            raise
        return 0


def journal(path: Path, otherwise: Sink) -> Sink:
    """To journald itself, addressed anew for each line since it may restart; by `otherwise` while it is away."""

    def write(record: logging.LogRecord) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(PATIENCE)
                sender.sendto(as_journal(record), str(path))
        except OSError:
            otherwise(record)

    return write


def sink(
    log_format: Literal["auto", "journal", "text", "json"], descriptor: int, environment: Mapping[str, str]
) -> Sink:
    """The sink that the config asks for; `auto` looks at what `descriptor` (stderr) is."""
    match _resolved(log_format, descriptor, environment):
        case "journal":
            return journal(JOURNAL, stream(descriptor, prefixed))
        case "text":
            colourless = environment.get("NO_COLOR") or environment.get("TERM") == "dumb" or not os.isatty(descriptor)
            return stream(descriptor, as_text if colourless else coloured)
        case _:
            return stream(descriptor, as_json)


def _resolved(log_format: str, descriptor: int, environment: Mapping[str, str]) -> str:
    if log_format != "auto":
        return log_format
    if is_journal(descriptor, environment.get("JOURNAL_STREAM", "")):
        return "journal"
    return "text" if os.isatty(descriptor) else "json"


def is_journal(descriptor: int, journal_stream: str) -> bool:
    """Whether `$JOURNAL_STREAM` (device:inode, systemd.exec(5)) is this very descriptor and not an inherited memory."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return journal_stream == f"{status.st_dev}:{status.st_ino}"
