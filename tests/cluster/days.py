"""Days of a desk of many accounts and its witnesses: calm hours, and every now and then one trouble of all there are.

python -m tests.cluster.days 20              so many whole days, each from its seed; a violation ends one with its story
python -m tests.cluster.days 20 1200 7       so many seconds each of nothing but troubles, from the seed 7 on

In calm hours both daemons' loops, the beats' readers and the laws look more rarely, as `tests/swarm/plays/days` has it;
from some time before each trouble until all has healed all goes as fast as ever.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import trio
from trio.testing import MockClock

import deadman.checkins.rounds
import deadman.cluster.desk
import deadman.cluster.lookout
import deadman.daemon.ticker
import deadman.model.witness
import tests.swarm.plays.days
from deadman.model import facts
from deadman.model.facts import Fact
from deadman.model.guard import Phase
from deadman.model.settings import Account, Selection, WatchConfig
from deadman.model.sight import CONTINUOUS
from tests.cluster.laws import Laws
from tests.cluster.scene import Scene, settle
from tests.cluster.simulated import lay_out_pair
from tests.cluster.troubles import LINES, OFTEN, TROUBLES
from tests.swarm.laws.record import Record, listening
from tests.swarm.plays.days import ASKING, DAY, SLOW, rarely, slowly
from tests.swarm.plays.days import ORDINARY as ORDINARY_OF_ONE
from tests.swarm.plays.stage import deterministic
from tests.swarm.world.accounts import deribit_account

ACCOUNTS = 14
CALM = (2400.0, 4800.0)
"""Seconds between two troubles."""

CALM_PACE = (
    *SLOW,
    (deadman.daemon.ticker, "TICK", 15.0),
    (deadman.checkins.rounds, "LOOK_INTERVAL", 15.0),
    (deadman.checkins.rounds, "NOTICE", 30.0),
    (deadman.checkins.rounds, "ABSENCE", 30.0),
    (deadman.cluster.desk, "RETRY", 15.0),
)
"""The daemons' loops in calm hours: each wait is over before `AWAKE` is."""

STEADY = (
    (deadman.daemon.ticker, "TICK", 0.5),
    (deadman.checkins.rounds, "LOOK_INTERVAL", 0.5),
    (deadman.checkins.rounds, "NOTICE", 1.0),
    (deadman.checkins.rounds, "ABSENCE", 2.0),
    (deadman.daemon.ticker, "PRESENCE_INTERVAL", 10.0),
)
"""The pace of whole days also where all is not calm: no bound between two hosts depends on what these loops do."""

AWAKE = 20.0
"""Seconds for which all look often before a trouble begins: longer than any calm wait."""

HEALED = 240.0
"""Seconds after the last trouble in which all stand as they are to: a venue's no to a key is asked about slowly."""

HOST_TIMEOUTS = (10.0, 15.0, 60.0, 60.0, 120.0, 120.0)
"""What is counted by them is the same; the longer ones make calm hours cheap, and short worlds have the shorter."""

MOST = 4
"""Orders of an account that rest at a time."""

SELECTIONS = (
    Selection(),
    Selection(),
    Selection(currency="BTC"),
    Selection(label="quotes"),
    Selection(label="quotes", type="limit"),
)


ORDINARY = (*ORDINARY_OF_ONE, facts.Sighted, facts.Witnessed)
"""What is not worth telling."""


