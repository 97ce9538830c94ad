"""From whoever logs to whoever writes, without ever waiting: the event loop must not hang on a full pipe."""

from __future__ import annotations

import copy
import logging
import threading
from queue import SimpleQueue
from typing import Any

from deadman.logs.lines import fields_of
from deadman.logs.redaction import redacted
from deadman.logs.sinks import Sink

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
