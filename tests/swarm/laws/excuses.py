"""Every excuse there is: why a law may be broken for a moment without harm, and how often at most.

An excuse hides defects. So each has one name, one reason and a count of its use; one that is used more often than its
measure fails the run. Whoever needs a new one writes it down here, and nowhere else.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Excuse:
    """`per_hour`: uses in an hour of a world's time from which on it hides too much."""

    reason: str
    per_hour: float


EXCUSES: dict[str, Excuse] = {
    "nobody at home": Excuse(
        "A bot whose last check-in came while we were away may trade behind no lease: nobody can know of its orders "
        "until it is heard.",
        per_hour=600.0,
    ),
    "dead before we ended": Excuse(
        "A bot that had been silent for its timeout before we ended is dead when we start, also where the file that "
        "said so is lost; a new process that checked in meanwhile found nobody at home.",
        per_hour=3.0,
    ),
    "a lease may still be taken": Excuse(
        "Under `lapse` the end of the last lease cancels; a request of an earlier run, or one that we gave up, may "
        "take one up to half a minute later, and its end is waited for though none is held now.",
        per_hour=6.0,
    ),
    "a request may still be heard": Excuse(
        "SX Bet may carry out a request that we gave up, up to half a minute later: a cut or a disarm under way would "
        "end a lease taken meanwhile, so that it is no claim until that time is over.",
        per_hour=30.0,
    ),
}


@dataclass
class Excuses:
    """The uses of one world, or of many added together over so many `hours`."""

    used: Counter[str] = field(default_factory=Counter)
    hours: float = 0.0

    def use(self, name: str) -> bool:
        """Always True, and counted. Raises KeyError for an excuse that nobody gave a reason for."""
        assert EXCUSES[name].reason
        self.used[name] += 1
        return True

    def add(self, other: Excuses) -> None:
        self.used += other.used
        self.hours += other.hours

    def too_many(self) -> dict[str, float]:
        """Uses an hour of those that are used too often."""
        rates = {name: count / max(self.hours, 1.0) for name, count in self.used.items()}
        return {name: rate for name, rate in rates.items() if rate > EXCUSES[name].per_hour}
