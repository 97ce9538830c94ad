"""How a statement becomes a test, and what is written down of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio
from trio.testing import MockClock

from deadman.model.errors import innermost
from tests.venue_facts.places import live

Desk = TypeVar("Desk")
Check = Callable[[Desk], Awaitable[str | None]]
Open = Callable[[], AbstractAsyncContextManager[Desk]]

LONGEST = 300.0
"""Seconds that one fact may take."""

PAUSE = 1.0
"""Seconds between two facts on a real network: credits refill meanwhile."""

HEADINGS = {"differs": "Differs", "held": "Held", "answered": "Questions", "not testable": "Not testable"}


@dataclass(frozen=True)
class Outcome:
    """What came of one statement. `said`: how it differs, what was answered, or why it was not tried."""

    statement: str
    source: str
    became: str
    said: str = ""


@dataclass
class Book:
    """All outcomes of this run, and all statements there are."""

    outcomes: list[Outcome] = field(default_factory=list)
    statements: list[tuple[str, str, bool]] = field(default_factory=list)

    def report(self) -> str:
        counts = ", ".join(f"{len(self.of(became))} {became}" for became in HEADINGS)
        parts = [f"# Venue facts\n\n{counts}.\n"]
        for became, heading in HEADINGS.items():
            rows = [f"* {one.statement}{f': {one.said}' if one.said else ''} ({one.source})" for one in self.of(became)]
            parts.append("\n".join([f"## {heading}", "", *(rows or ["Nothing."]), ""]))
        return "\n".join(parts)

    def of(self, became: str) -> list[Outcome]:
        return [one for one in self.outcomes if one.became == became]


BOOK = Book()


@dataclass(frozen=True)
class Door:
    """A venue to put statements to: simulated, or on its test network where the config has an account there."""

    open_simulated: Open[Any]
    open_live: Callable[[Path], AbstractAsyncContextManager[Any] | None]
    why_not: str = "the config has no account there"

    def fact(self, source: str, only_simulated: str = "") -> Callable[[Check[Any]], Callable[[], None]]:
        """The statement that the decorated check's name makes; `only_simulated`: why it is not tried elsewhere."""
        return lambda check: self._test(check, source, only_simulated, is_question=False)

    def question(self, source: str, only_simulated: str = "") -> Callable[[Check[Any]], Callable[[], None]]:
        """What no document says, or several say differently: the check returns what the venue does."""
        return lambda check: self._test(check, source, only_simulated, is_question=True)

    def _test(self, check: Check[Any], source: str, only_simulated: str, is_question: bool) -> Callable[[], None]:
        name = getattr(check, "__name__", "")
        statement = name.removeprefix("test_").replace("_", " ")
        BOOK.statements.append((statement, source, is_question))

        def test() -> None:
            config = live()
            opened = self.open_live(config) if config else self.open_simulated()
            reason = only_simulated if config else ""
            if opened is None or reason:
                said = reason or self.why_not
                BOOK.outcomes.append(Outcome(statement, source, "not testable", said))
                pytest.skip(said)
            clock = None if config else MockClock(autojump_threshold=0)
            became, said = "answered" if is_question else "held", ""
            try:
                said = trio.run(play, opened, check, clock=clock) or ""
                assert said or not is_question, "the question was not answered"
            except BaseException as failure:
                cause = innermost(failure)
                became, said = "differs", (str(cause) or repr(cause)).splitlines()[0]
                raise
            finally:
                BOOK.outcomes.append(Outcome(statement, source, became, said))

        test.__name__, test.__module__ = name, check.__module__
        return test


async def play(opened: AbstractAsyncContextManager[Desk], check: Check[Desk]) -> str | None:
    with trio.fail_after(LONGEST):
        async with opened as desk:
            said = await check(desk)
        if live():
            await trio.sleep(PAUSE)
    return said


async def until(condition: Callable[[], Awaitable[Any]], within: float = 15.0) -> float | None:
    """Seconds until it holds; None where it does not within that time."""
    began = trio.current_time()
    while trio.current_time() < began + within:
        if await condition():
            return trio.current_time() - began
        await trio.sleep(0.25)
    return None
