"""Proofs: what the venue confirmed, how long it holds, and what it covers. Instants are monotonic."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Coverage(Enum):
    """What happens at expiry, and to which orders."""

    LEASE = "lease"
    """A lease: at expiry the venue cancels every order of the account."""

    INHERITED = "inherited"
    """A setting: the orders of connections opened after arming; at expiry we only stop claiming."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One confirmed answer. It may end a round trip early, never late: it is dated from the asking.

    Attributes:
        asked_at: the monotonic instant before the request was sent.
        ttl: seconds it holds: of a lease, the timeout the venue echoed; of a setting, how long we vouch without
            asking again.
    """

    asked_at: float
    ttl: float
    coverage: Coverage

    @property
    def expiry(self) -> float:
        return self.asked_at + self.ttl

    def margin(self, now: float) -> float:
        """Seconds left, 0 when it has run out."""
        return max(0.0, self.expiry - now)

    def stands(self, now: float) -> bool:
        return now < self.expiry
