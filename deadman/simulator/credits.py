"""Rate limits: pools of credits that refill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Pool = tuple[float, float, float]  # cost of one request, size, refill per second


@dataclass(slots=True)
class Credits:
    """What each owner (an account, a key, the address of whoever has neither) has left in each pool."""

    pools: Mapping[str, Pool]
    _left: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def spend(self, owner: str, pool: str, now: float) -> bool:
        """Pay for one request; False when the pool was empty."""
        cost, size, refill = self.pools[pool]
        left, at = self._left.get((owner, pool), (size, now))
        left = min(size, left + (now - at) * refill)
        self._left[owner, pool] = (max(0.0, left - cost), now)
        return left >= cost
