"""Numbers that are told of orders."""

from __future__ import annotations

from deadman.daemon.state import WRITE_TIMEOUT
from deadman.model import facts
from deadman.model.facts import Fact
from deadman.simulator.exchange import Order
from deadman.status.schema import StatusReport
from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.laws.law import Law, Scene

LISTED = 45.0
"""Seconds after which an order that rests has been listed, wherever orders can be."""

MISSED = 22.0
"""Seconds after a session is back within which what went unseen is missed."""


class Counted(Law):
    """As many orders are told as cancelled as were, and none that the venue took while nobody looked goes untold."""

    name = "counted"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.cancelled: dict[str, list[float]] = {}
        self.unseen: dict[str, int] = {}
        self.watched: dict[str, float] = {}
        self.damaged = 0
        self.begun: dict[str, float] = {}

    def on_start(self) -> None:
        """How many there were stood in a file: a damaged one tells nobody, and so does one that was not written."""
        aside, self.damaged = self.damaged, len(self.desk.host.disk.aside)
        if self.damaged > aside or not self._disk_works():
            self.unseen.clear()
        for name in list(self.unseen):
            # Fewer are there, and not none: a bot that lives cancels and places as well.
            if name in self.desk.accounts and self.desk.market.open_orders(self.desk.accounts[name]):
                del self.unseen[name]

    def on_order(self, order: Order) -> None:
        if order.cancel_reason == "user_request":
            self.cancelled.setdefault(order.account, []).append(self.scene.now)
        elif order.state == "cancelled":
            self._note_gone(order)

    def _note_gone(self, order: Order) -> None:
        """Only a whole book that goes is surely missed: bots cancel and place single ones all the time."""
        age = (order.cancelled_at or 0.0) - order.placed_at
        for name, account in self.desk.accounts.items():
            if self.desk.market.owner(account) != order.account or account.observe or age < LISTED:
                continue
            if not self.desk.running and self._disk_works() and not self.desk.market.open_orders(account):
                self.unseen[name] = self.unseen.get(name, 0) + 1
                self.watched[name] = 0.0

    def _disk_works(self) -> bool:
        """Where it does not, what was counted last may not be there to be compared with."""
        disk = self.desk.host.disk
        return not disk.full and disk.seconds <= WRITE_TIMEOUT

    def on_fact(self, account: str, fact: Fact) -> None:
        """Of SX Bet's V3, whose answers are counted by hand; in a trouble a lost answer may have cancelled more."""
        if isinstance(fact, facts.TripDone):
            self.unseen.pop(account, None)  # what went while nobody looked is told of as the trip's
        config = self.scene.account(account)
        done = isinstance(fact, facts.TripDone) and not self.desk.life.restoring and not fact.presumed
        trip = self.desk.board.standing(account).guard.trip
        if isinstance(fact, facts.Tripped) and trip is not None and not trip.rounds and not trip.cancelled:
            self.begun[account] = trip.at  # a trigger after that goes on with the same one, and its numbers
        if not done or not isinstance(config, SxBetAccount) or trip is None:
            return
        begun = self.begun.get(account, trip.at)
        number = sum(at >= begun for at in self.cancelled.get(self.desk.market.owner(config), []))
        if self.scene.troubles.calm_since(begun):
            self.expect(trip.cancelled == number, f"{account}: told {trip.cancelled} cancelled, and it was {number}")

    def read(self, told: StatusReport) -> None:
        for name in list(self.unseen):
            account = told.accounts.get(name)
            if account is None or account.trip or account.disarm or account.gone_unseen:
                del self.unseen[name]
            elif account.connected and account.phase == "armed":
                self.watched[name] += 0.5
                if self.watched[name] > MISSED:
                    self.expect(False, f"{name}: its orders went while nobody looked, and nobody tells of them")
                    del self.unseen[name]
