"""Every word of bot and operator, and our own absences."""

from __future__ import annotations

import pytest

from tests.swarm.plays.absences import cells
from tests.swarm.plays.stage import Cell, play, usual


@pytest.mark.parametrize("cell", usual(cells())[::14], ids=lambda cell: cell.name)
def test_an_absence_of_ours_breaks_no_law(cell: Cell) -> None:
    play(cell)
