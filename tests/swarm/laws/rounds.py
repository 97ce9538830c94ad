"""That a trip is carried out."""

from __future__ import annotations

from deadman import facts
from deadman.config.schema import Account
from deadman.facts import Fact
from deadman.promise import CANCEL_RATE, CUT, timers
from tests.swarm.laws.law import STEP, Law, Scene
from tests.swarm.laws.trip_ends import PAUSE

GRACE = 3.0
ROUNDS = (facts.RoundDone, facts.Failed, facts.Lost, facts.TurnedAway, facts.SessionOpened, facts.TripDone)
"""What shows that a round was made, or tried."""


class Rounds(Law):
    """A trip that has begun goes on, round by round, until nothing is left of it: whatever the config says since."""

    name = "rounds"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.waited: dict[str, float] = {}
        self.looked_at = 0.0

    def on_fact(self, account: str, fact: Fact) -> None:
        if isinstance(fact, ROUNDS):
            self.waited.pop(account, None)

    def look(self) -> None:
        passed, self.looked_at = self.scene.now - self.looked_at, self.scene.now
        awake = self.desk.running and passed <= 2 * STEP and not +self.scene.troubles.active
        for name, account in self.desk.accounts.items():
            if not awake or not self._is_tripping(name):
                self.waited.pop(name, None)
                continue
            self.waited[name] = self.waited.get(name, 0.0) + passed
            waited, bound = self.waited[name], self._bound(account)
            self.expect(waited <= bound, f"{name}: tripping, and no round for {waited:.1f} s")

    def _bound(self, account: Account) -> float:
        """A round cancels and lists, where nothing hinders us in a second each, but for its single cancels."""
        number = len(self.desk.market.open_orders(account))
        return PAUSE + timers(account).reply_timeout + CUT + number / CANCEL_RATE + GRACE

    def _is_tripping(self, name: str) -> bool:
        standing = self.scene.standings.get(name)
        return standing is not None and standing.guard.tripping and standing.guard.session_at is not None
