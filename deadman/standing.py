"""How an account stands: its guard and tally, carried through time.

Time is folded in like a fact, so that a reader in another thread sees an expiry the moment it is due, whether or not
the loop that should have noticed is alive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf

from deadman.facts import Fact
from deadman.guard import Guard, Phase
from deadman.succession import fold
from deadman.tally import Tally


@dataclass(frozen=True, slots=True)
class Standing:
    """One account as of `seen_at`; `since` dates its phase. Instants are monotonic."""

    guard: Guard
    seen_at: float
    phase: Phase
    since: float
    tally: Tally

    @classmethod
    def new(cls, guard: Guard, now: float) -> Standing:
        phase = guard.phase(now)
        return cls(guard, now, phase, now, Tally().entered(phase))

    def at(self, now: float) -> Standing:
        """The same account later: phases that time alone brought are dated when they came."""
        *_, last = self.steps(now)
        return last

    @property
    def due_at(self) -> float:
        """The next instant at which time alone may change a judgement; infinite when only a fact can."""
        change = self.guard.next_change(self.seen_at)
        return inf if change is None else change

    def steps(self, now: float) -> Iterator[Standing]:
        """Each standing on the way to `now` at which time alone may have changed a judgement, and the one at `now`."""
        standing = self
        while (change := standing.guard.next_change(standing.seen_at)) is not None and change <= now:
            standing = standing._pass(change)
            yield standing
        yield standing._pass(max(now, standing.seen_at))

    def post(self, fact: Fact) -> Standing:
        """The account after one more fact; a fact dated before the last one counts from now on."""
        earlier = self.at(fact.at)
        tally = earlier.tally.post(earlier.guard, fact)
        guard = fold(earlier.guard, fact)
        if guard.taken_on_at not in (None, earlier.guard.taken_on_at):
            tally = tally.forget_readings()
        return replace(earlier, guard=guard, tally=tally)._judge()

    def _pass(self, now: float) -> Standing:
        spent = now - self.seen_at if self.alarming else 0.0
        tally = replace(self.tally, unprotected=self.tally.unprotected + spent) if spent else self.tally
        return replace(self, seen_at=now, tally=tally)._judge()

    def _judge(self) -> Standing:
        phase = self.guard.phase(self.seen_at)
        if phase is self.phase:
            return self
        return replace(self, phase=phase, since=self.seen_at, tally=self.tally.entered(phase))

    @property
    def alarming(self) -> bool:
        """What alarms, exit codes and the SLI count, as of `seen_at`: wanted and not protected."""
        return self.guard.wanted(self.seen_at) and not self.guard.protected(self.seen_at)
