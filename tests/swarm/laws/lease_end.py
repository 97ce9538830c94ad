"""What the venue holds, beside what we say of it."""

from __future__ import annotations

from math import inf

from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.laws.law import Law

GRAIN = 1e-3


class LeaseEnd(Law):
    """A lease that the venue holds never outlives `lease_end`."""

    name = "lease end"

    def look(self) -> None:
        if not self.desk.running:
            return
        for name, standing in self.scene.standings.items():
            account = self.scene.account(name)
            if not isinstance(account, SxBetAccount) or account.observe:
                continue
            end, known = self.desk.market.lease_end(account), standing.guard.lease_end
            if end is not None and end > (-inf if known is None else known) + GRAIN:
                self.expect(False, f"{name}: the venue's lease lasts until {end:.2f}, and lease_end is {known}")
