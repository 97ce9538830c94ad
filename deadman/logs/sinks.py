"""Where log lines go. Sinks are used by the writer's thread alone, and may block it."""

from __future__ import annotations

import logging
import os
import select
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from deadman.logs import lines

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
                sender.sendto(lines.as_journal(record), str(path))
        except OSError:
            otherwise(record)

    return write


def sink(
    log_format: Literal["auto", "journal", "text", "json"], descriptor: int, environment: Mapping[str, str]
) -> Sink:
    """The sink that the config asks for; `auto` looks at what `descriptor` (stderr) is."""
    match _resolved(log_format, descriptor, environment):
        case "journal":
            return journal(JOURNAL, stream(descriptor, lines.prefixed))
        case "text":
            colourless = environment.get("NO_COLOR") or environment.get("TERM") == "dumb" or not os.isatty(descriptor)
            return stream(descriptor, lines.as_text if colourless else lines.coloured)
        case _:
            return stream(descriptor, lines.as_json)


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
