"""Looks for planted defects: in the cell that is known, or blindly in one of every kind that is played on each run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import count

from tests.swarm.planting import Plant
from tests.swarm.plants import PLANTS
from tests.swarm.plays import PLAYS
from tests.swarm.plays import seeds as worlds
from tests.swarm.plays.stage import Cell, perform, usual

SEEDS = 20
"""Worlds in which a plant that no cell has found is looked for."""


@cache
def cells_of(play: str) -> dict[str, Cell]:
    return {cell.name: cell for cell in PLAYS[play]()}


def broken_in(plant: Plant, play: str, name: str) -> set[str]:
    """The laws that break there with the defect put back. Raises Withered."""
    with plant.planted():
        if play == "seeds":
            return worlds.perform(int(name)).record.broken
        return perform(cells_of(play)[name]).record.broken


def places() -> Iterator[tuple[str, str]]:
    """Where it is looked for: every kind of cell, then worlds."""
    for play in PLAYS:
        yield from ((play, cell.name) for cell in usual(cells_of(play).values()))
    yield from (("seeds", str(seed)) for seed in range(1, SEEDS + 1))


def searched(index: int) -> tuple[str, bool]:
    """One plant; what is told of it, and whether any law breaks."""
    plant = PLANTS[index]
    for number, (play, name) in zip(count(1), places(), strict=False):
        if broken := broken_in(plant, play, name):
            return f"{plant.name}: {', '.join(sorted(broken))}, in world {number}: {play} '{name}'", True
    return f"{plant.name}: SURVIVES", False


def search() -> int:
    """All plants, on every core; the process's exit code: 1 where one survives."""
    found = 0
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        for told, is_found in workers.map(searched, range(len(PLANTS))):
            print(told, flush=True)  # noqa: T201
            found += is_found
    print(f"{found} of {len(PLANTS)} planted defects were found without knowing where")  # noqa: T201
    return 0 if found == len(PLANTS) else 1
