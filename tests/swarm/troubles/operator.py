"""The operator of a world, who types commands at random."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import trio

from tests.swarm.laws.pulse import Pulse
from tests.swarm.laws.record import Record, Troubles
from tests.swarm.world.desk import Desk
from tests.swarm.world.life import Refused

STUCK = 70.0
"""Seconds after which an operator takes a trip into his own hands: `lapse` never ends what is placed after it."""


@dataclass
class Operator:
    """Types commands at random."""

    desk: Desk
    pulses: dict[str, Pulse]
    chance: Random
    record: Record
    troubles: Troubles

    async def run(self) -> None:
        words: list[Callable[[], Awaitable[None]]] = [self._disarm, self._arm, self._trip, self._hold, self._release]
        while True:
            await trio.sleep(self.chance.uniform(5.0, 60.0))
            if self.desk.running:
                await self.chance.choice(words)()

    async def settle(self) -> None:
        """Everything back to where it is wanted; what cannot end by itself is ended by the strongest means."""
        for name in self.pulses:
            await self._say("release", watch=name)
        began = trio.current_time()
        while (stuck := self._stuck()) and trio.current_time() < began + 2 * STUCK:
            if trio.current_time() > began + STUCK:
                await self._say("trip", *stuck)
            await self._say("arm", *self.desk.accounts)
            await trio.sleep(1.0)

    def _stuck(self) -> list[str]:
        standings = self.desk.board.standings().items()
        return [name for name, one in standings if one.guard.disarm or one.guard.trip]

    def _some(self) -> list[str]:
        return self.chance.sample(sorted(self.desk.accounts), self.chance.randint(1, len(self.desk.accounts)))

    async def _disarm(self) -> None:
        ends = {"for": self.chance.uniform(1.0, 30.0)} if self.chance.random() < 0.7 else {}
        await self._say("disarm", *self._some(), **ends)

    async def _arm(self) -> None:
        await self._say("arm", *self.desk.accounts)

    async def _trip(self) -> None:
        await self._say("trip", *self._some())

    async def _hold(self) -> None:
        name, seconds = self.chance.choice(sorted(self.pulses)), self.chance.uniform(1.0, 30.0)
        self.pulses[name].held_until = trio.current_time() + seconds
        await self._say("hold", watch=name, **{"for": seconds})

    async def _release(self) -> None:
        name = self.chance.choice(sorted(self.pulses))
        self.pulses[name].held_until = trio.current_time()
        await self._say("release", watch=name)

    async def _say(self, method: str, *accounts: str, **params: object) -> None:
        self.record.reached[f"operator {method}"] += 1
        self.troubles.begin(f"operator {method}")
        with suppress(Refused):  # it was killed before it answered
            await self.desk.command(method, *accounts, **params)
        self.troubles.end(f"operator {method}")
