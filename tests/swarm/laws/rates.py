"""Audits how much we ask: a burst ends every session of an account at Deribit, so that frugality is safety."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

import trio

from deadman.simulator.exchange import Credits, Received
from deadman.simulator.network import Dial
from tests.swarm.laws.record import Record

WINDOW = 10.0
REQUESTS = 145
"""Of one account in any ten seconds: a round of a trip that leaves an order is four requests, twice a second, and
single cancels are as many as the credits for them, 15 and five a second; the venue takes 200."""

DIALS = 25
"""To a venue in any ten seconds, of one account."""


@dataclass
class Rates:
    record: Record
    windows: dict[str, deque[float]] = field(default_factory=dict)
    most: Counter[str] = field(default_factory=Counter)

    def on_request(self, received: Received) -> None:
        if received.account is not None:
            self.count(f"requests of {received.account}", REQUESTS)

    def count(self, what: str, bound: int) -> None:
        now = trio.current_time()
        window = self.windows.setdefault(what, deque())
        window.append(now)
        while window[0] <= now - WINDOW:
            window.popleft()
        self.most[what] = max(self.most[what], len(window))
        self.record.expect(len(window) <= bound, f"{len(window)} {what} in {WINDOW:.0f} s")


class AuditedCredits(Credits):
    """A venue's pools, which must never run dry."""

    record: Record

    def spend(self, owner: str, pool: str, now: float) -> bool:
        enough = super().spend(owner, pool, now)
        self.record.expect(enough, f"{owner}: the venue's pool {pool!r} ran dry")
        return enough


def audited(pools: Credits, record: Record) -> AuditedCredits:
    made = AuditedCredits(pools.pools)
    made.record = record
    return made


class Dials(list[Dial]):
    """Every attempt to connect, counted by host as it is made."""

    def __init__(self, rates: Rates, accounts: dict[str, int]) -> None:
        super().__init__()
        self.rates, self.accounts = rates, accounts

    def append(self, dial: Dial) -> None:
        super().append(dial)
        self.rates.count(f"dials to {dial.host}", DIALS * self.accounts[dial.host])
