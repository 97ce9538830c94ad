"""Whom the watches may call dead."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from math import inf
from typing import Any

from deadman.daemon.state import WRITE_TIMEOUT
from deadman.model import facts
from deadman.model.facts import Cause, Fact
from deadman.model.promise import NOTICE
from tests.swarm.laws.goodbyes import Goodbyes
from tests.swarm.laws.law import Law, Scene
from tests.swarm.laws.pulse import Pulse

GRAIN = 1e-6


class LivingBot(Law):
    """Nobody is tripped for the silence of a bot that checked in within its timeout, nor for one that is on hold."""

    name = "living bot"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.holds: dict[str, float] = {}
        self.asked: dict[str, float] = {}
        self.waking: dict[str, tuple[int, float]] = {}
        self.absences: list[tuple[float, float]] = []
        self.looked_at = self.ended_at = self.woke_at = self.stopped_at = 0.0
        self.damaged = 0
        self.is_stale = False  # what is on the disk is of an earlier time than our end
        self.goodbyes = Goodbyes(scene)

    def on_end(self) -> None:
        """From when on nothing was read: who is killed just when he wakes has not read what came meanwhile."""
        self._wake()
        self.is_stale = self.desk.host.disk.full or self.desk.host.disk.seconds > WRITE_TIMEOUT
        self.ended_at = self.stopped_at if self.scene.now < self.woke_at + NOTICE else self.scene.now

    def on_start(self) -> None:
        """A damaged file makes a new beginning of it: no hold is known any more, which is told loudly."""
        self.absences.append((self.ended_at, self.scene.now))
        aside, self.damaged = self.damaged, len(self.desk.host.disk.aside)
        if self.damaged > aside:
            self.holds.clear()
        self.goodbyes.on_start()

    def look(self) -> None:
        self.goodbyes.look()
        if self.desk.running:
            self._count()
        self.looked_at = self.scene.now

    def on_ask(self, method: str, params: Mapping[str, Any]) -> None:
        """A hold begins when it is asked for, is confirmed when the disk knows of it, and ends from its release on."""
        if method == "hold":
            self.asked[params["watch"]] = self._time()
        elif method == "release":
            self.holds.pop(params["watch"], None)

    def on_command(self, method: str, params: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """A hold's end is on the venue's clock, which no sleep of ours stops."""
        if method == "hold" and result["done"]:
            self.holds[params["watch"]] = self.asked[params["watch"]] + params["for"]

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
        said = f"{account}: tripped for the silence of {fact.by}, last heard at {pulse.sent_at}"
        self.expect(silent or self._is_excused(pulse, timeout), said)
        released = watch is not None and watch.on_stopping == "release" and fact.by in self.goodbyes.known
        self.expect(not released, f"{account}: tripped for the silence of {fact.by}, which had said that it stops")

    def _is_excused(self, pulse: Pulse, timeout: float) -> bool:
        """Its last check-in found nobody at home, or was lost with our sockets before we read it, and for its timeout
        of our waking time no other was heard."""
        if pulse.found_dead or (self.is_stale and not pulse.heard):
            return self.scene.excuses.use("dead before we ended")
        unheard = self.waking.get(pulse.name, (0, 0.0))[1] >= timeout - 3 * self.scene.step
        sent_at = -inf if pulse.sent_at is None else pulse.sent_at
        absences = self.absences if self.desk.running else [*self.absences, (self.ended_at, self.scene.now)]
        away = any(ended_at - NOTICE <= sent_at <= started_at for ended_at, started_at in absences)
        return unheard and away and self.scene.excuses.use("nobody at home")

    def _count(self) -> None:
        """Seconds of our waking time since each bot was heard; what came just now may be lost before it is read.

        So may all that came while we were stopped.
        """
        self._wake()
        passed, self.looked_at = min(self.scene.now - self.looked_at, 2 * self.scene.step), self.scene.now
        for pulse in self.scene.pulses.values():
            heard, waking = self.waking.get(pulse.name, (0, 0.0))
            read = bisect_right(pulse.heard, self.scene.now - NOTICE)
            read = heard if self.scene.now < self.woke_at + NOTICE else read
            is_heard = bool(read) and read != heard
            self.waking[pulse.name] = read, NOTICE if is_heard else waking + passed

    def _wake(self) -> None:
        if self.scene.now > self.looked_at + 2 * self.scene.step:
            self.stopped_at, self.woke_at = self.looked_at, self.scene.now

    def _time(self) -> float:
        return self.desk.market.time.now()
