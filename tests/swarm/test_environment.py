"""A machine that refuses us something, and a config file that people have broken."""

from __future__ import annotations

import pytest

from tests.swarm.plays.environment import cells
from tests.swarm.plays.stage import Cell, play, usual


@pytest.mark.parametrize("cell", usual(cells())[::2], ids=lambda cell: cell.name)
def test_whatever_the_machine_refuses_the_living_are_kept_and_the_dead_are_tripped(cell: Cell) -> None:
    play(cell)
