"""Whom the watches may call dead."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from deadman import facts
from deadman.facts import Cause, Fact
from tests.swarm.laws.goodbyes import Goodbyes
from tests.swarm.laws.law import Law, Scene

GRAIN = 1e-6


class LivingBot(Law):
    """Nobody is tripped for the silence of a bot that checked in within its timeout, nor for one that is on hold."""

    name = "living bot"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.holds: dict[str, float] = {}
        self.goodbyes = Goodbyes(scene)

    def on_start(self) -> None:
        self.goodbyes.on_start()

    def look(self) -> None:
        self.goodbyes.look()

    def on_command(self, method: str, params: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """A hold's end is on the venue's clock, which no sleep of ours stops."""
        if method == "hold" and result["done"]:
            self.holds[params["watch"]] = self._time() + params["for"]
        elif method == "release":
            self.holds.pop(params["watch"], None)

    def on_fact(self, account: str, fact: Fact) -> None:
        if not isinstance(fact, facts.Tripped) or self.desk.life.restoring or fact.cause is Cause.OPERATOR:
            return
        held = self._time() < self.holds.get(fact.by, -inf) - 1.0
        self.expect(not held, f"{account}: {fact.cause} tripped it while {fact.by} is on hold")
        pulse = self.scene.pulses.get(fact.by)
        if fact.cause is not Cause.SILENCE or pulse is None:
            return
        watch = self.desk.watches.get(fact.by)
        timeout = watch.timeout if watch else pulse.timeout
        silent = pulse.sent_at is None or self.scene.now >= pulse.sent_at + timeout - GRAIN
        excused = not silent and pulse.found_dead and self.scene.excuses.use("dead before we ended")
        said = f"{account}: tripped for the silence of {fact.by}, last heard at {pulse.sent_at}"
        self.expect(silent or excused, said)
        released = watch is not None and watch.on_stopping == "release" and fact.by in self.goodbyes.known
        self.expect(not released, f"{account}: tripped for the silence of {fact.by}, which had said that it stops")

    def _time(self) -> float:
        return self.desk.market.time.now()
