"""One simulated world: a desk, bots, an operator, bad weather, and auditors of all of it, from one seed."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random

import trio
from trio.testing import MockClock

from deadman.guard import Phase
from tests.desk import Desk, lay_out
from tests.simulation_claims import Claims
from tests.simulation_crew import Operator, Trader
from tests.simulation_deaths import Deaths
from tests.simulation_deeds import Deeds
from tests.simulation_fates import Fates
from tests.simulation_machine import Machine
from tests.simulation_market import HOSTS, host_of
from tests.simulation_plan import Plan
from tests.simulation_pulse import Pulse
from tests.simulation_rates import Dials, Rates, Requests, audited
from tests.simulation_record import LogAudit, Record, Troubles
from tests.simulation_scrapes import Scrapes
from tests.simulation_weather import DERIBIT, NETWORK, SXBET

HEALING = 60.0
"""Seconds after the last trouble within which everything must stand again: the longest pause, and a rearming."""

CLOSED_DOOR = 60.0
"""Seconds more where the venue itself had shut its door on us, for a minute after too many bad logins."""

QUIET = 25.0
"""Seconds at the end in which nothing at all may happen."""


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
        self.plan = Plan(self.seed, Random(self.chance.getrandbits(64)))
        self.pulses = {watch.name: Pulse(watch.name, watch.timeout) for watch in self.plan.watches}
        self.rates = Rates(self.record)

    async def run(self) -> None:
        plan = self.plan
        async with lay_out(*plan.accounts, watches=plan.watches, seed=self.seed, sxbet=plan.settings) as desk:
            with self._logs(desk):
                self._audit(desk)
                plan.set_up(desk.market)
                await desk.start()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._until_violated, nursery.cancel_scope)
                    await self._live(desk, nursery)
                    nursery.cancel_scope.cancel()

    async def _until_violated(self, scope: trio.CancelScope) -> None:
        while not self.record.violations:
            await trio.sleep(1.0)
        scope.cancel()

    async def _live(self, desk: Desk, nursery: trio.Nursery) -> None:
        nursery.start_soon(Deaths(desk, self.pulses, self.deeds, self.troubles, self.record).watch)
        nursery.start_soon(Claims(desk, self.troubles, self.record, [self.deeds.look]).watch)
        nursery.start_soon(Fates(desk, self.pulses, self.troubles, self.record, partial(secrets, desk)).watch)
        nursery.start_soon(Scrapes(desk, partial(secrets, desk), self.record).watch)
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
        await self._heal(desk, operator)

    def _troubles(self, desk: Desk) -> dict[str, Callable[[], Awaitable[None]]]:
        machine = Machine(desk, self.pulses, Random(self.chance.random()), self.clock, self.record).troubles()
        weather = {**DERIBIT, **SXBET, **NETWORK}
        chance = Random(self.chance.random())

        async def fault(name: str) -> None:
            heal = weather[name](desk, chance)
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

    async def _heal(self, desk: Desk, operator: Operator) -> None:
        """Liveness: after the last trouble all that is wanted is armed and proven again, and then stays so."""
        await operator.settle()
        began = trio.current_time()
        while (left := standing_open(desk)) and not self._too_long(desk, began):
            await trio.sleep(0.5)
        self.record.expect(not left, f"not armed {trio.current_time() - began:.0f} s after the last trouble: {left}")
        self.record.reached["healed"] += 1
        before = {name: one.tally.transitions for name, one in desk.board.standings().items()}
        await trio.sleep(QUIET)
        for name, one in desk.board.standings().items():
            self.record.expect(before[name] == one.tally.transitions, f"{name}: restless in the quiet: {one.phase}")

    def _too_long(self, desk: Desk, began: float) -> bool:
        shut = any("12003" in one.tally.errors for one in desk.board.standings().values())
        return trio.current_time() > began + HEALING + (CLOSED_DOOR if shut else 0.0)

    def _audit(self, desk: Desk) -> None:
        self.deeds = deeds = Deeds(desk, self.pulses, self.record)
        desk.observers += [self.record.note, deeds.on_fact]
        desk.listeners.append(lambda watch, at, words, heard: self.pulses[watch].hear(at, words, heard))
        for venue in (desk.market.deribit, desk.market.coinbase, desk.market.sxbet):
            venue.exchange.observers.append(deeds.on_order)
            venue.received = Requests(deeds.on_request, self.rates.on_request)
            venue.credits = audited(venue.credits, self.record)
        at = {host: sum(host_of(one) == host for one in desk.roster.values()) for host in HOSTS}
        desk.network.dials = Dials(self.rates, at)

    @contextmanager
    def _logs(self, desk: Desk) -> Iterator[None]:
        audit, logger = LogAudit(self.record, partial(secrets, desk)), logging.getLogger("deadman")
        level, propagate = logger.level, logger.propagate
        logger.addHandler(audit)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(audit)
            logger.setLevel(level)
            logger.propagate = propagate


def standing_open(desk: Desk) -> dict[str, str]:
    """The accounts that are not armed, or not in truth, and why; of those only looked at nobody takes care."""
    armed = {name for name, one in desk.accounts.items() if desk.market.would_cancel(one)}
    cared = {name for name, one in desk.accounts.items() if not one.observe}
    standings = desk.board.standings().items()
    return {
        name: f"{one.phase} {one.guard.trouble}"
        for name, one in standings
        if name in cared and (one.phase is not Phase.ARMED or name not in armed)
    }


def secrets(desk: Desk) -> Iterator[str]:
    """Keys and every token that means something now."""
    yield from (secret.reveal() for secret in desk.market.secrets.values())
    for venue in (desk.market.deribit, desk.market.coinbase):
        for session in venue.vault.sessions:
            yield from (session.access_token, session.refresh_token)
