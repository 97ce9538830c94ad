"""How long an answer is waited for."""

from __future__ import annotations

from deadman.model import facts
from deadman.model.errors import Reason
from deadman.model.facts import Fact
from deadman.venues.deribit.settings import DeribitAccount
from tests.swarm.laws.law import Law
from tests.swarm.world.desk import Desk

REPLY = 4.95
"""Seconds that an answer takes at most which surely comes in time."""


class Patience(Law):
    """No session is given up as silent while every answer comes within the time that an answer may take."""

    name = "patience"

    def on_fact(self, account: str, fact: Fact) -> None:
        config = self.scene.account(account)
        if (
            not isinstance(fact, facts.Lost)
            or fact.reason is not Reason.SILENT
            or not isinstance(config, DeribitAccount)
        ):
            return
        self.expect(not self._answers_in_time(self.desk, config), f"{account}: {fact.detail}, and it would have been")

    def _answers_in_time(self, desk: Desk, account: DeribitAccount) -> bool:
        """Whether nothing is wrong at the venue but that its answers take a while."""
        levels = (desk.market.venue(account).faults, desk.market.faults(account))
        slow = max(faults.delay + faults.jitter for faults in levels)
        well = not any(
            faults.frozen or faults.dead or faults.ignored or faults.silent or faults.late or faults.wrong_id
            for faults in levels
        )
        others = {name for name, count in self.scene.troubles.active.items() if count} - {"answers"}
        return 0.0 < slow < REPLY and well and not others
