"""A log line in the three forms it can take: for people, for programs, and for journald.

A line is an ordinary `LogRecord`. What is passed as `extra` becomes fields: `event` (a stable name), `account`,
`watch`, and whatever else tells one line from another. `at` (Unix seconds) dates what was true before it was noticed.
"""

from __future__ import annotations

import json
import logging
import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from deadman import spoken

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
    traceback = "".join(f"\n    {spoken.plain(line)}" for line in (record.exc_text or "").splitlines())
    return f"{_instant(record, 'seconds')}  {record.levelname:<7}  {spoken.plain(record.getMessage())}{traceback}"


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
