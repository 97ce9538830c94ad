"""What Prometheus is shown: no secret, and no protection where the exchange would not cancel."""

from __future__ import annotations

import json
import re

from prometheus_client import CollectorRegistry, generate_latest

from deadman.status.schema import StatusReport, to_json
from deadman.telemetry.scrape import BoardCollector
from tests.swarm.laws.law import Law, Scene
from tests.swarm.world.desk import Desk
from tests.swarm.world.secrets import secrets

PACE = 15.0
PHASE = re.compile(r'deadman_account_transitions_total\{account="([^"]+)",phase="([^"]+)"\} ([0-9.]+)')


def scrape(desk: Desk) -> str:
    registry = CollectorRegistry()
    registry.register(BoardCollector(desk.board))
    return generate_latest(registry).decode()


def reading(text: str, name: str, account: str) -> float:
    """The value of a series that has no label but the account."""
    prefix = f'{name}{{account="{account}"}} '
    return next(float(line.removeprefix(prefix)) for line in text.splitlines() if line.startswith(prefix))


def scraped(desk: Desk, name: str, account: str) -> float:
    """The same of what would be scraped now, without printing all the rest."""
    samples = (sample for family in BoardCollector(desk.board).collect() for sample in family.samples)
    return next(one.value for one in samples if one.name == name and one.labels == {"account": account})


class Scrapes(Law):
    """What Prometheus is shown, and the status, hold no secret, and claim what the guards do."""

    name = "scrapes"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.due_at = PACE

    def read(self, told: StatusReport) -> None:
        if self.scene.now < self.due_at:
            return
        self.due_at = self.scene.now + PACE
        text, status = scrape(self.desk), json.dumps(to_json(told))
        for secret in secrets(self.desk):
            self.expect(secret not in text, "a secret stands in the metrics")
            self.expect(secret not in status, "a secret stands in the status")
        for name, standing in self.desk.board.standings().items():
            shown = reading(text, "deadman_account_protected", name)
            self.expect(shown == standing.guard.protected(self.scene.now), f"{name}: scraped {shown}")
        for _, phase, count in PHASE.findall(text):
            if float(count):
                self.scene.record.reached[f"phase {phase}"] += 1
