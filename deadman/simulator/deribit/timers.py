"""When a connection is tested and when given up. Pure: the clock is an argument, a spurious call changes nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto

from .settings import Settings


class Tick(Enum):
    TEST_REQUEST = auto()
    TEST_REQUEST_AND_HEARTBEAT = auto()  # the plain heartbeat comes only where nothing else was said
    UNANSWERED = auto()
    IDLE = auto()
    SILENT = auto()


@dataclass(slots=True)
class Timers:
    """Instants of one connection, on the monotonic clock.

    Source: the schedule (first test_request at interval + 0.5 s, each later one interval + 0.6 s after, close 10.0 s
    after an unanswered one) and the 60 s cut of bare sockets were measured on production in September 2026.
    """

    settings: Settings
    opened_at: float
    interval: float = math.inf
    test_at: float = math.inf
    unanswered_since: float | None = None
    heard_at: float | None = None
    spoke_at: float = -math.inf

    def set_heartbeat(self, interval: float, now: float) -> None:
        self.interval = interval
        self.test_at = now + interval + self.settings.first_test
        self.unanswered_since = None

    def disable_heartbeat(self) -> None:
        self.interval = self.test_at = math.inf
        self.unanswered_since = None

    def tested(self) -> None:
        """A `public/test` arrived: the only answer a test_request takes."""
        self.unanswered_since = None

    def next_at(self) -> float:
        return min(self.test_at, self._unanswered_at(), self._idle_at(), self._silent_at())

    def due(self, now: float) -> Tick | None:
        """What is to be done now, if anything. To be asked again until it says None."""
        if now >= self._unanswered_at():
            return Tick.UNANSWERED
        if now >= self._silent_at():
            return Tick.SILENT
        if now >= self._idle_at():
            return Tick.IDLE
        return self._test(now) if now >= self.test_at else None

    def _test(self, now: float) -> Tick:
        self.test_at = now + self.interval + self.settings.test_period
        self.unanswered_since = now if self.unanswered_since is None else self.unanswered_since
        busy = self.spoke_at > now - self.interval
        return Tick.TEST_REQUEST if busy else Tick.TEST_REQUEST_AND_HEARTBEAT

    def _unanswered_at(self) -> float:
        return math.inf if self.unanswered_since is None else self.unanswered_since + self.settings.grace

    def _idle_at(self) -> float:
        if self.interval < math.inf:
            return math.inf
        if self.heard_at is None:
            return self.opened_at + self.settings.bare_idle
        return self.heard_at + self.settings.idle

    def _silent_at(self) -> float:
        if self.settings.silence_close is None:
            return math.inf
        return (self.opened_at if self.heard_at is None else self.heard_at) + self.settings.silence_close
