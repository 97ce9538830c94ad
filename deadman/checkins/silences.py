"""What a crash of ours must not forget of the bots that are silent: how much of their time they have used up.

Without it a dead bot, which gets a whole timeout at each start of ours, would live if we are killed often enough. It
changes many times a second, so it is neither in `state.toml` nor synced: the kernel keeps it through any death of ours.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Protocol

import trio

from deadman.transport.blocking import OffLoop, in_thread

log = logging.getLogger(__name__)

NAME = "silences"
BLOCK = 4096
"""Bytes written at once, in place: a disk that has become full has room for them already."""

PLACE_TIMEOUT = 0.25
"""Seconds after which a disk counts as hung: what is written stays in the kernel's memory."""

WRITE_TIMEOUT = 1.0
"""Seconds for all places together."""

RETRY = 1.0
"""Seconds between tries at a disk that fails."""

Silences = Mapping[str, float]
"""Seconds of silence, by watch, of every bot that has had its time to be heard again and was not heard since."""


class SilenceStore(Protocol):
    """Outlives a kill -9 at any instant; need not outlive a loss of power."""

    def read(self) -> Silences:
        """What was written last; nothing where nothing can be read."""

    async def write(self, silences: Silences) -> None:
        """Raises OSError."""


@dataclass
class _Place:
    """`one`: a hung write keeps the next from starting, so none overtakes another."""

    path: Path
    off_loop: OffLoop
    one: trio.CapacityLimiter = field(default_factory=lambda: trio.CapacityLimiter(1))
    retry_at: float = -inf


class SilenceFiles:
    """A file in each of `directories`, of which the first that can be written is written: the newest counts.

    The state directory outlives restarts by systemd, which removes the runtime directory; that one is in memory, and
    takes over where the disk hangs. Each file's first line counts. Without directories nothing outlives the run.
    """

    def __init__(
        self,
        directories: Iterable[Path],
        off_loop: OffLoop = in_thread,
        now: Callable[[], float] = trio.current_time,
    ) -> None:
        self._places = [_Place(directory / NAME, off_loop) for directory in directories]
        self._now = now
        self._number = 0

    def read(self) -> Silences:
        found = [record for place in self._places if (record := _read(place.path)) is not None]
        self._number, silences = max(found, key=lambda record: record[0], default=(0, {}))
        return silences

    async def write(self, silences: Silences) -> None:
        self._number += 1
        line = json.dumps([self._number, dict(silences)]).encode()
        record = _checksum(line) + b" " + line + b"\n"
        for place in self._places:
            if self._now() < place.retry_at:
                continue
            try:
                with trio.fail_after(PLACE_TIMEOUT):
                    await place.off_loop(_replace, place.path, record, limiter=place.one)
            except (OSError, trio.TooSlowError):
                place.retry_at = self._now() + RETRY
            else:
                return
        if self._places:
            raise OSError(errno.EIO, "neither the state directory nor the runtime directory takes them")


def _replace(path: Path, record: bytes) -> None:
    """In place and in whole blocks: one kill never leaves half of it, and a full disk has room for it already."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(descriptor, record.ljust(-(-len(record) // BLOCK) * BLOCK), 0)
    finally:
        os.close(descriptor)


def _read(path: Path) -> tuple[int, Silences] | None:
    """What was written there last, with its number; None where nothing can be read, or believed."""
    try:
        check, _, line = path.read_bytes().partition(b"\n")[0].partition(b" ")
    except OSError:
        return None
    with suppress(ValueError, AttributeError, TypeError):
        if check == _checksum(line):
            number, silences = json.loads(line)
            return int(number), {str(name): float(spent) for name, spent in silences.items()}
    log.warning("%s is damaged, and not believed: bots that are silent may get more time", path)
    return None


@dataclass
class Notebook:
    """Keeps a store true to the last silences it was told."""

    store: SilenceStore
    _wanted: Silences = field(default_factory=dict)
    _written: Silences | None = None
    _changed: trio.Event = field(default_factory=trio.Event)
    _failing: bool = False

    def note(self, silences: Silences) -> None:
        """To be written soon; never waits."""
        if silences != self._wanted:
            self._wanted = silences
            self._changed.set()

    async def keep(self) -> None:
        """Write what is noted, until cancelled; at first too, so that what an earlier run left counts no more."""
        while True:
            if self._wanted == self._written:
                await self._changed.wait()
            self._changed, silences = trio.Event(), self._wanted
            try:
                with trio.fail_after(WRITE_TIMEOUT):
                    await self.store.write(silences)
            except (OSError, trio.TooSlowError) as error:
                why = getattr(error, "strerror", None) or "the disk does not answer"
                if not self._failing:
                    words = "the silences of bots cannot be noted: %s; a restart would give the dead more time"
                    log.warning(words, why)
                self._failing = True
                await trio.sleep(RETRY)
            else:
                self._written, self._failing = silences, False


def _checksum(line: bytes) -> bytes:
    return hashlib.sha256(line).hexdigest()[:16].encode()
