"""A pulled switch: who pulled it, and what has come of its rounds. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deadman import facts
from deadman.config.schema import Terms
from deadman.facts import Cause

FED = 30.0
"""Seconds for which an order placed during a trip says that something keeps placing them: a few of the slow rounds."""


@dataclass(frozen=True, slots=True)
class Trip:
    """A pulled switch. `remaining` None: the venue's list cannot be read, or was not yet.

    Attributes:
        resisting: orders that the venue would not cancel in the last round, asked for one by one; `words`: what it
            said of one of them.
        left: the ids that the last round left open; None where they are not known.
        placed: orders that were listed after a round and not after the one before: placed since the trip began.
        placed_at: when such an order was last seen.
    """

    at: float
    cause: Cause
    by: str
    reason: str
    rounds: int = 0
    cancelled: int = 0
    remaining: int | None = None
    done_at: float | None = None
    presumed: bool = False
    resisting: int = 0
    words: str = ""
    left: frozenset[str] | None = None
    placed: int = 0
    placed_at: float | None = None
    terms: Terms | None = None

    @property
    def under_way(self) -> bool:
        return self.done_at is None

    def is_fed(self, now: float) -> bool:
        """Whether something keeps placing orders, by what was listed in the last rounds."""
        return self.placed_at is not None and now < self.placed_at + FED

    def _placed_before(self, done: facts.RoundDone) -> int:
        """Orders that were not there after the last round; where no ids are known, what there is more of."""
        if done.listed is not None and self.left is not None:
            return len(done.listed - self.left)
        return max(0, (done.remaining or 0) - (self.remaining or 0)) if self.remaining is not None else 0

    def after(self, done: facts.RoundDone) -> Trip:
        """The trip after one more round."""
        fresh = self._placed_before(done)
        return replace(
            self,
            rounds=self.rounds + 1,
            cancelled=self.cancelled + done.cancelled,
            remaining=done.remaining,
            resisting=done.resisting,
            words=done.words,
            left=self.left if done.listed is None else done.listed,
            placed=self.placed + fresh,
            placed_at=done.at if fresh else self.placed_at,
        )
