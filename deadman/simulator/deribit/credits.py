"""Rate limits: pools of credits that refill. Whoever empties one is answered 10028 and cut off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Pool = tuple[float, float, float]


@dataclass(slots=True)
class Credits:
    """Per owner (an account, or the address of whoever has not logged in) and pool. Source: docs, rate limits."""

    pools: Mapping[str, Pool]
    _left: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def spend(self, owner: str, method: str, now: float) -> bool:
        """Pay for one request; False when the pool was empty."""
        name = pool_of(method)
        cost, size, refill = self.pools[name]
        left, at = self._left.get((owner, name), (size, now))
        left = min(size, left + (now - at) * refill)
        self._left[owner, name] = (max(0.0, left - cost), now)
        return left >= cost


def pool_of(method: str) -> str:
    match method.partition("/")[2]:
        case "subscribe" | "unsubscribe":
            return "subscribe"
        case "buy" | "sell" | "edit" | "cancel" | "cancel_all_by_currency" | "cancel_all_by_instrument":
            return "matching"
        case "cancel_all" | "cancel_by_label" | "cancel_all_by_kind_or_type":
            return "cancel_all"
        case _:
            return "any"
