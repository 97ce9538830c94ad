"""Edits of the config, by reload and by restart, in every situation of an account."""

from __future__ import annotations

import pytest

from tests.swarm.plays.edits import cells
from tests.swarm.plays.stage import Cell, play, usual
from tests.swarm.troubles.edits import missing_keys


def test_every_key_of_the_config_has_an_edit() -> None:
    assert list(missing_keys()) == []


@pytest.mark.parametrize("cell", usual(cells()), ids=lambda cell: cell.name)
def test_an_edit_breaks_no_law(cell: Cell) -> None:
    play(cell)
