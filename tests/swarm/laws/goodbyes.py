"""Which bots have said goodbye so that the daemon must know, the next run of it too."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from deadman.daemon.state import RETRY, WRITE_TIMEOUT
from tests.swarm.laws.law import Scene

KNOWN = 0.5
"""Seconds of running after which a goodbye was read, and is on a disk that works."""

CAUGHT_UP = RETRY + WRITE_TIMEOUT + KNOWN
"""Seconds in which a disk that works again has been tried."""


@dataclass
class Goodbyes:
    """What a killed daemon had not read, or not written yet, is lost; so is what stood in a damaged file.

    `known`: by whoever runs now, for sure. `perhaps`: the disk may have been told of them. `said`: seconds of running
    since each goodbye, with a disk that works; `well`: for how long it has worked.
    """

    scene: Scene
    known: set[str] = field(default_factory=set)
    perhaps: set[str] = field(default_factory=set)
    said: dict[str, float] = field(default_factory=dict)
    well: float = inf
    looked_at: float = 0.0
    damaged: int = 0

    def on_start(self) -> None:
        """A new run writes at once."""
        aside, self.damaged = self.damaged, len(self.scene.desk.host.disk.aside)
        if self.damaged > aside:
            self.known.clear()
            self.perhaps.clear()
        self.said.clear()
        self.well = inf

    def on_end(self) -> None:
        """What was said just before."""
        self._look()

    def look(self) -> None:
        if self.scene.desk.running:
            self._look()
        self.looked_at = self.scene.now

    def _look(self) -> None:
        passed, disk = min(self.scene.now - self.looked_at, 2 * self.scene.step), self.scene.desk.host.disk
        self.well = 0.0 if disk.full or disk.seconds > KNOWN / 2 else self.well + passed
        for name, pulse in self.scene.pulses.items():
            if pulse.quiet_from == inf:
                self._hear(name, heard=bool(pulse.heard))
            else:
                self._count(name, passed)

    def _hear(self, name: str, *, heard: bool) -> None:
        """A new run has heard nobody yet, and must know all the same."""
        self.said.pop(name, None)
        if heard:
            self.known.discard(name)
            self.perhaps.discard(name)

    def _count(self, name: str, passed: float) -> None:
        disk = self.scene.desk.host.disk
        if not disk.full and disk.seconds <= WRITE_TIMEOUT:
            self.perhaps.add(name)
        self.said[name] = self.said.get(name, 0.0) + passed if self.well else 0.0
        if self.said[name] >= KNOWN and self.well >= CAUGHT_UP:
            self.known.add(name)
