"""How long to leave a venue alone after a failure."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

STABLE = 10.0
"""Seconds a session must have been proven before its loss counts as a first one."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """First retry at once, then doubling from `first` to `cap` seconds, half of it chance.

    Half and not all: with full jitter a run of short draws would break the bound on tries that `promise` states.
    """

    first: float
    cap: float

    def delay(self, failures: int, chance: Random) -> float:
        """Seconds to wait after `failures` (>= 1) failures in a row."""
        if failures <= 1:
            return chance.uniform(0.0, self.first / 4)
        longest = min(self.cap, self.first * 2.0 ** min(failures - 2, 30))
        return chance.uniform(longest / 2, longest)


REFUSED_AT_FIRST = Backoff(first=4.0, cap=5.0)
"""After a venue's no, for `Timers.patient_after` seconds: it may pass (a short ban, a key being replaced). In half a
minute that is some eight logins; how many failed ones Deribit takes before it answers 12003 is not documented."""

REFUSED = Backoff(first=6.0, cap=40.0)
"""After that: retry slowly, for ever; 13004 may be a longer ban (protocol, section 2.5)."""

REPAIR = Backoff(first=1.0, cap=20.0)
"""After the venue's word that the switch is off: every try costs a second connection."""
