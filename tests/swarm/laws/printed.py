"""Whether what is printed of a death holds when somebody dies then."""

from __future__ import annotations

from dataclasses import dataclass

from deadman.config.schema import Account
from deadman.promise import promise
from deadman.report import report
from deadman.simulator.exchange import Order
from tests.swarm.laws.law import Law, Scene
from tests.swarm.laws.selected import is_selected

GRACE = 0.35
"""Seconds between two looks of ours, and of the world at the venue's book."""


@dataclass(frozen=True, slots=True)
class Death:
    """By `until` these orders must be gone; `said` is where that was printed."""

    account: Account
    at: float
    until: float
    orders: tuple[Order, ...]
    said: str


class Printed(Law):
    """What `check` and `status` print of a death holds when it is played; an order that resists delays no other."""

    name = "printed"
    # The venue's own delay in noticing a lease's end is not documented, as `check` says: `lag` is what this one takes.

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.deaths: list[Death] = []
        self.lag = self.desk.market.sxbet.settings.expiry_lag[1]

    def bot_dies(self, account: Account, last_check_in: float, sparing: frozenset[str] = frozenset()) -> None:
        """Now, having checked in then; `sparing`: orders that the venue will not cancel."""
        resting = self._selected(account, sparing)
        bound = promise(account, self.desk.watches).gone_within(len(resting) + len(sparing))
        if bound is not None:
            self.deaths.append(Death(account, last_check_in, last_check_in + bound, resting, "`check` prints"))
        self._note_fate(account, "if_bot_dies", last_check_in, resting)

    def host_dies(self, account: Account) -> None:
        """With us: nobody may start us again before all is over."""
        self._note_fate(account, "if_host_dies", self.scene.now, self._selected(account))

    def look(self) -> None:
        for death in list(self.deaths):
            left = self._left(death)
            if not left:
                bound = death.until - death.at + self.lag
                name = f"{death.said} within, {death.account.venue}, on_trip {death.account.on_trip}"
                self.scene.record.figure(name, self.scene.now - death.at, bound)
                self.deaths.remove(death)
            elif self.scene.now > death.until + GRACE + self.lag:
                bound = death.until - death.at
                self.expect(False, f"{death.account.name}: {death.said} {bound:.2f} s, and then {left} orders rest")
                self.deaths.remove(death)

    def _note_fate(self, account: Account, question: str, at: float, resting: tuple[Order, ...]) -> None:
        fate = report(self.desk.board)["accounts"][account.name][question]
        if fate["orders"] == "gone" and fate["within"] is not None:
            self.deaths.append(Death(account, at, at + fate["within"], resting, f"{question} says"))

    def _selected(self, account: Account, sparing: frozenset[str] = frozenset()) -> tuple[Order, ...]:
        resting = self.desk.market.open_orders(account)
        return tuple(one for one in resting if is_selected(account, one) and one.order_id not in sparing)

    def _left(self, death: Death) -> int:
        resting = {one.order_id for one in self.desk.market.open_orders(death.account)}
        return sum(one.order_id in resting for one in death.orders)
