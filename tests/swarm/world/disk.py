"""A disk in memory: what a power cut leaves of it, and how it fails."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field

import trio
import trio.lowlevel


@dataclass
class Disk:
    """The durable bytes, and the disk's health.

    Attributes:
        seconds: what a write takes, `inf` while the disk hangs.
        reading: what reading the config or a secret takes.
    """

    data: bytes | None = None
    seconds: float = 0.0
    reading: float = 0.0
    full: bool = False
    silences: Mapping[str, float] = field(default_factory=dict)
    aside: list[bytes] = field(default_factory=list)
    writes: int = 0


@dataclass
class MemoryStore:
    """One run's hold on the disk; once `cut` nothing of that run becomes durable any more."""

    disk: Disk
    cut: bool = False

    def read(self) -> bytes | None:
        return self.disk.data

    async def write(self, data: bytes) -> None:
        self._check()
        await trio.sleep(self.disk.seconds)
        self._check()
        self.disk.data = data
        self.disk.writes += 1

    def set_aside(self, timestamp: float) -> str:
        self.disk.aside.append(self.disk.data or b"")
        return "state.toml.damaged"

    def _check(self) -> None:
        if self.cut:
            raise OSError(errno.EIO, "the machine is off")
        if self.disk.full:
            raise OSError(errno.ENOSPC, "No space left on device")


@dataclass
class MemorySilences:
    """The small file beside it. A full disk has room for it, another directory stands in for a hung one, and a kill
    keeps what was written."""

    store: MemoryStore

    def read(self) -> Mapping[str, float]:
        return self.store.disk.silences

    async def write(self, silences: Mapping[str, float]) -> None:
        await trio.lowlevel.checkpoint()
        if self.store.cut:
            raise OSError(errno.EIO, "the machine is off")
        self.store.disk.silences = silences
