"""The life of one trading process, folded from its check-ins, and what its silence means for accounts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from deadman.model import facts
from deadman.model.clock import SUSPENDED
from deadman.model.facts import Cause, Fact
from deadman.model.guard import Guard
from deadman.model.settings import Account


@dataclass(frozen=True, slots=True)
class Hold:
    """An operator's word that the process may be silent until then: planned work. `slept`: as the clock told with it.

    A quarter of an hour is one for people too, whose clocks go on while the machine sleeps: `until` then moves nearer.
    """

    until: float
    by: str
    reason: str = ""
    slept: float = 0.0

    def after_sleep(self, slept: float) -> Hold:
        """The same hold once the clock tells of `slept` seconds."""
        if abs(slept - self.slept) < SUSPENDED:
            return self
        return replace(self, until=self.until - (slept - self.slept), slept=slept)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent the last check-in, as the kernel told us."""

    pid: int
    uid: int


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of a process. It errs towards life: a stall of ours may delay a trip, never cause one.

    Silence counts in our own waking time. So a dead process is found within two timeouts of that, however often we
    were away, and a living one is never called dead that was heard once in every timeout of it.

    Attributes:
        timeout: seconds of silence after which it is dead.
        counted_from: the instant silence is counted from: a check-in, moved on by what we were away since, or by the
            whole timeout granted after our own absence; None while it was never up, or has said goodbye.
        last_check_in_at: the last real check-in of this run.
        died_at: since when it counts as dead, found so by the loop after reading all its mail; only a check-in ends it,
            so that no grant of ours brings a dead process back to life.
        stopping_at: from when on its goodbye is to be acted upon, as long as a hold keeps that from being done.
        goodbye_at: when it said that it stops, once that was acted upon; until it checks in again.
        unheard: it was granted a whole timeout, and not heard since: another absence of ours only pauses its silence.
        seen_until: of another host, which is looked for: until when its silence is known; None for a bot, whose mail
            reaches us by itself.
    """

    name: str
    timeout: float
    counted_from: float | None = None
    last_check_in_at: float | None = None
    check_ins: int = 0
    ignored: int = 0
    sender: Sender | None = None
    status: str = ""
    hold: Hold | None = None
    died_at: float | None = None
    stopping_at: float | None = None
    goodbye_at: float | None = None
    unheard: bool = False
    seen_until: float | None = None

    def silent_at(self) -> float | None:
        """The instant at which it is dead unless it checks in before; None while it is not up.

        Of another host, infinite until it is known that nothing was heard up to then.
        """
        if self.counted_from is None:
            return None
        held = self.hold.until if self.hold else self.counted_from
        at = max(self.counted_from + self.timeout, held)
        return at if self.seen_until is None or at <= self.seen_until else inf

    def alive(self, now: float) -> bool:
        silent_at = self.silent_at()
        return self.died_at is None and silent_at is not None and now < silent_at

    def silent(self, now: float) -> bool:
        """Up once, and silent for its timeout: this is what trips."""
        silent_at = self.silent_at()
        return silent_at is not None and now >= silent_at

    def held(self, now: float) -> bool:
        return self.hold is not None and now < self.hold.until

    def check_in(self, at: float, sender: Sender | None, count: int = 1) -> Watch:
        """`count` signs of life, the newest dated by the kernel; one older than what we know changes no deadline."""
        newest = at if self.counted_from is None else max(at, self.counted_from)
        last = at if self.last_check_in_at is None else max(at, self.last_check_in_at)
        return replace(
            self,
            counted_from=newest,
            unheard=False,
            last_check_in_at=last,
            check_ins=self.check_ins + count,
            sender=sender or self.sender,
            died_at=None,
            stopping_at=None,
            goodbye_at=None,
        )

    def paused(self, since: float, at: float) -> Watch:
        """We were away from `since` to `at`: whatever of that it was silent for does not count."""
        if self.counted_from is None or self.died_at is not None:
            return self
        unheard_for = max(0.0, at - max(since, self.counted_from))
        return replace(self, counted_from=self.counted_from + unheard_for)

    def granted(self, at: float) -> Watch:
        """A whole timeout for a process that was up, since its check-ins may be lost: once in every silence."""
        if self.counted_from is None or self.died_at is not None or self.unheard or self.counted_from >= at:
            return self
        return replace(self, counted_from=at, unheard=True)

    def spent(self, now: float, ahead: float) -> float | None:
        """Seconds of its silence that a restart of ours within `ahead` seconds must not forget; None: nothing.

        At most its timeout, and a dead one's are all of it.
        """
        if self.counted_from is None or not self.unheard:
            return None
        until = now if self.seen_until is None else min(now, self.seen_until)
        silence = max(0.0, until - self.counted_from) + ahead
        return self.timeout if self.died_at is not None else min(silence, self.timeout)

    def resumed(self, at: float, spent: float = 0.0) -> Watch:
        """It was up when we last ran, which is its one grant, of which it may have `spent` some already."""
        stopping_at = None if self.stopping_at is None else self.stopping_at - spent
        return replace(self, counted_from=at - spent, unheard=True, stopping_at=stopping_at)

    def stopped(self, at: float) -> Watch:
        """It said that it stops, and that trips: dead from then on, though it was never silent for long."""
        return replace(self, died_at=at, stopping_at=None, goodbye_at=at)

    def released(self) -> Watch:
        """It said goodbye: no silence follows."""
        return replace(self, counted_from=None, died_at=None, stopping_at=None, goodbye_at=self.stopping_at)


@dataclass(frozen=True, slots=True)
class WatchCase:
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


def may_trip(account: Account, guard: Guard, cause: Cause) -> bool:
    """Whether a watch may pull this switch now; a trip under way is not pulled twice."""
    if account.observe or account.on_trip == "none" or guard.disarm is not None:
        return False
    return guard.trip is None or (cause is Cause.TRIGGER and guard.trip.done_at is not None)


def judge(case: WatchCase) -> Iterator[Fact]:
    """What has become true of the account."""
    since = case.guard.taken_on_at
    if since is not None and all((watch.last_check_in_at or -inf) >= since for watch in case.watches):
        yield facts.Heard(case.now)
    # The trip goes before the waiting, and the waiting before the return: so no phase is passed through in between.
    yield from _silenced(case)
    yield from _awaited(case)
    yield from _returned(case)


def _silenced(case: WatchCase) -> Iterator[Fact]:
    """A silence is this account's only if its bots were heard since it took the place of another account."""
    if case.guard.taken_on_at is not None:
        return
    silences = ((at, watch) for watch in case.watches if (at := watch.silent_at()) is not None and at <= case.now)
    at, dead = min(silences, key=lambda silence: silence[0], default=(case.now, None))
    if dead is not None and may_trip(case.account, case.guard, Cause.SILENCE):
        # It was not yet true when they were judged before: a hold or a disarm may have ended since.
        yield facts.Tripped(max(at, case.judged_at), Cause.SILENCE, dead.name, case.tell(dead))


def _awaited(case: WatchCase) -> Iterator[Fact]:
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


def _returned(case: WatchCase) -> Iterator[Fact]:
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
