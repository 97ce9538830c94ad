"""The run's clocks: for deadlines, for people, and for spans that go on while the machine sleeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SUSPENDED = 0.05
"""Seconds from which on the clocks have parted by a suspend, and not by the time between two readings."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Clock:
    """`now` is monotonic and may be read from any thread; `timestamp` is Unix seconds and may step.

    `uptime`: seconds since the boot that `boot_id` names, in suspend too; None and "" where nobody can tell.
    """

    now: Callable[[], float]
    timestamp: Callable[[], float]
    uptime: Callable[[], float] | None = None
    boot_id: str = ""

    def timestamp_of(self, at: float) -> float:
        """The Unix time of a monotonic instant, by both clocks as they stand now."""
        return self.timestamp() - (self.now() - at)

    def slept(self) -> float:
        """Seconds, from an origin of this run, in which `now` stood still while the machine slept."""
        # The uptime first: a stop between the two readings then shows less sleep, never more.
        return 0.0 if self.uptime is None else self.uptime() - self.now()


def boot_id(path: Path = _BOOT_ID, kernel: Path = Path("/proc")) -> str:
    """Which boot of this machine it is; "" where the kernel does not say.

    systemd-nspawn and LXC lay a file of their own over it, which a service with a /proc of its own does not see: one
    boot would have two names, while the uptime is the kernel's in both.
    """
    try:
        return path.read_text().strip() if path.stat().st_dev == kernel.stat().st_dev else ""
    except OSError:
        return ""
