"""How what was played is told: on the terminal, by many workers or as one story."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TypeVar

from tests.swarm.laws.excuses import EXCUSES, Excuses
from tests.swarm.laws.record import Figure, Record
from tests.swarm.plays import PLAYS, days, seeds
from tests.swarm.plays.stage import perform
from tests.swarm.plays.world import World

Key = TypeVar("Key", int, str)


@dataclass
class Played:
    """What is left of one world when it is over; small enough to be sent from a worker."""

    name: str
    violations: list[str]
    broken: set[str]
    met: Counter[str]
    reached: Counter[str]
    worst: dict[str, Figure]
    excuses: Excuses
    account_days: float = 0.0


@dataclass
class Sum:
    """Many worlds together."""

    worlds: int = 0
    failed: list[Played] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    worst: dict[str, Figure] = field(default_factory=dict)
    excuses: Excuses = field(default_factory=Excuses)
    account_days: float = 0.0

    def add(self, played: Played) -> None:
        self.worlds += 1
        self.failed += [played] if played.violations else []
        self.met += played.met
        self.reached += played.reached
        self.excuses.add(played.excuses)
        self.account_days += played.account_days
        for name, figure in played.worst.items():
            self.worst[name] = max(figure, self.worst.get(name, figure))

    @property
    def is_good(self) -> bool:
        return not self.failed and not self.excuses.too_many()


def seed(number: int) -> Played:
    world = seeds.perform(number)
    record, scene = world.record, world.scene
    return played(f"seeds {number}", record, world.troubles.met, scene.excuses)


def day(number: int) -> Played:
    world = days.perform(number)
    lived = world.scene.excuses.hours / 24 * len(world.plan.accounts)
    told = played(f"days {number}", world.record, world.troubles.met, world.scene.excuses)
    return replace(told, account_days=lived)


def cell(play: str, name: str) -> Played:
    scene = perform(next(one for one in PLAYS[play]() if one.name == name))
    return played(f"{play} '{name}'", scene.record, scene.troubles.met, scene.excuses)


def played(name: str, record: Record, met: Counter[str], excuses: Excuses) -> Played:
    return Played(name, record.violations, record.broken, met, record.reached, record.worst, excuses)


def sweep_seeds(first: int, count: int) -> int:
    return sweep(seed, range(first, first + count))


def sweep_days(first: int, count: int) -> int:
    return sweep(day, range(first, first + count))


def sweep_play(play: str) -> int:
    return sweep(partial(cell, play), [one.name for one in PLAYS[play]()])


def everything() -> int:
    return max(sweep_seeds(1, seeds.WHOLE), *chain(map(sweep_play, PLAYS)), sweep_days(1, days.WHOLE))


def sweep(one: Callable[[Key], Played], keys: Iterable[Key]) -> int:
    """Play them all, on every core; the process's exit code."""
    total = Sum()
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        for result in workers.map(one, keys):
            total.add(result)
            for violation in result.violations[:3]:
                print(f"{result.name}: {violation}", flush=True)  # noqa: T201
    tell_sum(total)
    return 0 if total.is_good else 1


def tell_sum(total: Sum) -> None:
    hours = total.excuses.hours
    lines = [
        f"{total.worlds} worlds, {hours:.1f} hours of their time, {len(total.failed)} failed",
        *([f"{total.account_days:.1f} account-days"] if total.account_days else []),
        "troubles met: " + listed(total.met),
        *(
            f"worst {name}: {figure.seconds:.2f} s, promised {figure.bound:.2f} s"
            for name, figure in total.worst.items()
        ),
        *(f"excused {count} times: {EXCUSES[name].reason}" for name, count in total.excuses.used.items()),
        *(f"excused too often: {name}, {rate:.1f} an hour" for name, rate in total.excuses.too_many().items()),
    ]
    print("\n".join(lines))  # noqa: T201


def listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def tell_seed(number: int) -> int:
    """The story of one world, as far as it is remembered."""
    return tell_world(seeds.perform(number))


def tell_day(number: int) -> int:
    return tell_world(days.perform(number))


def tell_world(world: World) -> int:
    print(f"seed {world.seed}: weather {world.plan.weather}, machine {world.plan.machine}")  # noqa: T201
    print("\n".join([*map(str, world.plan.accounts), *map(str, world.plan.watches)]))  # noqa: T201
    return tell_story(world.record)


def tell_cell(play: str, name: str) -> int:
    return tell_story(perform(next(one for one in PLAYS[play]() if one.name == name)).record)


def tell_story(record: Record) -> int:
    print("\n".join(record.story))  # noqa: T201
    print("\n".join(record.violations) or "nothing was wrong")  # noqa: T201
    return 1 if record.violations else 0
