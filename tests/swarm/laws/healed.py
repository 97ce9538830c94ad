"""How soon all is well again."""

from __future__ import annotations

from math import inf

from deadman.model import facts
from deadman.model.facts import Fact
from deadman.model.leases import HEARD_WITHIN
from deadman.model.promise import promise
from deadman.model.settings import Account
from tests.swarm.laws.law import Law, Scene

GRACE = 1.0
SHUT = ("12003", "10028")
"""The venue's own door is shut on us for a while: after too many bad logins, or a burst."""


class Healed(Law):
    """After a heal, back within detection + redial + re-arm + reply, whatever was refused before."""

    name = "healed"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.calm: dict[str, float] = {}
        self.looked_at = 0.0
        self.heard_until: dict[str, float] = {}

    def on_fact(self, account: str, fact: Fact) -> None:
        match fact:
            case facts.LeaseGivenUp(at=at):
                self.heard_until[account] = at + HEARD_WITHIN
            case facts.LeasePresumed(heard_until=heard_until):
                self.heard_until[account] = max(heard_until, self.heard_until.get(account, -inf))

    def on_start(self) -> None:
        self.calm.clear()

    def look(self) -> None:
        passed, self.looked_at = self.scene.now - self.looked_at, self.scene.now
        calm = self.desk.running and not +self.scene.troubles.active and passed <= 2 * self.scene.step
        for name, account in self.desk.accounts.items():
            if not calm or not self._is_wanted(account):
                self.calm.pop(name, None)
                continue
            if self.scene.standings[name].guard.protected(self.scene.now):
                self.calm[name] = 0.0
                continue
            self.calm[name] = self.calm.get(name, 0.0) + passed
            self._judge(account)

    def _judge(self, account: Account) -> None:
        bounds = promise(account, self.desk.watches)
        bound = bounds.detect + bounds.redial + bounds.rearm + account.timers.reply_timeout + GRACE
        standing = self.scene.standings[account.name]
        if self.calm[account.name] > bound and not any(code in standing.tally.errors for code in SHUT):
            said = f"{account.name}: {standing.phase} {bound:.1f} s after the last trouble: {standing.guard.trouble}"
            under_way = self.scene.now < self.heard_until.get(account.name, -inf) + bound
            if not under_way or not self.scene.excuses.use("a request may still be heard"):
                self.expect(False, said)
            self.calm[account.name] = 0.0

    def _is_wanted(self, account: Account) -> bool:
        standing = self.scene.standings.get(account.name)
        if standing is None or account.observe:
            return False
        guard = standing.guard
        return guard.disarm is None and guard.trip is None and not guard.awaited
