"""Where troubles are played: a pair of hosts, the laws it is under, and the way back to how all was."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import trio

from deadman.model.facts import Cause
from deadman.model.guard import Guard
from deadman.model.settings import Account
from tests.cluster.laws import Laws
from tests.cluster.simulated import DESK, SimulatedPair
from tests.swarm.laws.record import Record
from tests.swarm.world.bot import Bot
from tests.swarm.world.desk import Desk
from tests.swarm.world.life import Refused


@dataclass
class Scene:
    """`planned`: the accounts as they were laid out, by host and name. `alone`: no trouble comes on top of another."""

    pair: SimulatedPair
    laws: Laws
    record: Record
    chance: Random
    planned: Mapping[str, Account]
    alone: bool = True

    async def last(self) -> None:
        await trio.sleep(self.chance.choice([1, 2, 5, 10, 20, 40]) * self.chance.uniform(0.5, 1.5))

    @property
    def witness(self) -> Desk:
        return self.chance.choice(self.pair.witnesses)

    @property
    def account(self) -> Account:
        return self.pair.desk.accounts[self.chance.choice(sorted(self.pair.desk.accounts))]

    def some(self, host: Desk) -> list[str]:
        return self.chance.sample(sorted(host.accounts), self.chance.randint(1, len(host.accounts)))

    async def say(self, host: Desk, method: str, *accounts: str, **params: Any) -> None:
        try:
            await host.command(method, *accounts, **params)
        except Refused as error:
            self.record.tell(f"{method}: {error}")

    def bots_of(self, name: str) -> list[Bot]:
        return [self.pair.bots[watch] for watch in self.pair.desk.accounts[name].watches]


Trouble = Callable[[Scene], Awaitable[None]]


async def settle(scene: Scene) -> None:
    """Everything runs, as it was planned; and what an operator has done he takes back."""
    pair, desk = scene.pair, scene.pair.desk
    for name, bot in pair.bots.items():
        if not (bot.alive and bot.beating):
            bot.die()
            pair.bots[name] = desk.bot(name, bot.every)
    for host in (desk, *pair.witnesses):
        await _put_back(scene, host)
    for witness in pair.witnesses:
        await scene.say(witness, "release", watch=DESK)
    await _take_back(scene)


async def _put_back(scene: Scene, host: Desk) -> None:
    planned = {name: scene.planned[f"{host.daemon['name']} {name}"] for name in host.roster}
    planned = {
        name: replace(one, client_id=host.accounts[name].client_id) if name in host.accounts else one  # type: ignore[attr-defined,call-arg]
        for name, one in planned.items()
    }
    if planned != host.accounts:
        if host is scene.pair.desk:
            scene.laws.edited(planned)
        scene.record.expect(await host.reload(*planned.values()), "the planned config was not taken")


async def _take_back(scene: Scene) -> None:
    """A trip that nobody's hand began ends by itself."""
    for host in (scene.pair.desk, *scene.pair.witnesses):
        while names := [name for name, guard in host.board.guards().items() if _was_by_hand(guard)]:
            await scene.say(host, "arm", *names)
            await trio.sleep(1.0)
    scene.laws.operated.clear()


def _was_by_hand(guard: Guard) -> bool:
    return guard.disarm is not None or (guard.trip is not None and guard.trip.cause is Cause.OPERATOR)
