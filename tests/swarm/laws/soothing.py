"""What soothes: green, fine, gone, already cancelled, holds no lease."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from deadman.model import facts
from deadman.model.facts import Fact
from deadman.model.fate import Fate
from deadman.model.settings import Account
from deadman.simulator.exchange import Order, Received
from deadman.status.headline import Verdict, headline
from deadman.status.schema import AccountReport, StatusReport
from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.laws.deeds import LISTINGS
from tests.swarm.laws.law import Law, Scene
from tests.swarm.laws.selected import is_selected

SEEN = 1.5
"""Seconds after which an order that rests is known to whoever could know it: a look and an answer."""

COUNTED = 60.0
"""Seconds after which an order has been counted, wherever orders can be counted."""


class Soothing(Law):
    """Fine, gone, already cancelled and holds no lease are only said over a book and a lease that agree."""

    name = "soothing"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.done_at: dict[str, float] = {}
        self.listed_at: dict[str, float] = {}
        self.placed: dict[tuple[str, str], float] = {}

    def on_order(self, order: Order) -> None:
        self.placed.setdefault((order.account, order.order_id), self.scene.now)

    def on_request(self, received: Received) -> None:
        if received.account is not None and received.method in LISTINGS:
            self.listed_at[received.account] = self.scene.now

    def on_fact(self, account: str, fact: Fact) -> None:
        """A trip is done as of the venue's list, or of the lease's end; orders placed later come after it.

        In the venue's time: theirs goes on while we sleep.
        """
        known = self.scene.account(account)
        if isinstance(fact, facts.TripDone) and known is not None:
            ended_at = self.desk.board.guard(account).lease_end if fact.presumed else None
            listed_at = self.listed_at.get(self.desk.market.owner(known), fact.at)
            done_at = min(fact.at, ended_at or fact.at) if fact.presumed else min(fact.at, listed_at)
            self.done_at[account] = self.desk.market.time.now() - (self.scene.now - done_at)

    def read(self, told: StatusReport) -> None:
        for name, account in self.desk.accounts.items():
            if name in told.accounts and not account.observe:
                self._check_fates(account, told.accounts[name])
                self._check_disarm(account, told.accounts[name])
        if headline(told).verdict is Verdict.FINE:
            self._check_fine(told)

    def on_command(self, method: str, params: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        for name, outcome in result.get("accounts", {}).items():
            account = self.scene.account(name)
            if account is None or not outcome["done"]:
                continue
            if method == "trip":
                now = self.desk.market.time.now()
                age = now - self.done_at.get(name, now)
                left = [order for order in self._resting(account, age) if is_selected(account, order)]
                said = f"{name}: the operator is told {outcome['words']!r}, and {len(left)} orders rest"
                self.expect(not left or self._ends_now(account), said)
            if method == "disarm" and isinstance(account, SxBetAccount) and self._is_disarmed(name):
                end = self.desk.market.lease_end(account)
                self.expect(end is None, f"{name}: told {outcome['words']!r}, and a lease stands until {end}")

    def _check_fates(self, account: Account, told: AccountReport) -> None:
        for question in ("if_bot_dies", "if_host_dies"):
            fate: Fate = getattr(told, question)
            if fate.orders != "gone" or fate.within:
                continue
            left = [one for one in self._resting(account, SEEN) if is_selected(account, one)]
            if left and not self._is_unheard(account) and not self._ends_now(account):
                self.expect(False, f"{account.name}: {question} says {fate.because!r}, and {len(left)} orders rest")

    def _check_disarm(self, account: Account, told: AccountReport) -> None:
        if not isinstance(account, SxBetAccount) or not told.disarm or not told.disarm.confirmed:
            return
        end = self.desk.market.lease_end(account)
        self.expect(end is None, f"{account.name}: disarmed and confirmed, and a lease stands until {end}")

    def _check_fine(self, told: StatusReport) -> None:
        for name, account in self.desk.accounts.items():
            one = told.accounts.get(name)
            if one is None or account.observe or one.protected:
                continue
            left = [order for order in self._resting(account, COUNTED) if self._rested(order) > COUNTED]
            if left and not self.desk.market.would_cancel(account):
                self.expect(False, f"{name}: fine, though it is {one.phase} and {len(left)} orders rest unguarded")

    def _resting(self, account: Account, age: float) -> list[Order]:
        """The open orders that have rested for so long, by the venue's clock."""
        now = self.desk.market.time.now()
        clock = self.desk.market.exchange(account).clock
        placed_before = min(now, clock()) - age
        return [order for order in self.desk.market.open_orders(account) if order.placed_at < placed_before]

    def _rested(self, order: Order) -> float:
        """Seconds of our waking time: whoever sleeps counts nothing, and its bots sleep too."""
        return self.scene.now - self.placed.get((order.account, order.order_id), -inf)

    def _is_disarmed(self, name: str) -> bool:
        """It may have ended by itself while the operator waited for others."""
        standing = self.desk.board.standings().get(name)
        return standing is not None and standing.guard.disarm is not None

    def _ends_now(self, account: Account) -> bool:
        """Whether the venue is about to cancel, a lease having ended: gone within no time is then so."""
        end = self.desk.market.lease_end(account)
        return end is not None and end <= self.scene.now + 1e-3

    def _is_unheard(self, account: Account) -> bool:
        """Bots whose check-ins found nobody at home, or are being read just now: nobody can know of their orders."""
        pulses = (self.scene.pulses.get(watch) for watch in account.watches)
        return any(pulse is not None and pulse.is_unheard(self.scene.now) for pulse in pulses)
