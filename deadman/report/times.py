"""One moment by both clocks, so that everything in a report is of the same instant."""

from __future__ import annotations

from dataclasses import dataclass

from deadman import spoken
from deadman.clock import Clock


@dataclass(frozen=True, slots=True)
class Times:
    """`now` is monotonic; `offset` takes a monotonic instant to Unix seconds."""

    now: float
    offset: float

    @classmethod
    def of(cls, clock: Clock) -> Times:
        now = clock.now()
        return cls(now, clock.timestamp_of(now) - now)

    def timestamp(self, at: float) -> float:
        """Unix seconds, to the millisecond."""
        return round(at + self.offset, 3)

    def timestamp_or_none(self, at: float | None) -> float | None:
        return None if at is None else self.timestamp(at)

    def told(self, at: float) -> str:
        """An instant for people."""
        return spoken.instant(at + self.offset, self.now + self.offset)
