"""That a trip does what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from deadman.model import facts
from deadman.model.facts import Fact
from deadman.model.leases import HEARD_WITHIN
from deadman.model.promise import promise
from deadman.model.settings import Account
from deadman.simulator.exchange import Order
from tests.swarm.laws.law import Law, Scene
from tests.swarm.laws.selected import is_selected

LEISURE = 6.0
"""Seconds for a round that comes late in a trip, and for us to look."""

SHUT_OUT = 30.0
"""Seconds for which a venue that answers no login is left alone (`deribit.wire`), and so from its reopening on."""

DURABLE = 1.0
"""Seconds of a trip after which it is on a disk that works, and outlives us."""


@dataclass
class Begun:
    """`account`: as the config had it when the trip began; `calm`: seconds since then in which nothing hindered us.

    `most`: the orders that there were to cancel: they go one by one. `stuck`: those that the venue will not let go.
    """

    account: Account
    at: float
    calm: float = 0.0
    most: int = 0
    stuck: frozenset[str] = frozenset()


class CarriedOut(Law):
    """A trip once begun is carried to zero, whatever becomes of the config or of us: its orders do not stay."""

    name = "carried out"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.begun: dict[str, Begun] = {}
        self.looked_at = 0.0
        self.asked: dict[tuple[str, float], float] = {}
        self.heard_until: dict[str, float] = {}

    def on_fact(self, account: str, fact: Fact) -> None:
        self._note_asking(account, fact)
        known = self.scene.account(account)
        match fact:
            case facts.Tripped() if known is not None and not known.observe and not self.desk.life.restoring:
                self.begun.setdefault(account, Begun(known, self.scene.now))
            case facts.TripDone() | facts.Disarmed() | facts.Rearmed() if not self.desk.life.restoring:
                self.begun.pop(account, None)

    def on_end(self) -> None:
        """What was not yet on the disk may be forgotten."""
        disk = self.desk.host.disk
        for name, begun in list(self.begun.items()):
            if disk.full or disk.seconds > DURABLE / 4 or self.scene.now < begun.at + DURABLE:
                del self.begun[name]

    def look(self) -> None:
        passed, self.looked_at = self.scene.now - self.looked_at, self.scene.now
        if not self.desk.running or +self.scene.troubles.active or passed > 2 * self.scene.step:
            return
        for name, begun in list(self.begun.items()):
            if self.desk.host.disk.aside or self._is_elsewhere(name, begun):
                del self.begun[name]
                continue
            begun.calm += passed
            if self.desk.market.shuts_out(begun.account):
                begun.calm = -SHUT_OUT
            self._heed_stuck(begun)
            left = self._left(begun)
            begun.most = max(begun.most, len(left))
            if left and begun.calm > self._bound(begun, begun.most):
                said = f"{name}: {len(left)} orders rest, {begun.calm:.1f} calm seconds into its trip"
                if not self._waits_for_a_lease(name, begun) or not self.scene.excuses.use("a lease may still be taken"):
                    self.expect(False, said)
                    continue
                begun.calm = 0.0

    def _note_asking(self, account: str, fact: Fact) -> None:
        """A cut of our own is nothing to wait for."""
        match fact:
            case facts.Attempted(at=at, ttl=ttl):
                self.asked[account, at] = ttl
            case facts.LeaseGivenUp(at=at, asked_at=asked_at) if self.asked.get((account, asked_at), 0.0) > 1:
                self.heard_until[account] = at + HEARD_WITHIN
            case facts.LeasePresumed(ttl=ttl, heard_until=heard_until) if ttl > 1:
                self.heard_until[account] = max(heard_until, self.heard_until.get(account, -inf))

    def _waits_for_a_lease(self, name: str, begun: Begun) -> bool:
        """Under `lapse` nothing is sent before the last lease that may be taken has ended, and been given its time."""
        account, until = begun.account, self.heard_until.get(name, -inf)
        waits = account.on_trip == "lapse" and account.lease is not None
        return waits and self.scene.now < until + (account.lease or 0.0) + self._bound(begun, begun.most)

    def _heed_stuck(self, begun: Begun) -> None:
        """They delay no other; one that can be cancelled again has its own time."""
        before, begun.stuck = begun.stuck, frozenset(self.desk.market.faults(begun.account).stuck)
        if before - begun.stuck:
            begun.calm = 0.0

    def _is_elsewhere(self, name: str, begun: Begun) -> bool:
        """The name has come to stand for another account at the venue."""
        now = self.scene.account(name)
        return now is not None and self._place(now) != self._place(begun.account)

    def _place(self, account: Account) -> object:
        return self.desk.market.venue(account), self.desk.market.owner(account)

    def _left(self, begun: Begun) -> list[Order]:
        resting = self.desk.market.open_orders(begun.account)
        before = begun.at + self.desk.market.exchange(begun.account).clock() - self.scene.now
        loose = [order for order in resting if order.order_id not in begun.stuck]
        return [order for order in loose if order.placed_at <= before and is_selected(begun.account, order)]

    def _bound(self, begun: Begun, orders: int) -> float:
        """Back at the venue and a round of cancelling; or where a lease's end cancels, that."""
        bounds, pace = promise(begun.account, self.desk.watches), begun.account.timers
        back = bounds.detect + bounds.redial + bounds.rearm
        return back + (bounds.gone_within(orders) or pace.reply_timeout) + LEISURE
