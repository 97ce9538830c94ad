"""The bound that a bot's death is about: from its last check-in to its orders gone, while nothing hinders us."""

from __future__ import annotations

from math import inf

import trio

from deadman.model.guard import Phase
from deadman.model.promise import promise
from deadman.model.settings import Account
from deadman.simulator.exchange import Order
from tests.swarm.laws.law import Law, Scene
from tests.swarm.laws.pulse import Pulse
from tests.swarm.laws.selected import is_selected

LOOK = 0.25
BEFORE = 5.0
"""Seconds of calm before the last check-in, so that no old trouble has a part in it."""


class Deaths(Law):
    """From a bot's last check-in to its orders gone takes what is promised at most, while nothing hinders us."""

    name = "deaths"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.placed: dict[tuple[str, str], float] = {}
        self.ready: dict[tuple[str, str], float] = {}
        """Accounts that stood armed, by watch and last check-in; each is judged once, when its bound is up."""

    def look(self) -> None:
        for pulse in self.scene.pulses.values():
            for account in tuple(self.desk.accounts.values()):
                if pulse.name in account.watches and account.on_trip != "none":
                    self._look(pulse, account)

    def _look(self, pulse: Pulse, account: Account) -> None:
        now, key = trio.current_time(), (pulse.name, account.name)
        if pulse.sent_at is None or not self.desk.running:
            return
        standing = self.scene.standings.get(account.name)
        armed = standing is not None and standing.phase is Phase.ARMED
        if armed and now < pulse.sent_at + min(pulse.timeout / 2, 0.5):
            self.ready[key] = pulse.sent_at
        if self.ready.get(key) != pulse.sent_at or now < pulse.sent_at + self.desk.watches[pulse.name].timeout:
            return  # long before any bound, which takes longer to reckon than anything else here
        bound = promise(account, self.desk.watches).gone_within(len(self._selected(account)))
        lag = LOOK + self.desk.market.sxbet.settings.expiry_lag[1]
        if bound is not None and now >= pulse.sent_at + bound + lag:
            del self.ready[key]
            self._judge(pulse, account, pulse.sent_at)

    def on_order(self, order: Order) -> None:
        """Each venue counts its orders for itself."""
        self.placed.setdefault((order.account, order.order_id), self.scene.now)

    def _selected(self, account: Account) -> list[Order]:
        return [order for order in self.desk.market.open_orders(account) if is_selected(account, order)]

    def _judge(self, pulse: Pulse, account: Account, last_check_in: float) -> None:
        if not self.scene.troubles.calm_since(last_check_in - BEFORE) or pulse.held_until > last_check_in:
            return
        if pulse.quiet_from < inf and self.desk.watches[pulse.name].on_stopping == "release":
            return  # it said goodbye, and was let go
        self.scene.record.reached[f"a death under {account.on_trip}"] += 1
        left = [one for one in self._selected(account) if self.placed[one.account, one.order_id] <= last_check_in]
        said = f"{account.name}: {pulse.name} last checked in at {last_check_in:.2f} s, and {len(left)} orders rest"
        self.expect(not left, said)
