"""From whoever logs to whoever writes, without ever waiting: the event loop must not hang on a full pipe."""

from __future__ import annotations

import copy
import json
import logging
import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal, assert_never
from urllib.parse import quote

from deadman.model import text
from deadman.model.secret import Secret
from deadman.model.settings import DaemonConfig

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "at"}
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_COLOURS = {logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "1;31"}
_LARGEST = 48 * 1024  # characters of one journal value: a datagram must fit the socket's send buffer


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What was passed as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def as_text(record: logging.LogRecord) -> str:
    """One line for people, UTC; a traceback follows it, indented. No word of a stranger plays with the terminal."""
    traceback = "".join(f"\n    {text.plain(line)}" for line in (record.exc_text or "").splitlines())
    return f"{_instant(record, 'seconds')}  {record.levelname:<7}  {text.plain(record.getMessage())}{traceback}"


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
    """A datagram of journald's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL).

    A field is `NAME=value`, or for several lines the name, a newline, the value's length as 64 bits, the value.
    """
    fields = {
        "MESSAGE": record.getMessage() + (f"\n{record.exc_text}" if record.exc_text else ""),
        "PRIORITY": priority(record),
        "SYSLOG_IDENTIFIER": "deadman",
        "LOGGER": record.name,
        "CODE_FILE": record.pathname,
        "CODE_LINE": record.lineno,
        "DEADMAN_TIMESTAMP": _instant(record, "milliseconds"),
        **{f"DEADMAN_{name.upper()}": value for name, value in fields_of(record).items()},
    }
    datagram = b""
    for name, value in fields.items():
        data = str(value)[:_LARGEST].encode("utf-8", "backslashreplace")
        lead = b"\n" + struct.pack("<Q", len(data)) if b"\n" in data else b"="
        datagram += name.encode() + lead + data + b"\n"
    return datagram


def priority(record: logging.LogRecord) -> int:
    """syslog's number of the level, 0 (worst) to 7."""
    return next((number for level, number in sorted(_PRIORITIES.items(), reverse=True) if record.levelno >= level), 7)


def _instant(record: logging.LogRecord, precision: str) -> str:
    """When it became true, else when it was logged."""
    moment = datetime.fromtimestamp(getattr(record, "at", record.created), UTC).replace(tzinfo=None)
    return f"{moment.isoformat(' ' if precision == 'seconds' else 'T', precision)}Z"


JOURNAL = Path("/run/systemd/journal/socket")
READER_TIMEOUT = 1.0
"""Seconds a reader may be slow to take one line before it is given up."""

Sink = Callable[[logging.LogRecord], None]
"""Writes one line. Raises OSError when it could not."""


def stream(descriptor: int, form: Callable[[logging.LogRecord], str]) -> Sink:
    """Past Python's own buffer: at exit the interpreter would wait for ever for a lock held by a blocked thread."""

    def write(record: logging.LogRecord) -> None:
        rest = f"{form(record)}\n".encode("utf-8", "backslashreplace")
        while rest:
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:  # somebody who shares our stderr made it non-blocking
                if not select.select([], [descriptor], [], READER_TIMEOUT)[1]:
                    raise

    return write


def journal(path: Path, otherwise: Sink) -> Sink:
    """To journald itself, addressed anew for each line since it may restart; by `otherwise` while it is away."""

    def write(record: logging.LogRecord) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(READER_TIMEOUT)
                sender.sendto(as_journal(record), str(path))
        except OSError:
            otherwise(record)

    return write


def sink(
    log_format: Literal["auto", "journal", "text", "json"], descriptor: int, environment: Mapping[str, str]
) -> Sink:
    """The sink that the config asks for; `auto` looks at what `descriptor` (stderr) is."""
    if log_format == "auto":
        log_format = "text" if os.isatty(descriptor) else "json"
        if is_journal(descriptor, environment.get("JOURNAL_STREAM", "")):
            log_format = "journal"
    match log_format:
        case "journal":
            # While it is away, stderr with sd-daemon(3)'s level before each line.
            return journal(JOURNAL, stream(descriptor, lambda record: f"<{priority(record)}>{as_text(record)}"))
        case "text":
            plain = environment.get("NO_COLOR") or environment.get("TERM") == "dumb" or not os.isatty(descriptor)
            return stream(descriptor, as_text if plain else _coloured)
        case "json":
            return stream(descriptor, as_json)
    assert_never(log_format)


def _coloured(record: logging.LogRecord) -> str:
    colour = _COLOURS.get(record.levelno)
    return f"\x1b[{colour}m{as_text(record)}\x1b[0m" if colour else as_text(record)


def is_journal(descriptor: int, journal_stream: str) -> bool:
    """Whether `$JOURNAL_STREAM` (device:inode, systemd.exec(5)) is this very descriptor and not an inherited memory."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return journal_stream == f"{status.st_dev}:{status.st_ino}"


STDERR = 2
CHATTY = ("h11", "httpcore", "httpx", "trio-websocket", "trio_websocket", "wsproto")
"""Below WARNING these tell headers and addresses of requests, keys among them."""

ACCEPTING = "trio.serve_listeners"
"""Says ten times a second, with a traceback, that no connection can be accepted while descriptors are used up."""

_log = logging.getLogger(__name__)


@dataclass
class Seldom:
    """Of a logger's records one in `interval` seconds, and none with a traceback."""

    interval: float = 10.0
    _logged_at: float = -inf

    def filter(self, record: logging.LogRecord) -> bool:
        if record.created < self._logged_at + self.interval:
            return False
        self._logged_at, record.exc_info = record.created, None
        return True


