"""A pulled switch; and the open orders as listed before and after a gap, in which some may vanish unseen. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deadman.model import facts
from deadman.model.facts import Cause
from deadman.model.settings import Terms

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

    def after(self, done: facts.RoundDone) -> Trip:
        """The trip after one more round."""
        # What was not there after the last round; where no ids are known, what there is more of.
        fresh = max(0, (done.remaining or 0) - self.remaining) if self.remaining is not None else 0
        if done.listed is not None and self.left is not None:
            fresh = len(done.listed - self.left)
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


LAG = 15.0
"""Seconds after a lease's end in which the venue may still be cancelling: its own delay is not documented."""


@dataclass(frozen=True, slots=True)
class Gone:
    """So many orders, listed last at `listed_at`, were missed at `at`. `lapsed`: a lease had run out in between."""

    at: float
    orders: int
    listed_at: float
    lapsed: bool


@dataclass(frozen=True, slots=True)
class Book:
    """What was listed last, and what has happened since that may have taken orders unseen. Instants are monotonic.

    A living bot cancels and places orders all the time, also in a gap (a lost session, an absence of ours, a lease that
    ran out): so it is not called the venue's doing that fewer are open, but that none is left, or that a lease ended
    in between, or what the venue itself says of the single orders.

    Attributes:
        count: open orders at `listed_at`; None where nothing is to be compared with.
        unwatched: a session was lost, or we were away, since then.
        lapsed_at: when a lease last ran out.
        gone: what was missed last.
    """

    count: int | None = None
    listed_at: float = 0.0
    unwatched: bool = False
    lapsed_at: float | None = None
    gone: Gone | None = None

    @property
    def is_unsure(self) -> bool:
        """Whether orders that were listed last may have gone since, unseen: they are to be listed at once."""
        if not self.count:
            return False
        return self.unwatched or (self.lapsed_at is not None and self.listed_at < self.lapsed_at + LAG)

    def known(self, count: int | None, at: float) -> Book:
        """A count with which the next is compared, but which itself is not: we, or an operator, had a hand in it."""
        return Book(count, at, gone=self.gone)

    def listed(self, count: int, at: float, by_venue: int = 0, accounted: int = 0) -> Book:
        """After one more listing; of those missing the venue says that it cancelled `by_venue`, and that `accounted`
        were filled, or cancelled by who had placed them."""
        # A lease may have taken orders after the last listing; one made soon after its end may have come too early.
        ended = self.lapsed_at is not None and self.listed_at < self.lapsed_at + (0.0 if count else LAG)
        missing = max(0, (self.count or 0) - count)
        if ended or (self.unwatched and count == 0):
            taken = max(0, missing - accounted)
        else:
            taken = min(missing, by_venue) if self.unwatched else 0
        gone = Gone(at, taken, self.listed_at, ended) if taken else self.gone
        return Book(count, at, lapsed_at=self.lapsed_at, gone=gone)
