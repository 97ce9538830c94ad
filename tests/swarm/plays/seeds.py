"""Worlds by seed: a desk of chance, bots and an operator of chance, and some troubles of all that there are."""

from __future__ import annotations

import trio

from tests.swarm.plays.stage import Failed, deterministic
from tests.swarm.plays.world import World

STORM = 100.0
"""Seconds of trouble in a world."""

WHOLE = 400
"""Worlds that are played when everything is."""


def perform(seed: int, storm: float = STORM) -> World:
    """Play one world to its end, or as far as the first violation."""
    world = World(seed, storm)
    with deterministic(seed):
        trio.run(world.run, clock=world.clock)
    return world


def play(seed: int, storm: float = STORM) -> World:
    """Play one world. Raises Failed with the way to replay it."""
    world = perform(seed, storm)
    if world.record.violations:
        told = "\n  ".join(world.record.violations[:5])
        raise Failed(f"seed {seed}:\n  {told}\nreplay: python -m tests.swarm seeds {seed}")
    return world
