"""One simulated world: a desk, bots, an operator, bad weather, and auditors of all of it, from one seed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random

import trio
from trio.testing import MockClock

from tests.swarm.laws import LAWS
from tests.swarm.laws.deaths import Deaths
from tests.swarm.laws.deeds import Deeds
from tests.swarm.laws.fates import Fates
from tests.swarm.laws.law import Audit, Scene
from tests.swarm.laws.liveness import check_healing
from tests.swarm.laws.printed import Printed
from tests.swarm.laws.pulse import Pulse
from tests.swarm.laws.rates import Dials, Rates, audited
from tests.swarm.laws.record import Record, Troubles, listening
from tests.swarm.laws.scrapes import Scrapes
from tests.swarm.plays.plan import Plan
from tests.swarm.troubles.crashes import Crashes, lose_host
from tests.swarm.troubles.machine import Machine
from tests.swarm.troubles.operator import Operator
from tests.swarm.troubles.weather import WEATHER
from tests.swarm.world.accounts import HOSTS, host_of
from tests.swarm.world.bot import Bot
from tests.swarm.world.crew import Trader
from tests.swarm.world.desk import Desk, lay_out
from tests.swarm.world.secrets import secrets


@dataclass
class World:
    """`storm`: seconds in which things go wrong. `clock` is the run's own."""

    seed: int
    storm: float
    clock: MockClock = field(default_factory=lambda: MockClock(autojump_threshold=0))
    record: Record = field(default_factory=Record)
    troubles: Troubles = field(default_factory=Troubles)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.plan = self._plan()
        self.pulses = {watch.name: Pulse(watch.name, watch.timeout) for watch in self.plan.watches}
        self.rates = Rates(self.record)

    def _plan(self) -> Plan:
        return Plan(self.seed, Random(self.chance.getrandbits(64)))

    async def run(self) -> None:
        plan = self.plan
        async with lay_out(*plan.accounts, watches=plan.watches, seed=self.seed, sxbet=plan.settings) as desk:
            with listening(self.record, partial(secrets, desk)):
                self._audit(desk)
                plan.set_up(desk.market)
                desk.host.disk.seconds, desk.host.disk.reading = 0.02, 0.005
                await desk.start()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._until_violated, nursery.cancel_scope)
                    await self._live(desk, nursery)
                    nursery.cancel_scope.cancel()
                self.scene.excuses.hours = trio.current_time() / 3600

    async def _until_violated(self, scope: trio.CancelScope) -> None:
        while not self.record.violations:
            await trio.sleep(1.0)
        scope.cancel()

    async def _live(self, desk: Desk, nursery: trio.Nursery) -> None:
        nursery.start_soon(self.audit.watch)
        traders = [Trader(desk, pulse, Random(self.chance.random()), self.record) for pulse in self.pulses.values()]
        for trader in traders:
            nursery.start_soon(trader.run)
        operator = Operator(desk, self.pulses, Random(self.chance.random()), self.record, self.troubles)
        async with trio.open_nursery() as storm:
            storm.start_soon(self._operate, operator)
            for name, trouble in self._troubles(desk).items():
                storm.start_soon(self._strike, name, trouble)
        self.record.tell("the storm is over")
        for trader in traders:
            trader.settled = True
        while not all(trader.steady for trader in traders):
            await trio.sleep(0.5)
        await operator.settle()
        await check_healing(desk, self.record)
        await self._die(desk)

    async def _die(self, desk: Desk) -> None:
        """The end of every world: all bots fall silent, or the whole host is lost."""
        printed = self.audit.law(Printed.name)
        assert isinstance(printed, Printed)
        for account in desk.accounts.values():
            if self.seed % 2 == 0:
                printed.host_dies(account)
            elif account.watches:
                printed.bot_dies(account, trio.current_time())
                self.record.reached[f"a death under {account.on_trip}"] += 1
        if self.seed % 2:
            hang(desk.bots)
        else:
            lose_host(desk)
        while printed.deaths and not self.record.violations:
            await trio.sleep(0.5)

    def _troubles(self, desk: Desk) -> dict[str, Callable[[], Awaitable[None]]]:
        luck = Random(self.chance.random())
        crashes = Crashes(desk, self.pulses, luck, self.record)
        machine = Machine(desk, self.pulses, luck, self.clock, self.record, crashes).troubles()
        chance = Random(self.chance.random())

        async def fault(name: str) -> None:
            heal = WEATHER[name](desk, chance)
            await trio.sleep(chance.choice([0.5, 4.0, 12.0, 40.0]) * chance.uniform(0.5, 1.0))
            heal()

        struck = {name: partial(fault, name) for name in self.plan.weather}
        return {**struck, **{name: machine[name] for name in self.plan.machine}}

    async def _strike(self, name: str, trouble: Callable[[], Awaitable[None]]) -> None:
        chance, ends = Random(f"{self.seed} {name}"), trio.current_time() + self.storm
        while trio.current_time() < ends:
            await trio.sleep(chance.expovariate(1 / 25.0))
            self.record.tell(f"begins: {name}")
            self.troubles.begin(name)
            await trouble()
            self.troubles.end(name)
            self.record.tell(f"over: {name}")

    async def _operate(self, operator: Operator) -> None:
        with trio.move_on_after(self.storm):
            await operator.run()

    def _audit(self, desk: Desk) -> None:
        self.scene = Scene(desk, self.record, self.troubles, self.pulses)
        self.audit = Audit.of(self.scene, (*LAWS, Deeds, Deaths, Fates, Scrapes))
        desk.observers.append(self.record.note)
        desk.market.readers.append(self.rates.on_request)
        desk.listeners.append(lambda watch, at, words, heard: self.pulses[watch].hear(at, words, heard))
        for venue in (desk.market.deribit, desk.market.coinbase, desk.market.sxbet):
            venue.credits = audited(venue.credits, self.record)
        at = {host: sum(host_of(one) == host for one in desk.roster.values()) for host in HOSTS}
        desk.network.dials = Dials(self.rates, at)
        desk.starts.append(self.rates.windows.clear)  # whoever is started anew dials at once, as often as that happens


def hang(bots: list[Bot]) -> None:
    """They say nothing any more, and their sockets live on."""
    for bot in bots:
        bot.hang()
