"""Deaths of bots that have one order or hundreds, some of which cannot be cancelled."""

from __future__ import annotations

import pytest

from tests.swarm.plays.scale import cells
from tests.swarm.plays.stage import Cell, play, usual


@pytest.mark.parametrize("cell", usual(cells())[::2], ids=lambda cell: cell.name)
def test_what_is_printed_of_a_death_holds_whatever_rests(cell: Cell) -> None:
    play(cell)
