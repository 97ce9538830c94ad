"""Defects that were mended once, put back: the law that each of them breaks says so."""

from __future__ import annotations

import pytest

from tests.swarm.planting import Plant, Withered, edit, plant
from tests.swarm.plants import PLANTS
from tests.swarm.search import broken_in


@pytest.mark.parametrize("planted", PLANTS, ids=lambda one: one.name)
def test_a_defect_put_back_breaks_the_law_that_it_should(planted: Plant) -> None:
    broken = broken_in(planted, planted.play, planted.cell)
    assert planted.law in broken, f"it breaks only {sorted(broken)}"


def test_a_plant_whose_place_has_changed_fails_loudly() -> None:
    gone = edit("deadman.model.guard:Guard.nothing", ("a", "b"))
    elsewhere = edit("deadman.model.guard:Guard.phase", ("no such text", "b"))
    for one in (gone, elsewhere):
        with pytest.raises(Withered), plant("x", "x", "scale", "x", "x", one).planted():
            pytest.fail("it was planted")


def test_a_plant_is_gone_once_its_world_is_over() -> None:
    from deadman.model.guard import Guard

    code = Guard._switched.__code__
    planted = next(one for one in PLANTS if one.name == "what reads off is no fact")
    with planted.planted():
        assert Guard._switched.__code__ is not code
    assert Guard._switched.__code__ is code
