"""The file: replaced whole or not at all, on the disk when we say so, and one daemon's alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import trio

from deadman.threads import in_thread

NAME = "state.toml"


class StateInUse(Exception):
    """Another daemon keeps its state there, or the directory cannot be had; the text tells what to do."""


class Store(Protocol):
    """Where the state is kept. Every method may raise OSError."""

    def read(self) -> bytes | None:
        """What was written last; None when nothing ever was."""

    async def write(self, data: bytes) -> None:
        """Replace it. When this returns it survives a loss of power; when it fails the last one stands."""

    def set_aside(self, timestamp: float) -> str:
        """Keep a damaged one from being lost, and say where. `timestamp` is Unix seconds.

        It is read, and found damaged, until a sound one is written: no restart before that takes this for a new desk.
        """


class FileStore:
    """`state.toml` in a directory of ours."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / NAME
        self._one = trio.CapacityLimiter(1)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the directory against a second daemon, which would undo what this one does. Raises StateInUse."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise StateInUse(f"{self._directory}: no state can be kept there: {error.strerror}") from error
        try:
            _lock(descriptor, self._directory)
            yield
        finally:
            os.close(descriptor)  # and with it the lock

    def read(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    async def write(self, data: bytes) -> None:
        """In a thread, since a disk may hang. A hung one keeps the next from starting, so none overtakes another."""
        await in_thread(self.replace, data, limiter=self._one)

    def replace(self, data: bytes) -> None:
        """The blocking form of `write`."""
        fresh = self._path.with_suffix(".new")
        try:
            fresh.unlink(missing_ok=True)
            with open(fresh, "xb", opener=_private) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError:
            with suppress(OSError):
                fresh.unlink()  # half a file on a full disk helps nobody
            raise
        self._sync_directory()

    def set_aside(self, timestamp: float) -> str:
        for known in self._directory.glob(f"{NAME}.damaged-*"):
            if known.samefile(self._path):
                return str(known)
        told = datetime.fromtimestamp(timestamp, UTC).strftime("%Y%m%dT%H%M%SZ")
        aside = self._path.with_name(f"{NAME}.damaged-{told}")
        aside.hardlink_to(self._path)
        return str(aside)

    def _sync_directory(self) -> None:
        """A rename is on the disk only when the directory is."""
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _lock(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        hint = "stop it, or give this one a state_directory of its own"
        raise StateInUse(f"{directory}: another deadman is running on this state directory; {hint}") from None
    except OSError as error:
        raise StateInUse(f"{directory}: cannot be locked: {error.strerror}") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
