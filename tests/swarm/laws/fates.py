"""Audits the answer to the question that is asked at night: what becomes of the orders if the host dies now?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import trio

from deadman.config.schema import SxBetAccount
from deadman.report import report
from tests.swarm.laws.pulse import Pulse
from tests.swarm.laws.record import Record, Troubles
from tests.swarm.world.desk import Desk

PACE = 1.7
LATE = ("freeze", "latency", "sxbet frozen")
"""Troubles in which a request that we gave up may still be granted later."""


@dataclass
class Fates:
    desk: Desk
    pulses: dict[str, Pulse]
    troubles: Troubles
    record: Record
    secrets: Callable[[], Iterable[str]]

    async def watch(self) -> None:
        while True:
            await trio.sleep(PACE)
            if self.desk.running and trio.current_time() > self.desk.host.woke_at + 0.3:
                self.look()

    def look(self) -> None:
        answer = report(self.desk.board)
        text = json.dumps(answer)
        self.record.expect(not any(secret in text for secret in self.secrets()), "a secret stands in the status")
        for name, told in answer["accounts"].items():
            account = self.desk.accounts.get(name)
            if isinstance(account, SxBetAccount):
                self._check(account, told["if_host_dies"])

    def _check(self, account: SxBetAccount, fate: dict[str, Any]) -> None:
        """`gone` within seconds: no order may rest for longer than that, nor for ever."""
        self.record.reached[f"if the host dies, {fate['orders']}"] += 1
        resting = self.desk.market.open_orders(account)
        if fate["orders"] != "gone" or fate["within"] is None or not resting or self._may_be_late(account):
            return
        if any(self.pulses[watch].is_unheard(trio.current_time()) for watch in account.watches):
            return  # it trades already, and its check-ins found nobody at home
        now, lease = trio.current_time(), self.desk.sxbet.lease(account.name)
        ends_in = None if lease is None else lease.ends_at - self.desk.market.time.ahead - now
        kept = ends_in is not None and ends_in <= fate["within"] + 1e-3
        self.record.expect(kept, f"{account.name}: {len(resting)} orders rest, {fate}, and the lease ends in {ends_in}")

    def _may_be_late(self, account: SxBetAccount) -> bool:
        since = trio.current_time() - account.timeout_seconds - 10.0
        return any(self.troubles.active[name] or self.troubles.ended.get(name, -1e9) > since for name in LATE)
