"""Which bots have said goodbye so that the daemon must know."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from tests.swarm.laws.law import Scene

KNOWN = 0.5
"""Seconds of running after which a goodbye was read, and is on a disk that works."""


@dataclass
class Goodbyes:
    """What a killed daemon had not read yet is lost with its sockets."""

    scene: Scene
    known: set[str] = field(default_factory=set)
    started_at: float = 0.0

    def on_start(self) -> None:
        self.started_at = self.scene.now

    def look(self) -> None:
        disk = self.scene.desk.host.disk
        before = self.scene.now - KNOWN - disk.seconds
        for name, pulse in self.scene.pulses.items():
            if pulse.quiet_from == inf:
                self.known.discard(name)
            elif self.scene.desk.running and not disk.full and self.started_at < pulse.quiet_from < before:
                self.known.add(name)
