"""Days of a pair of hosts: every fault there is, in any order, under laws that the venue's book and the register judge.

python -m tests.cluster.days 100 1200        so many seeds, so many seconds each; violations end it with their seed
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import trio
from trio.testing import MockClock

from deadman.cluster.beats import decode_desk
from deadman.model import facts
from deadman.model.facts import Cause, Fact
from deadman.model.guard import Phase
from deadman.model.promise import NOTICE
from deadman.model.settings import REPLY_TIMEOUT
from deadman.model.sight import CONTINUOUS, DeskBeat, noticed_within
from tests.cluster.simulated import OPTIONS, TIMEOUT, WITNESS, SimulatedPair, open_pair
from tests.support.registers import LONGEST
from tests.swarm.world.accounts import DERIBIT_HOST

BOUND = noticed_within(TIMEOUT) + NOTICE + REPLY_TIMEOUT
DESK_KEY, WITNESS_KEY = "deadman/desks/alpha/beat", "deadman/witnesses/alpha/bravo"


@dataclass
class Day:
    """`reached` counts what happened, so that a day without deaths is not taken for a good one."""

    pair: SimulatedPair
    chance: Random
    reached: Counter[str] = field(default_factory=Counter)
    moved_at: float = 0.0
    looked_at: list[float] = field(default_factory=list)
    stood_by_at: float = 0.0
    dead_since: float | None = None
    fit_since: float | None = None

    def hear(self, account: str, fact: Fact) -> None:
        """At the witness: it trips for a host after silence that it saw, and for a bot at its desk's word alone."""
        if not isinstance(fact, facts.Tripped) or self.pair.witness.life.restoring:
            return
        beat, now = self.beat(), trio.current_time()
        assert not beat.stopped, "tripped though the desk's daemon was stopped"
        self.reached[f"tripped by {fact.cause}"] += 1
        if fact.cause is Cause.SILENCE:
            assert any(bot.state == "dead" for bot in beat.bots.values()), "no bot was said to be dead"
            return
        assert now - self.moved_at >= TIMEOUT - LONGEST, f"heard {now - self.moved_at:.1f} s ago, and called dead"
        looks = [at for at in self.looked_at if at >= self.moved_at - LONGEST]
        gaps = (other - one for one, other in pairwise(looks))
        seen = sum(gap for gap in gaps if gap <= CONTINUOUS + 0.1)
        assert seen >= TIMEOUT - LONGEST - 1, f"blind but for {seen:.1f} s of its silence"

    def beat(self) -> DeskBeat:
        return decode_desk(self.pair.register.entries[DESK_KEY].value)

    async def watch(self) -> None:
        """Looks at the register and at both daemons twice a second."""
        revisions = {DESK_KEY: 0, WITNESS_KEY: 0}
        while True:
            now = trio.current_time()
            for key in revisions:
                entry = self.pair.register.entries.get(key)
                if entry is not None and entry.revision != revisions[key]:
                    revisions[key] = entry.revision
                    self.moved_at = now if key == DESK_KEY else self.moved_at
                    self.looked_at += [now] if key == WITNESS_KEY else []
            self._judge_claim(now)
            self._judge_death(now)
            await trio.sleep(0.1)

    def _judge_claim(self, now: float) -> None:
        """What the desk says of its witness was so at most one timeout ago."""
        if self.pair.witness.running and self.pair.witness.phase(WITNESS.name) is Phase.ARMED:
            self.stood_by_at = now
        if self.pair.desk.running and any(one.can_cancel for one in self.pair.told(self.pair.desk).witnesses):
            self.reached["desk was covered"] += 1
            assert now - self.stood_by_at <= TIMEOUT + LONGEST, "the desk believes in a witness that cannot help"

    def _judge_death(self, now: float) -> None:
        """While the witness sees and can act, a dead host's orders are gone within two timeouts and the bound."""
        fit = self.dead_since is not None and self.is_well and self.pair.witness.running
        self.fit_since = (self.fit_since or now) if fit else None
        if self.fit_since is not None and now - self.fit_since > 2 * TIMEOUT + BOUND:
            assert not self.pair.open, f"a dead host's orders rest on: {self.pair.told(self.pair.witness)}"

    @property
    def is_well(self) -> bool:
        register, line = self.pair.register, self.pair.witness_line
        return not (register.down or register.full or register.seconds > 0.5 or line.cut or line.deaf)

    async def trade(self) -> None:
        """Orders rest by REST for as long as the desk lives and is not being tripped."""
        while True:
            await trio.sleep(self.chance.uniform(1, 4))
            alive = self.dead_since is None and self.pair.desk.running
            if alive and self.pair.desk.phase(OPTIONS.name) is Phase.ARMED and len(self.pair.open) < 4:
                self.pair.rest(1)

    async def live(self, seconds: float) -> None:
        until = trio.current_time() + seconds
        troubles = (*TROUBLES, die, die)
        while trio.current_time() < until:
            await trio.sleep(self.chance.uniform(1, 20))
            trouble = self.chance.choice(troubles)
            self.reached[trouble.__name__] += 1
            await trouble(self)

    async def last(self) -> None:
        await trio.sleep(self.chance.choice([2, 5, 10, 20, 40]) * self.chance.uniform(0.5, 1.5))


