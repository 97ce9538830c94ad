"""The claim itself."""

from __future__ import annotations

from math import inf

from deadman.model import facts
from deadman.model.account import Standing
from deadman.model.facts import Fact
from deadman.model.guard import Phase
from deadman.model.settings import Account
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.laws.law import STEP, Law, Scene

GRAIN = 1e-3

NOTICED = 2.0
"""Seconds beyond the interval of verification within which a calm venue's drift is told."""

WAKING = 0.3
"""Seconds in which our loop notices that the machine slept."""


class Protected(Law):
    """Protected is shown only while the venue would cancel, or at Deribit for as long as a reading is vouched for.

    A lease is that of the wallet it was proven for: that another key is another wallet's, only the venue can tell.
    """

    name = "protected"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.bare: dict[str, tuple[float, bool]] = {}
        self.proven_for: dict[str, SxBetAccount] = {}

    def on_fact(self, account: str, fact: Fact) -> None:
        known = self.scene.account(account)
        if isinstance(fact, facts.Proven) and isinstance(known, SxBetAccount):
            self.proven_for[account] = known

    def look(self) -> None:
        for name, account in self.desk.accounts.items():
            self._note(account)
            standing = self.scene.standings.get(name)
            if standing is not None and standing.guard.protected(self.scene.now):
                self._judge(account, standing)

    def _note(self, account: Account) -> None:
        """Since when it is bare, and whether all was well with us then."""
        if self.desk.market.would_cancel(account):
            self.bare.pop(account.name, None)
        elif account.name not in self.bare:
            standing = self.scene.standings.get(account.name)
            self.bare[account.name] = self.scene.now, standing is not None and standing.phase is Phase.ARMED

    def _judge(self, account: Account, standing: Standing) -> None:
        self.scene.record.reached[f"protected in {standing.phase}"] += 1
        if isinstance(account, SxBetAccount):
            self._judge_lease(account, standing)
        elif isinstance(account, DeribitAccount) and account.name in self.bare:
            since, was_well = self.bare[account.name]
            bare, bound = self.scene.now - since, self._bound(account, since, was_well=was_well)
            said = f"{account.name}: protected, and bare for {bare:.1f} s; the bound is {bound:.1f}"
            self.expect(bare <= bound, said)

    def _bound(self, account: DeribitAccount, since: float, *, was_well: bool) -> float:
        """Our knowledge may be as old as we vouch; where nothing hinders us, as old as the last reading."""
        if was_well and self.scene.troubles.calm_since(since + STEP):
            return account.verify_interval + NOTICED + STEP
        return account.timers.vouch + STEP

    def _judge_lease(self, account: SxBetAccount, standing: Standing) -> None:
        end, claim = (
            self.desk.market.lease_end(self.proven_for.get(account.name, account)),
            standing.guard.margin(self.scene.now),
        )
        left = (-inf if end is None else end) - self.scene.now
        held = left >= claim - GRAIN or self.scene.now <= self.desk.host.woke_at + WAKING
        self.expect(held, f"{account.name}: told good for {claim:.2f} s, and the lease has {left:.2f} s")
