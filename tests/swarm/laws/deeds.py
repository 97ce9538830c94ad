"""What we do: what is sent, for whom it is renewed, what trips, and that a trip ends with no order left."""

from __future__ import annotations

from math import inf

import trio

from deadman.model import facts
from deadman.model.facts import Cause, Fact
from deadman.model.settings import Account
from deadman.model.trip import Trip
from deadman.simulator.exchange import Order, Received
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.laws.law import Law, Scene

LISTINGS = ("private/get_open_orders", "private/get_open_orders_by_currency", "GET /orders-v3", "GET /orders")
CHANGING = (
    "private/enable_cancel_on_disconnect",
    "private/disable_cancel_on_disconnect",
    "private/cancel_all",
    "private/cancel_all_by_currency",
    "private/cancel_all_by_kind_or_type",
    "private/cancel_by_label",
    "private/cancel",
)
BACK = 0.5
"""Seconds in which a check-in after a trip arms again."""

UNDER_WAY = 45.0
"""Seconds for which a request that we gave up may still arrive."""


class Deeds(Law):
    """What is sent, cancelled, renewed and tripped was called for just then, and a trip that is done left no order."""

    name = "deeds"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.pulses, self.record = scene.pulses, scene.record
        self.placed: dict[str, float] = {}
        self.listed_at: dict[str, float] = {}
        self.disarmed_until: dict[str, float] = {}
        self.tripped_until: dict[str, float] = {}
        self.back_since: dict[str, float] = {}

    def on_order(self, order: Order) -> None:
        self.placed.setdefault(f"{order.account} {order.order_id}", trio.current_time())
        if order.cancel_reason == "user_request":
            self._check_cancel(self.desk.roster[order.account], order)

    def _check_cancel(self, account: Account, order: Order) -> None:
        """An active cancel is a weapon: it is ours alone, for a trip alone, and narrowed by the config."""
        name, label = account.name, selected_label(account)
        fair = trio.current_time() <= self.tripped_until.get(name, -inf)
        self.expect(fair, f"{name}: {order.order_id} was cancelled, and nothing has tripped")
        self.expect(label in (None, order.label), f"{name}: {order.label} was cancelled, outside of the selection")
        self.record.reached["cancelled by a trip"] += 1

    def on_request(self, received: Received) -> None:
        """A request as it arrives at a venue."""
        name, zero = received.account, received.params.get("timeoutSeconds") == 0
        self.expect(received.method != "private/logout", f"{name}: a logout was sent")
        if zero or received.method == "private/disable_cancel_on_disconnect":
            # With a key that was revoked the venue does not know whose request it is.
            untils = self.disarmed_until.values() if name is None else [self.disarmed_until.get(name, -inf)]
            asked = trio.current_time() <= max(untils, default=-inf)
            self.expect(asked, f"{name}: {received.method} disarms unasked")
            self.record.reached["disarmed at the venue"] += 1
        observed = name in self.desk.roster and self.desk.roster[name].observe
        changes = received.method in CHANGING or "timeoutSeconds" in received.params
        self.expect(not (observed and changes), f"{name}: observed, and yet {received.method} was sent")
        if name is not None and received.method in LISTINGS:
            self.listed_at[name] = received.at

    def on_fact(self, name: str, fact: Fact) -> None:
        account, now = self.desk.accounts.get(name), trio.current_time()
        if account is None:
            return
        guard = self.desk.board.standing(name).guard
        note(self.disarmed_until, name, now, lasts=guard.disarm is not None)
        note(self.tripped_until, name, now, lasts=guard.trip is not None and guard.trip.done_at is None)
        if self.desk.life.restoring:
            return
        match fact:
            case facts.Attempted(ttl=ttl) if isinstance(account, SxBetAccount) and ttl > 1:
                self._check_renewal(account, now)
            case facts.Tripped(cause=cause, by=by):
                self._check_trip(account, cause, by)
            case facts.TripDone(presumed=presumed):
                self._check_gone(account, presumed=presumed)

    def _check_renewal(self, account: SxBetAccount, now: float) -> None:
        """No lease is asked for in the name of a process that is not alive, nor against anybody's word."""
        guard = self.desk.board.standing(account.name).guard
        phase = guard.phase(now)
        called_for = guard.disarm is None and guard.trip is None and not guard.awaited
        self.expect(called_for or account.observe, f"{account.name}: renewed in spite of {phase}")
        for watch in account.watches:
            held = self.desk.board.watch(watch).held(now)
            alive = held or self.pulses[watch].may_be_renewed_for(now)
            self.expect(alive, f"{account.name}: renewed for {watch}, of which {self.pulses[watch]}")

    def _check_trip(self, account: Account, cause: Cause, by: str) -> None:
        self.record.reached[f"trip by {cause}"] += 1
        if cause is Cause.OPERATOR:
            return
        self.expect(by in account.watches and account.on_trip != "none", f"{account.name}: {by} tripped it")
        said = cause is Cause.SILENCE or self.pulses[by].spoke_at > -inf
        self.expect(said, f"{account.name}: {cause}, and {by} never said so")

    def _check_gone(self, account: Account, *, presumed: bool) -> None:
        """Whatever rested when the venue last listed it, or where it cannot be read, when the trip began, is gone."""
        self.record.reached["trip presumed done" if presumed else "trip done"] += 1
        trip = self.desk.board.standing(account.name).guard.trip
        assert trip is not None
        before = trip.at if presumed else self.listed_at.get(account.name, -inf)
        left = [order for order in self.selected(account) if self.placed_at(order) < before]
        if presumed and self._is_lapsing(account):
            return
        self.expect(not left, f"{account.name}: the trip is called done, and {len(left)} orders rest")

    def _is_lapsing(self, account: Account) -> bool:
        """Its lease has ended, and the venue is about to cancel: its own delay is not documented, as `check` says."""
        end = self.desk.market.lease_end(account)
        return end is not None and end <= trio.current_time()

    def placed_at(self, order: Order) -> float:
        return self.placed[f"{order.account} {order.order_id}"]

    def look(self) -> None:
        """Whoever is back and heard is armed again at once, unless somebody else is dead or an operator tripped."""
        now, standings = trio.current_time(), self.scene.standings
        for name, account in self.desk.accounts.items():
            trip = standings[name].guard.trip if name in standings else None
            if trip is None or standings[name].guard.disarm is not None or not self._is_back(account, trip, now):
                self.back_since.pop(name, None)
            elif now > max(self.back_since.setdefault(name, now), self.desk.host.woke_at) + BACK:
                self.expect(False, f"{name}: still tripped, though {trip.by} is back")

    def _is_back(self, account: Account, trip: Trip, now: float) -> bool:
        if trip.done_at is None or trip.cause is Cause.OPERATOR:
            return False
        alive = all(self.pulses[watch].surely_alive(now) for watch in account.watches)
        return alive and self.pulses[trip.by].heard_after(trip.done_at)

    def selected(self, account: Account) -> list[Order]:
        """The open orders that a trip of this account is to cancel."""
        label = selected_label(account)
        return [order for order in self.desk.market.open_orders(account) if label in (None, order.label)]


def selected_label(account: Account) -> str | None:
    return account.cancel.label if isinstance(account, DeribitAccount) else None


def note(untils: dict[str, float], name: str, now: float, *, lasts: bool) -> None:
    """Until when something is excused: while it lasts, and while what was sent for it may be under way."""
    if lasts:
        untils[name] = inf
    elif untils.get(name) == inf:
        untils[name] = now + UNDER_WAY
