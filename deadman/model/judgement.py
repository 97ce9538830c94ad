"""What the watches of an account mean for it. Pure: instants are monotonic, no clock is read.

A dead watch trips every account that hangs on it, whenever that account could first be tripped: at the silence, or
later, when a disarm ends or an account is taken up. A dead bot's orders never rest under a switch that is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from operator import is_

from deadman.model import facts
from deadman.model.facts import Cause, Fact
from deadman.model.guard import Guard
from deadman.model.settings import Account
from deadman.model.watch import Watch


@dataclass(frozen=True, slots=True)
class Case:
    """An account and its watches at `now`, their mail up to then read; `judged_at` is when they were judged before.

    `watches`: in the account's order, those that are known. `tell` puts the silence of one into words.
    """

    account: Account
    guard: Guard
    watches: Sequence[Watch]
    judged_at: float
    now: float
    tell: Callable[[Watch], str]

    @property
    def living(self) -> frozenset[str]:
        """Who is up, and was heard since the account took the place of another, where it did."""
        since = -inf if self.guard.taken_on_at is None else self.guard.taken_on_at
        heard = (watch for watch in self.watches if since == -inf or (watch.last_check_in_at or -inf) >= since)
        return frozenset(watch.name for watch in heard if watch.alive(self.now))

    @property
    def unmet(self) -> frozenset[str]:
        """Watches without which a lease is kept: added by a reload, or nobody's yet, and not up since."""
        if self.account.lease is None or self.guard.bots is None:
            return frozenset()
        return frozenset(self.account.watches) - self.guard.bots - self.living

    @property
    def next_change(self) -> float:
        """The next instant at which time alone may change what is judged; infinite when only news of a bot or of the
        account can.
        """
        silences = (watch.silent_at() for watch in self.watches)
        return min((at for at in silences if at is not None and at > self.now), default=inf)

    def is_about(self, account: Account, guard: Guard, watches: Sequence[Watch]) -> bool:
        """Whether nothing was learned since of the account or of its watches."""
        if self.account is not account or self.guard is not guard or len(self.watches) != len(watches):
            return False
        return all(map(is_, self.watches, watches))


def may_trip(account: Account, guard: Guard, cause: Cause) -> bool:
    """Whether a watch may pull this switch now; a trip under way is not pulled twice."""
    if account.observe or account.on_trip == "none" or guard.disarm is not None:
        return False
    return guard.trip is None or (cause is Cause.TRIGGER and guard.trip.done_at is not None)


def judge(case: Case) -> Iterator[Fact]:
    """What has become true of the account."""
    since = case.guard.taken_on_at
    if since is not None and all((watch.last_check_in_at or -inf) >= since for watch in case.watches):
        yield facts.Heard(case.now)
    # The trip goes before the waiting, and the waiting before the return: so no phase is passed through in between.
    yield from _silenced(case)
    yield from _awaited(case)
    yield from _returned(case)


def _silenced(case: Case) -> Iterator[Fact]:
    """A silence is this account's only if its bots were heard since it took the place of another account."""
    if case.guard.taken_on_at is not None:
        return
    silences = ((at, watch) for watch in case.watches if (at := watch.silent_at()) is not None and at <= case.now)
    at, dead = min(silences, key=lambda silence: silence[0], default=(case.now, None))
    if dead is not None and may_trip(case.account, case.guard, Cause.SILENCE):
        # It was not yet true when they were judged before: a hold or a disarm may have ended since.
        yield facts.Tripped(max(at, case.judged_at), Cause.SILENCE, dead.name, case.tell(dead))


def _awaited(case: Case) -> Iterator[Fact]:
    """No lease is taken before every bot is up, nor kept for one that is gone; a setting waits for nobody.

    A watch that a reload adds takes no lease from the bots that live: it counts from its first check-in.
    """
    if case.account.lease is None:
        return
    wanted, bots = frozenset(case.account.watches), case.guard.bots
    counted = wanted if bots is None else bots & wanted
    if not counted <= case.living:
        if not case.guard.awaited:
            yield facts.Awaited(case.now)
    elif bots != counted | case.living:
        yield facts.BotSeen(case.now, counted | case.living)


def _returned(case: Case) -> Iterator[Fact]:
    """After a trip is done, the next check-in re-arms: of the process that tripped, and unless another one is dead."""
    trip = case.guard.trip
    if case.guard.disarm is not None or trip is None or trip.done_at is None or trip.cause is Cause.OPERATOR:
        return
    # Where the account no longer hangs on the process that tripped it, the one heard last is waited for.
    heard = (watch for watch in case.watches if watch.last_check_in_at is not None)
    latest = max(heard, key=lambda watch: watch.last_check_in_at or 0.0, default=None)
    back = next((watch for watch in case.watches if watch.name == trip.by), latest)
    if back is None or back.last_check_in_at is None or back.last_check_in_at <= trip.done_at:
        return
    if all(watch.died_at is None for watch in case.watches):
        yield facts.Rearmed(case.now, back.name, "checked in")
