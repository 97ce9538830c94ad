"""Whole days of a desk of many accounts: calm hours, and one trouble of all that there are every hour or two.

While all is calm the daemon's loops and the laws look every few seconds instead of ten times a second, and the venues
are asked for signs of life and for orders less often, or a day would take hours: from some time before each trouble
until all has healed, and from anything unexpected on, all goes as fast as ever. The accounts' own intervals are long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from math import inf
from random import Random
from typing import Any
from unittest.mock import patch

import trio

import deadman.checkins.rounds
import deadman.control.commands
import deadman.daemon.systemd
import deadman.daemon.ticker
import deadman.venues.deribit.session
import deadman.venues.sxbet.session
from deadman.model import facts
from deadman.model.facts import Fact, Identified
from deadman.model.promise import promise
from deadman.model.settings import Account, Timers, WatchConfig
from deadman.venues.deribit.settings import COINBASE_PROBE
from tests.swarm.laws.liveness import check_healing
from tests.swarm.laws.record import ROUTINE
from tests.swarm.plays.plan import MACHINE, SELECTIONS, WATCHED, Plan
from tests.swarm.plays.stage import deterministic
from tests.swarm.plays.world import World
from tests.swarm.troubles.operator import Operator
from tests.swarm.troubles.weather import WEATHER
from tests.swarm.world.accounts import coinbase_account, deribit_account, sxbet_account
from tests.swarm.world.crew import Trader
from tests.swarm.world.desk import Desk
from tests.swarm.world.market import Market

DAY = 86400.0
ACCOUNTS = 23
WHOLE = 44
"""Days that are played when everything is: a thousand account-days."""

AWAKE = 10.0
"""Seconds for which all look often before a trouble begins."""

ASKING = 245.0
"""Seconds for which the venues are asked as often as ever before a trouble begins: no calm wait is as long."""

STIRRED = 15.0
"""Seconds for which all look often after anything unexpected."""

SLOW = (
    (deadman.daemon.ticker, "TICK", 8.0),
    (deadman.checkins.rounds, "LOOK_INTERVAL", 8.0),
    (deadman.checkins.rounds, "NOTICE", 16.0),
    (deadman.checkins.rounds, "ABSENCE", 16.0),
    (deadman.daemon.ticker, "PRESENCE_INTERVAL", 60.0),
    (deadman.daemon.systemd, "STATUS_INTERVAL", 60.0),
    (deadman.control.commands, "DISARM_POLL_INTERVAL", 60.0),
)
"""How slowly the daemon's loops go in calm hours, in seconds, and after how many it takes itself to have been away."""

RARE = (
    (deadman.venues.deribit.session, "COUNT_INTERVAL", 240.0),
    (deadman.venues.sxbet.session, "COUNT_INTERVAL", 240.0),
)
"""How rarely orders are counted then."""

LIFE_SIGN, COINBASE_LIFE_SIGN = 60.0, 24.0
"""How rarely signs of life are asked for; Coinbase's gateway hangs up after half a minute without one."""

SETTLED = 90.0
"""Seconds without anything unexpected after which the venues are asked less, while the last trouble may still show."""

LEISURE = 10.0
"""How many times longer bots let their orders rest before they look at them."""

CALM_STEP, CALM_READING = 30.0, 1800.0
WIDE_STEP, READING = 0.25, 2.0
"""Seconds between two looks, and two readings of what is told, while all is not calm: a report on so many is long."""
ORDINARY = (*ROUTINE, facts.Proven, facts.Attempted, facts.LeaseGranted, facts.TokenGranted, Identified)
"""What a calm hour consists of; any other news ends it."""

MAKES = ("deribit", "v3", "v2", "deribit", "v3", "coinbase", "v2")


