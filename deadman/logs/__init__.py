"""The log: set up once for the process; written from a thread, so that logging never holds up the event loop."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from deadman.config.schema import DaemonConfig
from deadman.logs.redaction import redact
from deadman.logs.sinks import sink
from deadman.logs.writer import ToWriter, Writer

__all__ = ["Writer", "logging_set_up", "redact"]

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
