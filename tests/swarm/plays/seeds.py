"""Worlds by seed. A failing one is played again with `python -m tests.swarm.plays.seeds SEED`, which prints its story.

`python -m tests.swarm.plays.seeds FIRST COUNT` plays many, as far as the first that fails.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trio

from tests.swarm.plays.world import World

STORM = 150.0
"""Seconds of trouble in a world."""


class Failed(AssertionError):
    """A world in which something was wrong, and how to see it again."""


@contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Trio runs tasks in an order of chance; here it is the seed's. The knob is private: trio's own tests turn it."""
    run: Any = trio._core._run
    before, state = run._ALLOW_DETERMINISTIC_SCHEDULING, run._r.getstate()
    run._ALLOW_DETERMINISTIC_SCHEDULING = True
    run._r.seed(seed)
    try:
        yield
    finally:
        run._ALLOW_DETERMINISTIC_SCHEDULING = before
        run._r.setstate(state)


def play(seed: int, storm: float = STORM) -> World:
    """Play one world. Raises Failed with the way to replay it."""
    world = World(seed, storm)
    with deterministic(seed):
        trio.run(world.run, clock=world.clock)
    if world.record.violations:
        told = "\n  ".join(world.record.violations[:5])
        raise Failed(f"seed {seed}:\n  {told}\nreplay: python -m tests.swarm.plays.seeds {seed}")
    return world


def tell(seed: int) -> None:
    """The story of one world, as far as it is remembered."""
    world = World(seed, STORM)
    with deterministic(seed):
        trio.run(world.run, clock=world.clock)
    print(f"seed {seed}: weather {world.plan.weather}, machine {world.plan.machine}")  # noqa: T201
    print("\n".join([*map(str, world.plan.accounts), *map(str, world.plan.watches), *world.record.story]))  # noqa: T201
    print("\n".join(world.record.violations) or "nothing was wrong")  # noqa: T201


def sweep(first: int, count: int) -> Counter[str]:
    reached: Counter[str] = Counter()
    for seed in range(first, first + count):
        world = play(seed)
        reached += world.record.reached + world.troubles.met
    return reached


if __name__ == "__main__":
    match [int(argument) for argument in sys.argv[1:]]:
        case [seed]:
            tell(seed)
        case [first, count]:
            print(sweep(first, count))  # noqa: T201
        case _:
            print(__doc__)  # noqa: T201
