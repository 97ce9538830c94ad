from __future__ import annotations

from pathlib import Path

import pytest

from tests.venue_facts.facts import BOOK
from tests.venue_facts.places import live


def pytest_sessionfinish(session: pytest.Session) -> None:
    if live() and BOOK.outcomes:
        Path("venue-facts.md").write_text(BOOK.report(), encoding="utf-8")
