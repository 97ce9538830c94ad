"""The life of one trading process, folded from its check-ins. Pure: instants are monotonic, no clock is read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deadman.model.clock import SUSPENDED


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

    def silent_at(self) -> float | None:
        """The instant at which it is dead unless it checks in before; None while it is not up."""
        if self.counted_from is None:
            return None
        held = self.hold.until if self.hold else self.counted_from
        return max(self.counted_from + self.timeout, held)

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

    def noted(self, ignored: int, status: str | None) -> Watch:
        """What else came: datagrams that said nothing, and what it says of itself (None: nothing new)."""
        return replace(self, ignored=self.ignored + ignored, status=self.status if status is None else status)

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
        silence = max(0.0, now - self.counted_from) + ahead
        return self.timeout if self.died_at is not None else min(silence, self.timeout)

    def resumed(self, at: float, spent: float = 0.0) -> Watch:
        """It was up when we last ran, which is its one grant, of which it may have `spent` some already."""
        stopping_at = None if self.stopping_at is None else self.stopping_at - spent
        return replace(self, counted_from=at - spent, unheard=True, stopping_at=stopping_at)

    def found_dead(self, at: float) -> Watch:
        return replace(self, died_at=at, stopping_at=None)

    def stopping(self, at: float) -> Watch:
        return replace(self, stopping_at=at)

    def stopped(self, at: float) -> Watch:
        """It said that it stops, and that trips: dead from then on, though it was never silent for long."""
        return replace(self.found_dead(at), goodbye_at=at)

    def released(self) -> Watch:
        """It said goodbye: no silence follows."""
        return replace(self, counted_from=None, died_at=None, stopping_at=None, goodbye_at=self.stopping_at)

    def held_until(self, hold: Hold | None) -> Watch:
        return replace(self, hold=hold)
