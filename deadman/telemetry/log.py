"""From whoever logs to whoever writes, without ever waiting: the event loop must not hang on a full pipe."""

from __future__ import annotations

import copy
import json
import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from typing import Any
from urllib.parse import quote

from deadman.model.settings import DaemonConfig, Secret
from deadman.telemetry.sinks import Sink, fields_of, sink

STDERR = 2
CHATTY = ("h11", "httpcore", "httpx", "trio-websocket", "trio_websocket", "wsproto")
"""Below WARNING these tell headers and addresses of requests, keys among them."""

_log = logging.getLogger(__name__)


@contextmanager
def logging_set_up(
    config: DaemonConfig, descriptor: int = STDERR, environment: Mapping[str, str] = os.environ
) -> Iterator[Writer]:
    """Log as `config` says until the block ends, however it ends; then what waits is written and all is as before.

    The writer knows how many lines were dropped.
    """
    level = logging.getLevelNamesMapping()[config.log_level.upper()]
    writer = Writer(sink(config.log_format, descriptor, environment))
    writer.start()
    with ExitStack() as stack:
        stack.callback(writer.close)
        stack.enter_context(_root(ToWriter(writer), level))
        for name in CHATTY:
            stack.enter_context(_level(logging.getLogger(name), max(level, logging.WARNING)))
        stack.enter_context(_strays_logged())
        yield writer


@contextmanager
def _root(handler: logging.Handler, level: int) -> Iterator[None]:
    """The root logger with this handler alone."""
    root = logging.getLogger()
    before, root.handlers = root.handlers, [handler]
    try:
        with _level(root, level):
            yield
    finally:
        root.handlers = before


@contextmanager
def _level(logger: logging.Logger, level: int) -> Iterator[None]:
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _strays_logged() -> Iterator[None]:
    """Python's own warnings, and what kills a thread, go to the log too."""
    before, threading.excepthook = threading.excepthook, _log_death
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        threading.excepthook = before


def _log_death(death: threading.ExceptHookArgs) -> None:
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
        self._thread = threading.Thread(target=self._write, name="log-writer", daemon=True)
        self._found_no_room = 0
        self._not_written = 0

    def put(self, record: logging.LogRecord) -> None:
        """Never waits; for any thread."""
        if self._waiting.qsize() < self._room:
            self._waiting.put(record)
        else:
            self._found_no_room += 1

    def dropped(self) -> int:
        """Lines nobody will read."""
        return self._found_no_room + self._not_written

    def start(self) -> None:
        self._thread.start()

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
    final.exc_text, final.exc_info, final.stack_info = redacted(_traceback(record)), None, None
    for name, value in fields_of(record).items():
        setattr(final, name, _settled_value(value))
    return final


def _settled_value(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float) else redacted(str(value))


def _traceback(record: logging.LogRecord) -> str:
    raised = _TRACEBACKS.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else ""
    return "\n".join(part for part in (raised, record.stack_info) if part)


MASK = "***"
SHORTEST = 4
"""Characters: to strike out every shorter string would leave nothing readable, and no key is that short."""


class Redaction:
    """The secrets known so far; safe to use from any thread."""

    def __init__(self) -> None:
        self._values: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: Secret) -> None:
        """From now on strike this value out, as it is and as reprs, JSON and URLs spell it."""
        values = self._values | frozenset(spelling for spelling in _spellings(secret) if len(spelling) >= SHORTEST)
        if values == self._values:
            return
        # Longest first: a secret within a longer one must not leave the rest of that standing.
        longest_first = sorted(values, key=len, reverse=True)
        self._values, self._pattern = values, re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(MASK, text)


def _spellings(secret: Secret) -> Iterator[str]:
    """A key of several lines is also known by each line of its body: a traceback may show one alone."""
    value = secret.reveal()
    lines = value.splitlines()
    for part in {value, *(line for line in lines[1:-1] if len(lines) > 2)}:
        yield from (part, repr(part)[1:-1], json.dumps(part)[1:-1], quote(part, safe="", errors="backslashreplace"))


redacted = Redaction()
"""The one register of the process: whoever reads a secret registers it, whoever writes a log line asks it."""

redact = redacted.add