@dataclass
class Day:
    """`violations` of its record end it."""

    seed: int
    seconds: float = DAY
    number: int = ACCOUNTS
    calm: tuple[float, float] = CALM
    record: Record = field(default_factory=Record)
    leisure: float = 1.0

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.host_timeout = self.chance.choice(HOST_TIMEOUTS if self.seconds >= DAY else HOST_TIMEOUTS[:2])
        self.witnesses = ("bravo", "charlie") if self.seed % 4 == 0 else ("bravo",)
        timeout = self.chance.choice([5.0, 10.0, 20.0])
        self.watches = {"quoter": WatchConfig("quoter", timeout), "hedger": WatchConfig("hedger", 30.0)}

    def _accounts(self) -> list[Account]:
        pick: Any = self.chance.choice
        hung_on = (("quoter",), ("hedger",), ("quoter", "hedger"), (), ("quoter",))
        return [
            deribit_account(
                f"desk{number}",
                watches=(watches := hung_on[number % len(hung_on)]),
                on_trip=pick(["cancel", "cancel", "none"]) if watches else "none",
                cancel=pick(SELECTIONS),
                verify_interval=pick([300.0, 600.0]),
                heartbeat_interval=300,
            )
            for number in range(self.number)
        ]

    async def run(self) -> None:
        async with lay_out_pair(
            *self._accounts(),
            seed=self.seed,
            witnesses=self.witnesses,
            watches=self.watches,
            host_timeout=self.host_timeout,
        ) as pair:
            planned = {
                f"{host.daemon['name']} {name}": account
                for host in (pair.desk, *pair.witnesses)
                for name, account in host.accounts.items()
            }
            self.pair, self.laws = pair, Laws(pair, self.record)
            self.scene = Scene(pair, self.laws, self.record, self.chance, planned)
            self.laws.begin()
            for host in (pair.desk, *pair.witnesses):
                host.observers.append(self._tell)
            with listening(self.record, lambda: ()):
                await pair.start()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._until_violated, nursery.cancel_scope)
                    nursery.start_soon(self.laws.watch)
                    nursery.start_soon(self._trade)
                    await self._live()
                    nursery.cancel_scope.cancel()
            self.record.expect(pair.misdeeds() == set(), f"a witness sent {pair.misdeeds()}")

    def _tell(self, account: str, fact: Fact) -> None:
        if not isinstance(fact, ORDINARY):
            self.record.tell(f"{account}: {fact!r}")

    async def _until_violated(self, scope: trio.CancelScope) -> None:
        while not self.record.violations:
            await trio.sleep(1.0 * self.leisure)
        scope.cancel()

    async def _trade(self) -> None:
        """Orders rest, most by REST, while the desk lives, the account is armed and its bots are up."""
        chance = Random(self.seed)
        while True:
            await trio.sleep(chance.uniform(1, 4) * self.leisure)
            pair = self.pair
            for name, account in pair.desk.accounts.items() if pair.desk.running else ():
                bots = [pair.bots[watch] for watch in account.watches]
                known = pair.desk.board.standings().get(name)
                if known is None or known.phase is not Phase.ARMED or not all(b.alive and b.beating for b in bots):
                    continue
                if len(pair.market.open_orders(account)) < MOST:
                    label = chance.choice(["quotes", "hedge"])
                    if bots and chance.random() < 0.2:
                        bots[0].place(account, label)
                    else:
                        pair.market.exchange(account).place(account.name, connection=None, label=label)

    async def _live(self) -> None:
        ends = trio.current_time() + self.seconds
        while trio.current_time() < ends:
            await self._be_calm(min(self.chance.uniform(*self.calm), self.seconds))
            await self._have_trouble()
            await self._come_to_rest()

    async def _be_calm(self, seconds: float) -> None:
        before, cancelled = self._transitions(), self.record.reached["order cancelled"]
        if seconds > ASKING + AWAKE:
            with self._at_leisure(), rarely():
                await trio.sleep(seconds - ASKING)
            with self._at_leisure():
                await trio.sleep(ASKING)
        await trio.sleep(min(seconds, AWAKE))
        self.record.expect(before == self._transitions(), "restless in a calm hour")
        gone = self.record.reached["order cancelled"] - cancelled
        self.record.expect(not gone, f"{gone} orders cancelled in a calm hour")

    def _transitions(self) -> dict[str, object]:
        hosts = (self.pair.desk, *self.pair.witnesses)
        return {f"{h.daemon['name']} {n}": s.tally.transitions for h in hosts for n, s in h.board.standings().items()}

    @contextmanager
    def _at_leisure(self) -> Iterator[None]:
        timeout: float = self.pair.desk.cluster["host_timeout"]  # type: ignore[index]
        look = timeout / 5
        pace = (
            *CALM_PACE,
            (deadman.cluster.lookout, "LOOK_INTERVAL", look),
            (deadman.model.witness, "CONTINUOUS", 2 * look + 1.0),
            (tests.swarm.plays.days, "LIFE_SIGN", ASKING - 5),
        )
        self.leisure, self.laws.step, self.laws.continuous = 30.0, AWAKE - 2, 2 * look + 1.0
        for bot in self.pair.bots.values():
            bot.every = 0.8 * self.watches[bot.watch].timeout
        with slowly(pace):
            yield
        self.leisure, self.laws.step, self.laws.continuous = 1.0, 1.0, CONTINUOUS
        for bot in self.pair.bots.values():
            bot.every = 0.25 * self.watches[bot.watch].timeout

    async def _have_trouble(self) -> None:
        name = self.chance.choice([*sorted(TROUBLES), *OFTEN])
        beside = self.chance.choice(LINES)
        self.scene.alone = beside == name or self.chance.random() < 0.6
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._suffer, name)
            if not self.scene.alone:
                await trio.sleep(self.chance.uniform(0.0, 20.0))
                nursery.start_soon(self._suffer, beside)

    async def _suffer(self, name: str) -> None:
        self.record.tell(f"begins: {name}")
        self.record.reached[name] += 1
        await TROUBLES[name](self.scene)
        self.record.tell(f"over: {name}")

    async def _come_to_rest(self) -> None:
        began, beat = trio.current_time(), self.laws.beat.timeout / 5
        await settle(self.scene)
        await trio.sleep(beat + 5.0)  # a witness hears of it that much later, and acts upon what is over by then
        while self.pair.unsettled and trio.current_time() < began + HEALED:
            await trio.sleep(1.0)
        self.record.expect(not self.pair.unsettled, f"not as before after {HEALED:.0f} s: {self.pair.unsettled}")
        self.record.figure("healed", trio.current_time() - began, HEALED)
        await trio.sleep(5.0)


def perform(seed: int, seconds: float = DAY, number: int = ACCOUNTS, calm: tuple[float, float] = CALM) -> Day:
    """Play one to its end, or as far as the first violation."""
    day = Day(seed, seconds, number, calm)
    with deterministic(seed), slowly(STEADY if seconds >= DAY else ()):
        trio.run(day.run, clock=MockClock(autojump_threshold=0))
    return day


def main(words: list[str]) -> int:
    days, seconds = int(words[0]), float(words[1]) if len(words) > 1 else DAY
    first = int(words[2]) if len(words) > 2 else 1
    calm = CALM if seconds >= DAY else (1.0, 20.0)
    played, broken, began = 0.0, 0, time.process_time()
    for seed in range(first, first + days):
        day = perform(seed, seconds, calm=calm)
        if day.record.violations:
            say(*day.record.story, *day.record.violations, f"{seed}: broken")
            broken += 1
            continue
        played += day.number * seconds / DAY
        spent, reached = time.process_time() - began, dict(sorted(day.record.reached.items()))
        say(f"{seed}: {played:.1f} account-days in all, {spent / played:.1f} CPU s each; {reached}")
    return 1 if broken else 0


def say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
