"""Every class of answers to what we really send, in whatever we are at."""

from __future__ import annotations

import pytest

from tests.swarm.plays.matrix import cells
from tests.swarm.plays.stage import Cell, play, usual


@pytest.mark.parametrize("cell", usual(cells()), ids=lambda cell: cell.name)
def test_a_bad_answer_breaks_no_law(cell: Cell) -> None:
    play(cell)
