"""How soon after a venue's no it is asked again."""

from __future__ import annotations

from dataclasses import dataclass

from deadman.model import facts
from deadman.model.facts import Fact
from deadman.model.guard import Phase
from deadman.model.promise import promise
from deadman.model.settings import REFUSED_AT_FIRST
from deadman.simulator.exchange import Received
from tests.swarm.laws.healed import SHUT
from tests.swarm.laws.law import Law, Scene

GRACE = 1.0


@dataclass
class Refusals:
    """Seconds since the first no in a row, our stalls and sleep among them, and of our waking time since the last."""

    first: float = 0.0
    last: float = 0.0


class Retries(Law):
    """After a venue's no it is asked again as often as is printed, for as long as is printed."""

    name = "retries"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.refused: dict[str, Refusals] = {}
        self.looked_at = 0.0
        self.dials = 0

    def on_fact(self, account: str, fact: Fact) -> None:
        """A row of noes lasts until a proof, whatever comes between; a trip may be what is shown meanwhile."""
        match fact:
            case facts.Proven():
                self.refused.pop(account, None)
            case facts.TurnedAway() | facts.FoundOff():
                self.refused.setdefault(account, Refusals()).last = 0.0
            case facts.Lost() | facts.Failed() | facts.SessionOpened() if account in self.refused:
                self.refused[account].last = 0.0

    def on_request(self, received: Received) -> None:
        for name, refusals in self.refused.items():
            account = self.scene.account(name)
            if account is not None and received.account in (None, self.desk.market.owner(account)):
                refusals.last = 0.0

    def on_start(self) -> None:
        self.refused.clear()

    def look(self) -> None:
        elapsed, self.looked_at = self.scene.now - self.looked_at, self.scene.now
        passed = min(elapsed, 2 * self.scene.step)
        standings = self.scene.standings if self.desk.running else {}
        dials, self.dials = self.dials, len(self.desk.network.dials)
        for name, refusals in list(self.refused.items()):
            account, standing = self.scene.account(name), standings.get(name)
            if account is None or standing is None:
                del self.refused[name]
                continue
            refusals.first += elapsed
            # Without a bot there is nothing to ask for, whatever was refused before.
            is_due = standing.phase is Phase.REFUSED and not standing.guard.awaited
            refusals.last = refusals.last + passed if is_due and dials == self.dials else 0.0
            patient = refusals.first <= promise(account, self.desk.watches).patient_after
            if not patient or any(code in standing.tally.errors for code in SHUT):
                continue
            bound = REFUSED_AT_FIRST.cap + GRACE
            self.expect(refusals.last <= bound, f"{name}: refused, and not asked again for {refusals.last:.1f} s")
