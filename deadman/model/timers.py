"""How often an account's keeper asks, how long it waits, and how it tries again; each venue's settings fill it in."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

REPLY_TIMEOUT = 5.0
"""Seconds any single answer may take at most."""

PROBE_TIMEOUT = REPLY_TIMEOUT
"""Seconds for a sign of life: as long as any answer may take, or a slow venue would be called a dead one."""

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


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds, all but `cancels_per_second`, which is how many single cancels the venue takes of any account.

    Attributes:
        vouch: how long one proof is believed: the lease, or how long a reading of the switch is vouched for.
        rearm: from a successful dial to a proof, while the venue answers quickly.
        listing_timeout: for the list of open orders, which may be some thousand long.
        look_interval: between two counts of open orders while there is nothing else to ask the venue for.
    """

    renew_interval: float
    reply_timeout: float
    probe_interval: float
    probe_timeout: float
    vouch: float
    overdue_after: float
    retry: Backoff
    patient_after: float
    look_interval: float
    rearm: float
    listing_timeout: float = REPLY_TIMEOUT
    cancels_per_second: float = 5.0


REFUSED_AT_FIRST = Backoff(first=4.0, cap=5.0)
"""After a venue's no, for `Timers.patient_after` seconds: it may pass (a short ban, a key being replaced). In half a
minute that is some eight logins; how many failed ones a venue takes before it locks the key out is not documented."""

REFUSED = Backoff(first=6.0, cap=40.0)
"""After that: retry slowly, for ever; it may be a longer ban."""

REPAIR = Backoff(first=1.0, cap=20.0)
"""After the venue's word that the switch is off: every try costs a second connection."""
