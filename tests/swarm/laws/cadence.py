"""How often a lease is tried for."""

from __future__ import annotations

from dataclasses import dataclass

from deadman.model import facts
from deadman.model.facts import Fact
from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.laws.law import Law, Scene

GRACE = 1.0
TRIES = (facts.Attempted, facts.Failed, facts.TurnedAway, facts.Lost, facts.FoundOff, facts.Proven)
"""What shows that a try was made, or has just ended."""


@dataclass
class Wait:
    """For how many seconds of our waking time an account is due for a try, which begins at `since`."""

    since: float
    seconds: float = 0.0


class Cadence(Law):
    """While a lease may stand and proving is due: a try at least every renew_interval + reply_timeout + 1 s."""

    name = "cadence"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.waits: dict[str, Wait] = {}
        self.looked_at = 0.0
        self.dials = 0

    def on_fact(self, account: str, fact: Fact) -> None:
        if isinstance(fact, TRIES):
            self.waits[account] = Wait(self.scene.now)

    def look(self) -> None:
        passed, self.looked_at = self.scene.now - self.looked_at, self.scene.now
        if not self.desk.running or passed > 2 * self.scene.step or self._has_dialled():
            self.waits.clear()
            return
        for name, account in self.desk.accounts.items():
            if not isinstance(account, SxBetAccount) or not self._is_due(account):
                self.waits.pop(name, None)
                continue
            wait = self.waits.setdefault(name, Wait(self.scene.now - passed))
            wait.seconds += min(passed, self.scene.now - wait.since)
            bound = account.renew_interval + account.timers.reply_timeout + GRACE
            self.expect(wait.seconds <= bound, f"{name}: no try for {wait.seconds:.1f} s while the lease stands")

    def _has_dialled(self) -> bool:
        before, self.dials = self.dials, len(self.desk.network.dials)
        return self.dials != before

    def _is_due(self, account: SxBetAccount) -> bool:
        standing = self.scene.standings.get(account.name)
        if standing is None or account.observe or self.desk.market.lease_end(account) is None:
            return False
        guard = standing.guard
        return guard.disarm is None and guard.trip is None and (not guard.awaited or self._live(account))

    def _live(self, account: SxBetAccount) -> bool:
        """Whether some of its bots were heard in this run, and all of those live: their lease is not let go."""
        pulses = [self.scene.pulses[name] for name in account.watches if name in self.scene.pulses]
        heard = [pulse for pulse in pulses if pulse.heard]
        return bool(heard) and all(pulse.surely_alive(self.scene.now) for pulse in heard)
