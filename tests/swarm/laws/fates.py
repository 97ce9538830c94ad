"""The answer to the question that is asked at night: what becomes of the orders if the host dies now?"""

from __future__ import annotations

from deadman.model.fate import Fate
from deadman.status.schema import StatusReport
from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.laws.law import Law

WAKING = 0.3
"""Seconds in which our loop notices that the machine slept."""


class Fates(Law):
    """Told gone within seconds if the host dies: no order rests behind a lease that is longer than that, or none."""

    name = "fates"

    def read(self, told: StatusReport) -> None:
        for name, one in told.accounts.items():
            account = self.scene.account(name)
            if isinstance(account, SxBetAccount) and self.scene.now > self.desk.host.woke_at + WAKING:
                self._check(account, one.if_host_dies)

    def _check(self, account: SxBetAccount, fate: Fate) -> None:
        self.scene.record.reached[f"if the host dies, {fate.orders}"] += 1
        resting = self.desk.market.open_orders(account)
        if fate.orders != "gone" or fate.within is None or not resting:
            return
        end = self.desk.market.lease_end(account)
        ends_in = None if end is None else end - self.scene.now
        kept = ends_in is not None and ends_in <= fate.within + 1e-3
        said = f"{account.name}: {len(resting)} orders rest, {fate}, and the lease ends in {ends_in}"
        if kept or not self._is_unheard(account) or not self.scene.excuses.use("nobody at home"):
            self.expect(kept, said)

    def _is_unheard(self, account: SxBetAccount) -> bool:
        pulses = (self.scene.pulses.get(watch) for watch in account.watches)
        return any(pulse is not None and pulse.is_unheard(self.scene.now) for pulse in pulses)