Trouble = Callable[[Day], Awaitable[None]]


async def register_down(day: Day) -> None:
    day.pair.register.down = True
    await day.last()
    day.pair.register.down = False


async def register_full(day: Day) -> None:
    day.pair.register.full = True
    await day.last()
    day.pair.register.full = False


async def register_slow(day: Day) -> None:
    day.pair.register.seconds = day.chance.uniform(0.1, 2.5)
    await day.last()
    day.pair.register.seconds = 0.001


async def register_restored(day: Day) -> None:
    backup = day.pair.register.backup()
    await day.last()
    day.pair.register.restore(backup)


async def desk_cut_off(day: Day) -> None:
    day.pair.line.cut = True
    await day.last()
    day.pair.line.cut = False


async def desk_deaf(day: Day) -> None:
    day.pair.line.deaf = True
    await day.last()
    day.pair.line.deaf = False


async def witness_cut_off(day: Day) -> None:
    day.pair.witness_line.cut = True
    await day.last()
    day.pair.witness_line.cut = False


async def witness_deaf(day: Day) -> None:
    day.pair.witness_line.deaf = True
    await day.last()
    day.pair.witness_line.deaf = False


async def witness_crashed(day: Day) -> None:
    await day.pair.witness.crash()
    await day.last()
    await day.pair.witness.start()


async def witness_stopped(day: Day) -> None:
    await day.pair.stop(day.pair.witness)
    await day.last()
    await day.pair.witness.start()


async def desk_stopped(day: Day) -> None:
    await day.pair.stop(day.pair.desk)
    await day.last()
    await day.pair.desk.start()


async def desk_crashed(day: Day) -> None:
    await day.pair.desk.crash()
    await trio.sleep(1)
    await day.pair.desk.start()


async def bot_hangs(day: Day) -> None:
    assert day.pair.bot is not None
    day.pair.bot.hang()
    await day.last()
    day.pair.bot.die()
    day.pair.start_bot()


async def venue_cut(day: Day) -> None:
    day.pair.desk.network.cut(DERIBIT_HOST)


async def clocks_step(day: Day) -> None:
    for desk in (day.pair.desk, day.pair.witness):
        desk.host.stepped = day.chance.choice([-25.0, 0.0, 25.0])  # with more the venue takes no login


TROUBLES: tuple[Trouble, ...] = (
    register_down,
    register_full,
    register_slow,
    register_restored,
    desk_cut_off,
    desk_deaf,
    witness_cut_off,
    witness_deaf,
    witness_crashed,
    witness_stopped,
    desk_stopped,
    desk_crashed,
    bot_hangs,
    venue_cut,
    clocks_step,
)


BESIDE = [one for one in TROUBLES if "desk" not in one.__name__ and one is not bot_hangs]
"""What may happen while the desk is dead."""


async def die(day: Day) -> None:
    """The host dies; what its status had promised just then must come true. Or else trouble goes on meanwhile."""
    pair = day.pair
    fate = pair.told(pair.desk).if_host_dies
    open_before = bool(pair.open)
    await pair.die()
    day.dead_since = trio.current_time()
    if fate.orders == "gone" and fate.within and open_before and day.chance.random() < 0.5:
        day.reached["promised"] += 1
        await trio.sleep(fate.within)
        assert not pair.open, f"the desk had promised that its orders would be gone within {fate.within:.1f} s"
    else:
        for _ in range(day.chance.randint(1, 3)):
            await day.chance.choice(BESIDE)(day)
            await trio.sleep(day.chance.uniform(1, 40))
    day.dead_since = None
    await pair.desk.start()
    pair.start_bot()


async def play(seed: int, seconds: float) -> Counter[str]:
    """Raises AssertionError for a law that was broken."""
    async with open_pair(seed=seed) as pair:
        day = Day(pair, Random(seed), moved_at=trio.current_time())
        pair.witness.observers.append(day.hear)
        pair.witness.board.observers.append(day.hear)  # type: ignore[attr-defined]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(day.watch)
            nursery.start_soon(day.trade)
            await day.live(seconds)
            nursery.cancel_scope.cancel()
        return day.reached


def main(words: list[str]) -> None:
    seeds, seconds, first = int(words[0]), float(words[1]), int(words[2]) if len(words) > 2 else 1
    reached: Counter[str] = Counter()
    for seed in range(first, first + seeds):
        try:
            reached += trio.run(play, seed, seconds, clock=MockClock(autojump_threshold=0))
        except BaseException:
            sys.stdout.write(f"seed {seed}\n")
            raise
        sys.stdout.write(f"{seed}: {seeds * seconds / 86400:.1f} account-days in all; {dict(reached)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
