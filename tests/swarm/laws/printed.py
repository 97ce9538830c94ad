"""Whether what is printed of a death holds when somebody dies then."""

from __future__ import annotations

from dataclasses import dataclass

from deadman.model.promise import promise
from deadman.model.settings import Account
from deadman.simulator.exchange import Order
from deadman.status.report import report
from tests.swarm.laws.law import Law, Scene
from tests.swarm.laws.selected import is_selected

GRAIN = 1e-6
"""Seconds within which two instants are one."""


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
            took, bound = self._ended_at(death) - death.at, death.until - death.at + self.lag
            if left and took <= bound + GRAIN:
                continue
            self.deaths.remove(death)
            said = f"{death.account.name}: {death.said} {death.until - death.at:.2f} s"
            self.expect(took <= bound + GRAIN, f"{said}, and {left} orders rest after {took:.2f} s")
            name = f"{death.said} within, {death.account.venue}, on_trip {death.account.on_trip}"
            self.scene.record.figure(name, took, bound)

    def _note_fate(self, account: Account, question: str, at: float, resting: tuple[Order, ...]) -> None:
        fate = getattr(report(self.desk.board).accounts[account.name], question)
        if fate.orders == "gone" and fate.within is not None:
            self.deaths.append(Death(account, at, at + fate.within, resting, f"{question} says"))

    def _selected(self, account: Account, sparing: frozenset[str] = frozenset()) -> tuple[Order, ...]:
        resting = self.desk.market.open_orders(account)
        return tuple(one for one in resting if is_selected(account, one) and one.order_id not in sparing)

    def _ended_at(self, death: Death) -> float:
        """When the last of its orders went, by the venue's own book; now while some rest."""
        exchange, now = self.desk.market.exchange(death.account), self.scene.now
        ahead, orders = exchange.clock() - now, exchange.orders
        ends = (orders[order.order_id].cancelled_at for order in death.orders)
        return max((now if end is None else end - ahead for end in ends), default=death.at)

    def _left(self, death: Death) -> int:
        resting = {one.order_id for one in self.desk.market.open_orders(death.account)}
        return sum(one.order_id in resting for one in death.orders)
