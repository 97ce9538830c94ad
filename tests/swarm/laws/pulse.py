"""What is true of a trading process, whatever our daemon believes: the oracle's own reckoning of check-ins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from deadman.model.promise import NOTICE

GRAIN = 1e-6

WRITTEN = 1.0
"""Seconds after which a goodbye is on a disk that works, and outlives us."""


@dataclass
class Pulse:
    """One watch. `sent_at`: the last check-in, heard or not; `counted_from`: where silence counts from at the latest.

    `quiet_from`: when it said goodbye, a moment after which nothing may be renewed for it.
    """

    name: str
    timeout: float
    sent_at: float | None = None
    counted_from: float | None = None
    quiet_from: float = inf
    held_until: float = -inf
    spoke_at: float = -inf
    heard: list[float] = field(default_factory=list, repr=False)
    absent_until: float = -inf
    found_dead: bool = False

    def hear(self, at: float, words: bytes, heard: bool) -> None:
        match words:
            case b"WATCHDOG=1" | b"READY=1":
                self.sent_at = max(at, self.sent_at or at)
                if heard:
                    self.heard.append(at)
                    self.counted_from, self.quiet_from = max(at, self.counted_from or at), inf
                    self.found_dead = False
            case b"STOPPING=1" | b"WATCHDOG=trigger" if heard:
                self.spoke_at = at
                if words == b"STOPPING=1":
                    self.quiet_from = at

    def granted(self, at: float) -> None:
        """A fresh timeout: our daemon was away, and reads only now what was said meanwhile."""
        self.absent_until = at
        if self.counted_from is not None:
            self.counted_from = max(self.counted_from, at)

    def paused(self, since: float, at: float) -> None:
        """Our daemon was stopped from `since` to `at`, too short to lose mail: that time is no silence."""
        if self.counted_from is not None:
            self.counted_from += max(0.0, at - max(since, self.counted_from))

    def restarted(self, at: float, ended_at: float, doubtful: bool, silences: Mapping[str, float]) -> None:
        """Up at our end counts as a check-in at our start; where the disk was not well then, so does anybody.

        One that had been silent for its timeout before is dead, also where the disk could not be told so.
        """
        unheard = not self.heard or self.heard[-1] < at - self.timeout
        self.found_dead = unheard and silences.get(self.name, 0.0) >= self.timeout - GRAIN
        was_up = self.counted_from is not None and self._is_up(ended_at)
        doubtful |= self.quiet_from <= ended_at < self.quiet_from + WRITTEN
        self.heard.clear()
        self.held_until = -inf
        self.counted_from = at if was_up or doubtful else None
        self.quiet_from = inf

    def _is_up(self, at: float) -> bool:
        alive_until = max((self.counted_from or 0.0) + self.timeout, self.held_until, self.absent_until)
        return self.quiet_from == inf and at < alive_until + NOTICE + GRAIN

    def may_be_renewed_for(self, now: float) -> bool:
        """Whether a lease may still be asked for at `now`, the loop's notice included."""
        if self.counted_from is None:
            return False
        alive_until = min(self.counted_from + self.timeout, self.quiet_from)
        return now <= max(alive_until, self.held_until, self.absent_until) + NOTICE + GRAIN

    def heard_after(self, done_at: float) -> bool:
        return bool(self.heard) and self.heard[-1] > done_at

    def is_unheard(self, now: float) -> bool:
        """Its last check-in found nobody at home, or is being read just now."""
        if self.sent_at is None:
            return False
        reading = max(self.absent_until, self.heard[-1] if self.heard else -inf) > now - NOTICE
        return reading or not self.heard or self.heard[-1] < self.sent_at

    def surely_alive(self, now: float) -> bool:
        """By check-ins heard alone, whatever was granted."""
        return bool(self.heard) and self.quiet_from == inf and now < self.heard[-1] + self.timeout