@contextmanager
def logging_set_up(
    config: DaemonConfig, descriptor: int = STDERR, environment: Mapping[str, str] = os.environ
) -> Iterator[Writer]:
    """Log as `config` says until the block ends, however it ends; then what waits is written and all is as before.

    The writer knows how many lines were dropped.
    """
    level = logging.getLevelNamesMapping()[config.log_level.upper()]
    writer, root = Writer(sink(config.log_format, descriptor, environment)), logging.getLogger()
    levels = {root: level, **{logging.getLogger(name): max(level, logging.WARNING) for name in CHATTY}}
    with ExitStack() as stack:
        stack.callback(writer.close)
        stack.callback(setattr, root, "handlers", root.handlers)
        root.handlers = [ToWriter(writer)]
        accepting = Seldom()
        stack.callback(logging.getLogger(ACCEPTING).removeFilter, accepting)
        logging.getLogger(ACCEPTING).addFilter(accepting)
        for logger, wanted in levels.items():
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(wanted)
        stack.callback(setattr, threading, "excepthook", threading.excepthook)
        threading.excepthook = _log_death
        stack.callback(logging.captureWarnings, False)
        logging.captureWarnings(True)
        yield writer


def _log_death(death: threading.ExceptHookArgs) -> None:
    """What kills a thread goes to the log too."""
    if death.exc_value is not None:
        raised = (death.exc_type, death.exc_value, death.exc_traceback)
        _log.critical("a thread died of a bug", exc_info=raised, extra={"event": "thread_died"})


ROOM = 10_000
"""Lines that may wait for a slow reader; more are dropped and counted."""

FLUSH = 2.0
"""Seconds at exit for what still waits: a reader that hangs must not keep us from ending."""

_TRACEBACKS = logging.Formatter()


class Writer:
    """A thread that writes what is put. One line that cannot be written is counted and given up."""

    def __init__(self, sink: Sink, room: int = ROOM) -> None:
        self._sink = sink
        self._room = room
        # A SimpleQueue may be put to while it is being put to: a warning from the garbage collector comes at any time.
        self._waiting: SimpleQueue[logging.LogRecord | None] = SimpleQueue()
        self._found_no_room = 0
        self._not_written = 0
        self._thread = threading.Thread(target=self._write, name="log-writer", daemon=True)
        self._thread.start()

    def put(self, record: logging.LogRecord) -> None:
        """Never waits; for any thread."""
        if self._waiting.qsize() < self._room:
            self._waiting.put(record)
        else:
            self._found_no_room += 1

    def dropped(self) -> int:
        """Lines nobody will read."""
        return self._found_no_room + self._not_written

    def close(self, patience: float = FLUSH) -> None:
        """Write what waits, for `patience` seconds at most."""
        self._waiting.put(None)
        self._thread.join(patience)

    def _write(self) -> None:
        while (record := self._waiting.get()) is not None:
            try:
                self._sink(record)
            except OSError:
                self._not_written += 1


class ToWriter(logging.Handler):
    """Hands each record over as plain text, with no secret left in it and nothing that may still change."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        self._writer.put(settled(record))


def settled(record: logging.LogRecord) -> logging.LogRecord:
    """A copy whose message, traceback and fields are final and redacted; other handlers keep the original."""
    final = copy.copy(record)
    final.msg, final.args = redacted(record.getMessage()), None
    raised = _TRACEBACKS.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else ""
    final.exc_text = redacted("\n".join(part for part in (raised, record.stack_info) if part))
    final.exc_info, final.stack_info = None, None
    for name, value in fields_of(record).items():
        setattr(final, name, value if value is None or isinstance(value, int | float) else redacted(str(value)))
    return final


MASK = "***"
SHORTEST = 4
"""Characters: to strike out every shorter string would leave nothing readable, and no key is that short."""


class Redaction:
    """The secrets known so far; safe to use from any thread. What is asked costs no more the more of them there are."""

    def __init__(self) -> None:
        self._by_start: dict[str, tuple[str, ...]] = {}

    def add(self, secret: Secret) -> None:
        """From now on strike this value out, as it is and as reprs, JSON and URLs spell it."""
        for spelling in _spellings(secret):
            start = spelling[:SHORTEST]
            known = self._by_start.get(start, ())
            if len(spelling) >= SHORTEST and spelling not in known:
                # Longest first: a secret within a longer one must not leave the rest of that standing.
                self._by_start[start] = tuple(sorted((*known, spelling), key=len, reverse=True))

    def __call__(self, text: str) -> str:
        clean, done, at = [], 0, 0
        while at <= len(text) - SHORTEST:
            known = self._by_start.get(text[at : at + SHORTEST], ())
            found = next((spelling for spelling in known if text.startswith(spelling, at)), None)
            if found is None:
                at += 1
            else:
                clean += [text[done:at], MASK]
                done = at = at + len(found)
        return "".join((*clean, text[done:]))


def _spellings(secret: Secret) -> Iterator[str]:
    """A key of several lines is also known by each line of its body: a traceback may show one alone."""
    value = secret.reveal()
    lines = value.splitlines()
    for part in {value, *(line for line in lines[1:-1] if len(lines) > 2)}:
        yield from (part, repr(part)[1:-1], json.dumps(part)[1:-1], quote(part, safe="", errors="backslashreplace"))


redacted = Redaction()
"""The one register of the process: whoever reads a secret registers it, whoever writes a log line asks it."""

redact = redacted.add
