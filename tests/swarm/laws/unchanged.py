"""What a reload does to those that it does not change."""

from __future__ import annotations

from typing import Any

from deadman.model import facts
from deadman.model.facts import Fact
from tests.swarm.laws.law import Law, Scene

AFTER = 2.0
"""Seconds in which an end of a session that follows a reload is the reload's."""

ENDS = (facts.SessionClosed, facts.Lost, facts.Doubted)


class Unchanged(Law):
    """A reload that changes nothing relevant to an account changes no judgement, no session and no lease of it."""

    name = "unchanged"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.before: dict[str, Any] = {}
        self.spared: dict[str, float] = {}

    def before_reload(self, unchanged: set[str]) -> None:
        """Of those that do well: a reload hastens whoever fails."""
        calm = not +self.scene.troubles.active
        well = {name for name, one in self.desk.board.standings().items() if one.guard.trouble is None}
        self.before = {name: self._state(name) for name in unchanged & well if calm}

    def after_reload(self) -> None:
        for name, before in self.before.items():
            standings = self.desk.board.standings()
            after = self._state(name) if name in standings else None
            self.expect(after == before, f"{name}: a reload that does not concern it changed {before} into {after}")
            self.spared[name] = self.scene.now

    def on_fact(self, account: str, fact: Fact) -> None:
        if isinstance(fact, ENDS) and self.scene.now <= self.spared.get(account, -AFTER) + AFTER:
            calm = not +self.scene.troubles.active and not self._rests(account)
            self.expect(not calm, f"{account}: {fact} right after a reload that does not concern it")

    def _rests(self, name: str) -> bool:
        """Whether there is nothing to do at the venue, so that we leave."""
        guard = self.desk.board.standing(name).guard
        return guard.disarm is not None or guard.trip is not None or guard.awaited

    def on_end(self) -> None:
        self.spared.clear()

    def _state(self, name: str) -> Any:
        standing, account = self.desk.board.standings()[name], self.desk.accounts[name]
        guard = standing.guard
        watches = [self.desk.board.watches()[watch].alive(self.scene.now) for watch in account.watches]
        trip = None if guard.trip is None else (guard.trip.at, guard.trip.cause)
        words = (guard.disarm, trip, guard.awaited, guard.can_cancel, guard.session_at, guard.covered_since)
        return standing.phase, guard.protected(self.scene.now), words, watches, self.desk.market.lease_end(account)
