"""The switch itself: a lease per account, and the wiping of its orders when it runs out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..exchange import Exchange


@dataclass(frozen=True, slots=True)
class Lease:
    """Instants on the monotonic clock. `fires_at` is when the venue notices the end."""

    ends_at: float
    fires_at: float


@dataclass(slots=True)
class Leases:
    """One lease per account; the last word wins, and a lease that fired is used up.

    A renewal that comes after the end but before the venue noticed still saves the orders. Nothing runs here: what time
    has done is made good whenever the book is looked at, dated when it became true.
    """

    exchange: Exchange
    lag: Callable[[], float]
    standing: dict[str, Lease] = field(default_factory=dict)
    fired: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.exchange.due.append(self.settle)

    def grant(self, account: str, seconds: float) -> None:
        """Register or renew; 0 disarms and leaves the orders alone."""
        self.settle()
        if seconds == 0:
            self.standing.pop(account, None)
            return
        ends_at = self.exchange.clock() + seconds
        self.standing[account] = Lease(ends_at, ends_at + self.lag())

    def settle(self) -> None:
        now = self.exchange.clock()
        due = [(lease.fires_at, account) for account, lease in self.standing.items() if lease.fires_at <= now]
        for fires_at, account in sorted(due):
            if self.standing.pop(account, None) is None:
                continue  # whoever hears of a cancelled order may look at the book again
            self.fired.append((fires_at, account))
            resting = [order for order in self.exchange.resting.values() if order.account == account]
            self.exchange.cancel(resting, "heartbeat_expired", fires_at)
