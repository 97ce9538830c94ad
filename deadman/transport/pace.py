"""A budget that refills: what a venue grants one address is spent by all accounts together, in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import trio


@dataclass
class Pace:
    """At most `burst` at once, `rate` a second in the long run. Who comes first is served first."""

    burst: float
    rate: float
    now: Callable[[], float]
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
                await trio.sleep((amount - self._left) / self.rate)
                self._refill()
            self._left -= amount

    def _refill(self) -> None:
        now = self.now()
        self._left = min(self.burst, self._left + (now - self._counted_at) * self.rate)
        self._counted_at = now