@dataclass
class DayPlan(Plan):
    """Every trouble there is, and accounts of each venue, their methods drawn."""

    number: int = ACCOUNTS

    def __post_init__(self) -> None:
        super().__post_init__()
        pick: Any = self.chance.choice
        self.watches = [WatchConfig("quoter", pick([10.0, 20.0, 30.0]), "trip"), WatchConfig("hedger", 60.0, "trip")]
        self.weather, self.machine = sorted(WEATHER), list(MACHINE)

    def set_up(self, market: Market) -> None:
        """As in every world, but tokens live as long as they do: a day of renewals every few seconds is too dear."""
        super().set_up(market)
        for venue in (market.deribit, market.coinbase):
            venue.vault.settings = venue.settings

    def _accounts(self) -> list[Account]:
        return [self._account(MAKES[number % len(MAKES)], number) for number in range(self.number)]

    def _account(self, make: str, number: int) -> Account:
        name, watches = f"{make}{number}", self.chance.choice(WATCHED[1:])
        pick: Any = self.chance.choice
        if make in ("v2", "v3"):
            on_trip = pick(["cancel", "expire", "lapse"] if make == "v3" else ["expire", "lapse"])
            lease = pick([300, 600] if on_trip == "lapse" else [600, 1200, 1800])
            return sxbet_account(
                name,
                make,
                timeout_seconds=lease,
                renew_interval=lease / 3,
                watches=watches,
                on_trip=on_trip,
            )
        new = coinbase_account if make == "coinbase" else deribit_account
        return new(
            name,
            verify_interval=pick([120.0, 300.0, 600.0]),
            heartbeat_interval=300,
            watches=watches,
            on_trip="cancel",
            cancel=pick(SELECTIONS) if watches == ("quoter",) and make == "deribit" else SELECTIONS[0],
        )


@contextmanager
def slowly(pace: Iterable[tuple[Any, str, float]] = SLOW) -> Iterator[None]:
    """The daemon's loops, or what `pace` names, at their calm pace."""
    with ExitStack() as stack:
        for room, name, seconds in pace:
            stack.enter_context(patch.object(room, name, seconds))
        yield


@contextmanager
def rarely() -> Iterator[None]:
    """The venues are asked at their calm pace; a wait that has begun by then ends before it is over by `ASKING`."""
    kept: Any = Timers.__dict__["probe_interval"]

    def rarer(timers: Timers) -> float:
        usual: float = kept.__get__(timers)
        return max(usual, COINBASE_LIFE_SIGN if usual == COINBASE_PROBE else LIFE_SIGN)

    with slowly(RARE), patch.object(Timers, "probe_interval", property(rarer, kept.__set__)):
        yield


