"""Alarms, and what they say has happened."""

from __future__ import annotations

from typing import ClassVar

from deadman.model import facts
from deadman.model.facts import Fact
from deadman.model.guard import Guard, Phase
from deadman.simulator.deribit.venue import Deribit
from deadman.venues.deribit.settings import DeribitAccount
from tests.swarm.laws.law import Law, Scene


class Told(Law):
    """A drift, a repair, an alarm that is told has happened at the venue, by another hand than ours."""

    name: ClassVar[str] = "told"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.seen: dict[str, int] = {}
        self.last_by_us: dict[str, bool] = {}
        self.repairs: dict[str, int] = {}
        self.exposed: dict[str, bool] = {}
        self.refused: set[str] = set()

    def on_fact(self, account: str, fact: Fact) -> None:
        """That the venue would not turn it on is news of the venue, whoever had turned it off."""
        match fact:
            case facts.Erred(code="10049"):
                self.refused.add(account)
            case facts.SwitchRead(scope="account", enabled=True):
                self.refused.discard(account)

    def on_start(self) -> None:
        self.repairs.clear()
        self.exposed.clear()

    def look(self) -> None:
        for account in self.desk.accounts.values():
            if isinstance(account, DeribitAccount):
                self._read_history(account)
                self._judge(account)

    def _read_history(self, account: DeribitAccount) -> None:
        """Whoever turned the switch off since the last look: a request of ours, or somebody else."""
        venue, owner = self.desk.market.venue(account), self.desk.market.owner(account)
        assert isinstance(venue, Deribit)
        history = venue.add_account(owner).history
        for index in range(self.seen.get(owner, 0), len(history)):
            if not history[index][1]:
                self.last_by_us[owner] = index not in self.desk.market.drifts[owner]
        self.seen[owner] = len(history)

    def _judge(self, account: DeribitAccount) -> None:
        standing = self.scene.standings.get(account.name)
        if standing is None:
            return
        name, repairs = account.name, standing.tally.repairs
        is_fresh, self.repairs[name] = repairs > self.repairs.get(name, repairs), repairs
        before, exposed = self.exposed.get(name, False), is_exposed(standing.guard)
        self.exposed[name] = exposed
        ours = self.last_by_us.get(self.desk.market.owner(account), False)
        if account.observe or +self.scene.troubles.active or not ours:
            return
        blamed = exposed and not before and name not in self.refused
        self.expect(not blamed, f"{name}: {standing.phase}, exposed, and nobody but us had turned the switch off")
        repaired = is_fresh and not before
        self.expect(not repaired, f"{name}: a repair is told of what we ourselves had turned off")


def is_exposed(guard: Guard) -> bool:
    """The venue's last word is that it is off; a trip or a disarm may be what is shown meanwhile."""
    return guard.trouble is not None and guard.trouble.phase is Phase.EXPOSED
