"""A budget that refills: what a venue grants one address is spent by all accounts together, in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

import trio

FORGIVEN = 60.0
"""Seconds without a complaint of the venue's after which it is asked as often as ever."""

ONE_COMPLAINT = 1.0
"""Seconds within which complaints count as one: a burst is answered with many."""

SLOWEST = 8.0
"""The most by which complaints stretch the pace."""


@dataclass
class Pace:
    """At most `burst` at once, `rate` a second in the long run. Who comes first is served first."""

    burst: float
    rate: float
    now: Callable[[], float]
    _slowness: float = 1.0
    _slowed_at: float = -inf
    _left: float = field(init=False)
    _counted_at: float = field(init=False)
    _turn: trio.Lock = field(default_factory=trio.Lock)

    def __post_init__(self) -> None:
        self._left, self._counted_at = self.burst, self.now()

    async def spend(self, amount: float) -> None:
        """Take `amount`, waiting for it if need be: as long as those before take, and `amount / rate` seconds."""
        async with self._turn:
            self._refill()
            if self._left < amount:
                await trio.sleep((amount - self._left) * self._current_slowness() / self.rate)
                self._refill()
            self._left -= amount

    def slow_down(self) -> None:
        """The venue said that it was too much: half as much from here on, until it has not said so for a minute."""
        self._refill()
        if self._counted_at < self._slowed_at + ONE_COMPLAINT:
            return
        self._left = min(self._left, 0.0)
        self._slowness = min(2 * self._current_slowness(), SLOWEST)
        self._slowed_at = self._counted_at

    def _current_slowness(self) -> float:
        return self._slowness if self._counted_at < self._slowed_at + FORGIVEN else 1.0

    def _refill(self) -> None:
        now = self.now()
        self._left = min(self.burst, self._left + (now - self._counted_at) * self.rate / self._current_slowness())
        self._counted_at = now
