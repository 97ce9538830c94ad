"""What we do at a venue that cannot be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deadman.model import facts
from deadman.model.facts import Fact
from deadman.model.settings import Account
from deadman.simulator.exchange import Order, Received
from tests.swarm.laws.law import Law, Scene
from tests.swarm.laws.selected import is_selected

SETTING = {"private/enable_cancel_on_disconnect", "private/disable_cancel_on_disconnect"}
"""What changes a switch at Deribit."""


class Unasked(Law):
    """Nothing is cancelled, disarmed or logged out but of the very account for which it was asked."""

    name = "unasked"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.tripped: dict[str, list[Account]] = {}
        self.disarmed: set[str] = set()

    def on_fact(self, account: str, fact: Fact) -> None:
        known = self.scene.account(account)
        if isinstance(fact, facts.Tripped) and known is not None and not self.desk.life.restoring:
            self.tripped.setdefault(self._owner(known), []).append(known)

    def on_ask(self, method: str, params: Mapping[str, Any]) -> None:
        for account in map(self.scene.account, params.get("accounts", ())):
            if method == "disarm" and account is not None:
                self.disarmed.add(self._owner(account))

    def on_order(self, order: Order) -> None:
        if order.cancel_reason != "user_request":
            return
        trips = self.tripped.get(order.account, [])
        self.expect(bool(trips), f"{order.order_id} of {order.account} was cancelled, and nothing has tripped it")
        fair = not trips or any(is_selected(account, order) for account in trips)
        self.expect(fair, f"{order.order_id} of {order.account} was cancelled, outside of every selection")

    def on_request(self, received: Received) -> None:
        name, method = received.account, received.method
        self.expect(method != "private/logout", f"{name}: a logout was sent")
        lets_go = received.params.get("timeoutSeconds") == 0 or method == "private/disable_cancel_on_disconnect"
        asked = name in self.disarmed or (name is None and bool(self.disarmed))
        self.expect(not lets_go or asked, f"{name}: {method} disarms, and nobody had asked for it")
        observed = [one for one in self.desk.accounts.values() if one.observe and self._owner(one) == name]
        if method in SETTING or "timeoutSeconds" in received.params:
            tripping = name in self.tripped
            self.expect(not observed or tripping, f"{name}: observed, and yet {method} was sent")

    def _owner(self, account: Account) -> str:
        return self.desk.market.owner(account)
