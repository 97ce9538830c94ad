"""Audits what Prometheus is shown: no secret, and no protection where the exchange would not cancel."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import trio
from prometheus_client import CollectorRegistry, generate_latest

from deadman.metrics import BoardCollector, no_logs_dropped
from tests.swarm.laws.record import Record
from tests.swarm.world.desk import Desk

PACE = 15.0
PHASE = re.compile(r'deadman_account_transitions_total\{account="([^"]+)",phase="([^"]+)"\} ([0-9.]+)')


def scrape(desk: Desk) -> str:
    registry = CollectorRegistry()
    registry.register(BoardCollector(desk.board, no_logs_dropped))
    return generate_latest(registry).decode()


def reading(text: str, name: str, account: str) -> float:
    """The value of a series that has no label but the account."""
    prefix = f'{name}{{account="{account}"}} '
    return next(float(line.removeprefix(prefix)) for line in text.splitlines() if line.startswith(prefix))


@dataclass
class Scrapes:
    desk: Desk
    secrets: Callable[[], Iterable[str]]
    record: Record

    async def watch(self) -> None:
        while True:
            await trio.sleep(PACE)
            self.look()

    def look(self) -> None:
        text = scrape(self.desk)
        for secret in self.secrets():
            self.record.expect(secret not in text, "a secret stands in the metrics")
        for name, standing in self.desk.board.standings().items():
            shown = reading(text, "deadman_account_protected", name)
            self.record.expect(shown == standing.guard.protected(trio.current_time()), f"{name}: scraped {shown}")
        for _, phase, count in PHASE.findall(text):
            if float(count):
                self.record.reached[f"phase {phase}"] += 1
