"""Proofs: what the venue confirmed, how long it holds, and what it covers. Instants are monotonic."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import inf


class Coverage(Enum):
    """What happens at expiry, and to which orders."""

    LEASE = "lease"
    """A lease: at expiry the venue cancels every order of the account."""

    INHERITED = "inherited"
    """A setting: the orders of connections opened after arming; at expiry we only stop claiming."""

    WITNESS = "witness"
    """A witness that hears its desk and can cancel what the desk's trip would; at expiry we only stop claiming."""


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


@dataclass(frozen=True, slots=True)
class SwitchRecord:
    """What we have asked of a switch that is a setting, and so what it may be expected to read.

    Attributes:
        proven_on: it was proven on, and nobody of us has asked to turn it off since. Read as off after that, it has
            come undone behind us.
        undone: it was so read, and no proof came since.
        unsettled: requests of ours to turn it on or off that were not answered for good: whether on, and the instant
            until which the venue may yet carry them out. Until then nothing to the contrary is believed.
    """

    proven_on: bool = False
    undone: bool = False
    unsettled: frozenset[tuple[bool, float]] = frozenset()

    def contrary_until(self, *, on: bool) -> float:
        """Until when the venue may yet turn it the other way, by a request of ours; -inf when it will not."""
        return max((until for enabled, until in self.unsettled if enabled is not on), default=-inf)
