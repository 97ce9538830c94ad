"""What is said of our session at Deribit, beside the venue's own list of connections."""

from __future__ import annotations

from deadman.model.promise import promise
from deadman.venues.deribit.settings import DeribitAccount
from tests.swarm.laws.law import Law, Scene

GRACE = 2.0


class Connected(Law):
    """Connected, and able to cancel, exactly while a logged-in stream is open, but for the time to detect its end."""

    name = "connected"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.bare: dict[str, float] = {}
        self.looked_at = 0.0

    def look(self) -> None:
        passed, self.looked_at = self.scene.now - self.looked_at, self.scene.now
        if not self.desk.running:
            self.bare.clear()
            return
        for name, standing in self.scene.standings.items():
            account, guard = self.scene.account(name), standing.guard
            said = guard.can_cancel or guard.session_at is not None
            if not isinstance(account, DeribitAccount) or not said or self.desk.market.sessions(account):
                self.bare.pop(name, None)
                continue
            bare = self.bare[name] = self.bare.get(name, 0.0) + min(passed, 2 * self.scene.step)
            bound = promise(account, self.desk.watches).detect + GRACE
            self.expect(bare <= bound, f"{name}: told connected without a connection for {bare:.1f} s")
