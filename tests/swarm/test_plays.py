"""Each play on each run, in as many of its cells as are usual: no law breaks in any of them."""

from __future__ import annotations

import pytest

from tests.swarm.plays import absences, edits, environment, matrix, scale
from tests.swarm.plays.stage import Cell, play, usual
from tests.swarm.troubles.edits import missing_keys


@pytest.mark.parametrize("cell", usual(absences.cells())[::14], ids=lambda cell: cell.name)
def test_an_absence_of_ours_breaks_no_law(cell: Cell) -> None:
    """Every word of bot and operator, and our own absences."""
    play(cell)


@pytest.mark.parametrize("cell", usual(edits.cells())[::2], ids=lambda cell: cell.name)
def test_an_edit_breaks_no_law(cell: Cell) -> None:
    """Edits of the config, by reload and by restart, in every situation of an account."""
    play(cell)


def test_every_key_of_the_config_has_an_edit() -> None:
    assert list(missing_keys()) == []


@pytest.mark.parametrize("cell", usual(environment.cells())[::2], ids=lambda cell: cell.name)
def test_whatever_the_machine_refuses_the_living_are_kept_and_the_dead_are_tripped(cell: Cell) -> None:
    """A machine that refuses us something, and a config file that people have broken."""
    play(cell)


@pytest.mark.parametrize("cell", usual(matrix.cells())[::2], ids=lambda cell: cell.name)
def test_a_bad_answer_breaks_no_law(cell: Cell) -> None:
    """Every class of answers to what we really send, in whatever we are at."""
    play(cell)


@pytest.mark.parametrize("cell", usual(scale.cells())[::2], ids=lambda cell: cell.name)
def test_what_is_printed_of_a_death_holds_whatever_rests(cell: Cell) -> None:
    """Deaths of bots that have one order or hundreds, some of which cannot be cancelled."""
    play(cell)
