"""The run's two clocks: one for deadlines, one for people. The only room that joins them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`now` is monotonic and may be read from any thread; `timestamp` is Unix seconds and may step."""

    now: Callable[[], float]
    timestamp: Callable[[], float]

    def timestamp_of(self, at: float) -> float:
        """The Unix time of a monotonic instant, by both clocks as they stand now."""
        return self.timestamp() - (self.now() - at)
