"""The page on which the house is explained names what exists, and all of it."""

from __future__ import annotations

import re
from pathlib import Path

import deadman

HOUSE = Path(deadman.__file__).parent
PAGE = deadman.__doc__ or ""


def test_every_module_that_the_page_names_exists() -> None:
    named = re.findall(r"[a-z_]+/[a-z_/]+\.py", PAGE)
    assert len(named) > 20
    assert [name for name in named if not (HOUSE / name).exists() and not (HOUSE.parent / name).exists()] == []


def test_every_room_is_on_the_page() -> None:
    rooms = {path.parent.name for path in HOUSE.glob("*/__init__.py")}
    assert set(re.findall(r"^    ([a-z]+)/  ", PAGE, re.MULTILINE)) == rooms