@dataclass
class Day(World):
    """`storm`: its length in seconds. `number`: of accounts. `disturbed` by whatever is not ordinary."""

    number: int = ACCOUNTS
    disturbed: trio.Event = field(default_factory=trio.Event)
    traders: list[Trader] = field(default_factory=list)

    def _plan(self) -> Plan:
        return DayPlan(self.seed, Random(self.chance.getrandbits(64)), self.number)

    def _audit(self, desk: Desk) -> None:
        super()._audit(desk)
        self.scene.step, self.scene.reading = WIDE_STEP, READING
        desk.observers.append(self._hear)

    async def _live(self, desk: Desk, nursery: trio.Nursery) -> None:
        nursery.start_soon(self.audit.watch)
        self.traders = [
            Trader(desk, pulse, Random(self.chance.random()), self.record) for pulse in self.pulses.values()
        ]
        for trader in self.traders:
            nursery.start_soon(trader.run)
        operator = Operator(desk, self.pulses, Random(self.chance.random()), self.record, self.troubles)
        await self._come_to_rest(desk, operator)
        ends = trio.current_time() + self.storm
        while trio.current_time() < ends:
            await self._be_calm(desk, min(self.chance.uniform(3600.0, 7200.0), self.storm))
            await self._have_trouble(desk, operator)
            await self._come_to_rest(desk, operator)
        await self._die(desk)

    async def _be_calm(self, desk: Desk, seconds: float) -> None:
        before = {name: one.tally.transitions for name, one in desk.board.standings().items()}
        with rarely(), self._at_leisure():
            stirred = await self._look_seldom(max(0.0, seconds - ASKING))
        if not stirred:
            await self._look_seldom(min(seconds, ASKING) - AWAKE)
        await trio.sleep(AWAKE)
        for name, one in desk.board.standings().items():
            self.record.expect(before[name] == one.tally.transitions, f"{name}: restless in a calm hour: {one.phase}")

    @contextmanager
    def _at_leisure(self) -> Iterator[None]:
        """Bots whose orders rest look at them less often."""
        for trader in self.traders:
            trader.leisure = LEISURE
        yield
        for trader in self.traders:
            trader.leisure = 1.0

    async def _look_seldom(self, seconds: float) -> bool:
        """For so long, or until anything unexpected happens; whether it did."""
        scene, self.disturbed = self.scene, trio.Event()
        scene.step, scene.reading = CALM_STEP, CALM_READING
        try:
            with slowly(), trio.move_on_after(seconds):
                await self.disturbed.wait()
        finally:
            scene.step, scene.reading = WIDE_STEP, READING
        return self.disturbed.is_set()

    async def _outwait(self, seconds: float, first: float = 0.0) -> None:
        """What is noticed as late as this; `first`, nothing is let go."""
        await trio.sleep(first)
        ends = trio.current_time() + seconds
        while (left := ends - trio.current_time()) > 0:
            stirred = await self._look_seldom(min(left, SETTLED))
            if not stirred and left > SETTLED:
                with rarely():
                    stirred = await self._look_seldom(left - SETTLED)
            if stirred:
                await trio.sleep(min(left, STIRRED))

    def _hear(self, account: str, fact: Fact) -> None:
        if not isinstance(fact, ORDINARY):
            self.disturbed.set()
            self.scene.step = WIDE_STEP
            self.scene.stirred.set()

    async def _have_trouble(self, desk: Desk, operator: Operator) -> None:
        troubles = self._troubles(desk)
        name = self.chance.choice([*sorted(troubles), "operator", "bot"])
        self.record.tell(f"begins: {name}")
        match name:
            case "operator":
                with trio.move_on_after(60.0):
                    await operator.run()
            case "bot":
                await self._end_bot(self.chance.choice(self.traders))
            case _:
                self.troubles.begin(name)
                await troubles[name]()
                self.troubles.end(name)
        self.record.tell(f"over: {name}")

    async def _end_bot(self, trader: Trader) -> None:
        """One of the ends of a bot comes, and another bot after it."""
        self.troubles.met["bot"] += 1
        trader.settled = trader.steady = False
        await trio.sleep(10.0)

    async def _come_to_rest(self, desk: Desk, operator: Operator) -> None:
        for trader in self.traders:
            trader.settled = True
        while not all(trader.steady for trader in self.traders):
            await trio.sleep(0.5)
        await operator.settle()
        await self._put_back(desk)
        # A connection left half dead, a switch turned off: noticed as late as this, though all are armed until then.
        accounts = desk.accounts.values()
        waits = (max(promise(one, desk.watches).detect, one.timers.overdue_after) for one in accounts)
        await self._outwait(max(waits))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._outwait, inf)
            await check_healing(desk, self.record)
            nursery.cancel_scope.cancel()

    async def _die(self, desk: Desk) -> None:
        """What only a lease's end cancels is waited for at the calm pace."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._outwait, inf, max(watch.timeout for watch in desk.watches.values()) + STIRRED)
            await super()._die(desk)
            nursery.cancel_scope.cancel()

    async def _put_back(self, desk: Desk) -> None:
        """What an edit has changed of the intervals: a day of renewals every five seconds is too dear."""
        while not desk.running:
            await trio.sleep(0.1)
        planned = {one.name: one for one in self.plan.accounts}
        before = {name: one for name, one in desk.accounts.items() if name in planned}
        after = {name: with_intervals_of(planned[name], one) for name, one in before.items()}
        if after != before:
            await desk.reload(*{**desk.accounts, **after}.values())


def with_intervals_of(planned: Account, account: Account) -> Account:
    names = ("timeout_seconds", "renew_interval", "verify_interval", "heartbeat_interval")
    changes: Any = {name: getattr(planned, name) for name in names if hasattr(planned, name)}
    return replace(account, **changes)


def perform(seed: int, seconds: float = DAY, number: int = ACCOUNTS) -> Day:
    """Play one day to its end, or as far as the first violation."""
    day = Day(seed, seconds, number=number)
    with deterministic(seed):
        trio.run(day.run, clock=day.clock)
    return day
