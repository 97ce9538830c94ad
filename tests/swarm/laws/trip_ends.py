"""That a trip ends."""

from __future__ import annotations

from deadman.model.promise import promise
from deadman.model.settings import Account
from tests.swarm.laws.law import Law, Scene
from tests.swarm.laws.selected import is_selected
from tests.swarm.troubles.answers import ANSWERS, spares_lists

PAUSE = 5.0
"""Seconds between rounds after the first minute of a trip."""

GRACE = 1.0


class TripEnds(Law):
    """Book empty and list readable: the trip ends.

    The list can be read while nothing hinders us, and where only what cancels is answered badly.
    """

    name = "trip ends"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.empty: dict[str, float] = {}
        self.looked_at = 0.0

    def on_start(self) -> None:
        self.empty.clear()

    def look(self) -> None:
        passed, self.looked_at = self.scene.now - self.looked_at, self.scene.now
        awake = self.desk.running and passed <= 2 * self.scene.step
        for name, account in self.desk.accounts.items():
            if not awake or self._is_hindered(account) or not self._is_over(account):
                self.empty.pop(name, None)
                continue
            self.empty[name] = self.empty.get(name, 0.0) + passed
            bounds = promise(account, self.desk.watches)
            bound = bounds.detect + bounds.redial + bounds.rearm + account.timers.reply_timeout + PAUSE + GRACE
            self.expect(self.empty[name] <= bound, f"{name}: still tripping {bound:.1f} s after its book was empty")

    def _is_hindered(self, account: Account) -> bool:
        troubles = set(+self.scene.troubles.active)
        if troubles == {ANSWERS}:
            venue = self.desk.market.venue(account)
            return not spares_lists(venue.faults) or not spares_lists(self.desk.market.faults(account))
        return bool(troubles)

    def _is_over(self, account: Account) -> bool:
        standing = self.scene.standings.get(account.name)
        if standing is None or account.observe:
            return False
        trip = standing.guard.trip
        under_way = trip is not None and trip.done_at is None and standing.guard.disarm is None
        return under_way and not any(is_selected(account, one) for one in self.desk.market.open_orders(account))
