"""What Prometheus counts, folded from the same facts as the guard and as immutable."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from deadman.model import facts
from deadman.model.drill import DrillEnded
from deadman.model.facts import Fact
from deadman.model.guard import Guard, Phase
from deadman.model.succession import fold


@dataclass(frozen=True, slots=True)
class Standing:
    """One account as of `seen_at`; `since` dates its phase. Instants are monotonic.

    `unprotected`: seconds that it was wanted and not protected; apart from the counters, which only facts move.
    """

    guard: Guard
    seen_at: float
    phase: Phase
    since: float
    tally: Tally
    unprotected: float = 0.0

    @classmethod
    def new(cls, guard: Guard, now: float) -> Standing:
        phase = guard.phase(now)
        return cls(guard, now, phase, now, Tally().entered(phase))

    def at(self, now: float) -> Standing:
        """The same account later: phases that time alone brought are dated when they came."""
        standing = self
        while standing.due_at <= now:
            standing = standing._pass(standing.due_at)
        return standing._pass(max(now, standing.seen_at))

    @property
    def due_at(self) -> float:
        """The next instant at which time alone may change a judgement; infinite when only a fact can."""
        return self.guard.next_change(self.seen_at)

    def steps(self, now: float) -> Iterator[Standing]:
        """Each standing on the way to `now` at which time alone may have changed a judgement, and the one at `now`."""
        standing = self
        while standing.due_at <= now:
            standing = standing._pass(standing.due_at)
            yield standing
        yield standing._pass(max(now, standing.seen_at))

    def post(self, fact: Fact) -> Standing:
        """The account after one more fact; a fact dated before the last one counts from now on."""
        earlier = self.at(fact.at)
        tally = earlier.tally.post(earlier.guard, fact)
        guard = fold(earlier.guard, fact)
        if guard.taken_on_at not in (None, earlier.guard.taken_on_at):
            # What was read of another account says nothing of this one; counters go on.
            tally = replace(tally, switch_enabled={}, switch_timestamp=0.0, token_expiry_timestamp=0.0, clock=None)
        return earlier._judged(guard, tally, earlier.seen_at, earlier.unprotected)

    def _pass(self, now: float) -> Standing:
        spent = now - self.seen_at if self.phase is not Phase.ARMED and self.alarming else 0.0
        return self._judged(self.guard, self.tally, now, self.unprotected + spent)

    def _judged(self, guard: Guard, tally: Tally, now: float, unprotected: float) -> Standing:
        """Not by `replace`, which takes some times as long: this is done at every answer, to us or to the venue."""
        phase = guard.phase(now)
        if phase is self.phase:
            return Standing(guard, now, phase, self.since, tally, unprotected)
        return Standing(guard, now, phase, now, tally.entered(phase), unprotected)

    @property
    def alarming(self) -> bool:
        """What alarms, exit codes and the SLI count, as of `seen_at`: wanted and not protected."""
        return self.guard.wanted(self.seen_at) and not self.guard.protected(self.seen_at)

    @property
    def is_early(self) -> bool:
        """Whether it has no outcome yet: not proven, and nothing wrong."""
        return self.phase in (Phase.CONNECTING, Phase.ARMING) and self.guard.trouble is None


MOST_CODES, OTHER = 64, "other"
"""Error codes of one account that are counted each for itself: a venue that makes them up must not fill our memory."""

CLOCK_RECENT = 300.0
"""Seconds for which the best comparison of the clocks stands: no clock drifts by much in so long."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Observations by bucket, not cumulated; the last count is of what exceeds every bound."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float = 0.0

    @classmethod
    def empty(cls, bounds: tuple[float, ...]) -> Histogram:
        return cls(bounds, (0,) * (len(bounds) + 1))

    def observe(self, value: float) -> Histogram:
        place = bisect_left(self.bounds, value)
        counts = (*self.counts[:place], self.counts[place] + 1, *self.counts[place + 1 :])
        return Histogram(self.bounds, counts, self.total + value)


_NO_ROUND_TRIPS = Histogram.empty((0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0))
_NO_REPLIES = Histogram.empty((0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0))
_NO_MARGINS = Histogram.empty((0.0, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0))
_NO_TRIPS = Histogram.empty((0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0))

Counts = Mapping[str, int]


def _count(counts: Counts, key: str) -> Counts:
    return {**counts, key: counts.get(key, 0) + 1}


@dataclass(frozen=True, slots=True)
class Tally:
    """Counters and last readings of one account. Seconds; `…_timestamp` Unix seconds, 0 while unknown."""

    transitions: Counts = field(default_factory=dict)
    attempted: int = 0
    confirmed: int = 0
    margins: Histogram = _NO_MARGINS
    round_trips: Histogram = _NO_ROUND_TRIPS
    test_requests: int = 0
    replies: Histogram = _NO_REPLIES
    opened: int = 0
    lost: Counts = field(default_factory=dict)
    switch_enabled: Mapping[str, bool] = field(default_factory=dict)
    switch_timestamp: float = 0.0
    repairs: int = 0
    errors: Counts = field(default_factory=dict)
    token_expiry_timestamp: float = 0.0
    clock: facts.ClockCompared | None = None
    trips: Counts = field(default_factory=dict)
    orders_cancelled: int = 0
    trip_spans: Histogram = _NO_TRIPS
    fired: int = 0
    gone_unseen: int = 0
    drills: Counts = field(default_factory=dict)

    def entered(self, phase: Phase) -> Tally:
        return replace(self, transitions=_count(self.transitions, phase))

    def post(self, before: Guard, fact: Fact) -> Tally:
        """Count `fact`, which happened to an account that stood as `before`."""
        match fact:
            case facts.Attempted(ttl=ttl) if ttl > 0:
                return replace(self, attempted=self.attempted + 1)
            case facts.Proven(at=at):
                # Only a renewal has a margin: a first proof had nothing to run out.
                margins = self.margins if before.proof is None else self.margins.observe(before.proof.margin(at))
                return replace(self, confirmed=self.confirmed + 1, margins=margins)
            case facts.Answered(round_trip=round_trip):
                return replace(self, round_trips=self.round_trips.observe(round_trip))
            case facts.TestRequestAnswered(delay=delay):
                return replace(self, test_requests=self.test_requests + 1, replies=self.replies.observe(delay))
            case facts.SessionOpened():
                return replace(self, opened=self.opened + 1)
            case facts.Lost(reason=reason) | facts.TurnedAway(reason=reason) if before.session_at is not None:
                return replace(self, lost=_count(self.lost, reason))
            case facts.Erred(code=code):
                known = code in self.errors or len(self.errors) < MOST_CODES
                return replace(self, errors=_count(self.errors, code if known else OTHER))
            case facts.Tripped(cause=cause) if before.post(fact).trip != before.trip:
                return replace(self, trips=_count(self.trips, cause))
            case facts.OrdersCounted() if (gone := before.post(fact).book.gone) != before.book.gone and gone:
                return replace(self, gone_unseen=self.gone_unseen + gone.orders)
            case facts.RoundDone(cancelled=cancelled):
                return replace(self, orders_cancelled=self.orders_cancelled + cancelled)
            case facts.TripDone(at=at) if before.trip is not None and before.trip.done_at is None:
                return replace(self, trip_spans=self.trip_spans.observe(at - before.trip.at))
            case facts.Repaired() if before.switch.undone:
                return replace(self, repairs=self.repairs + 1)
            case facts.SwitchRead(scope=scope, enabled=enabled, timestamp=timestamp):
                enabled_by_scope = {**self.switch_enabled, scope: enabled}
                return replace(self, switch_enabled=enabled_by_scope, switch_timestamp=timestamp)
            case facts.TokenGranted(expiry_timestamp=timestamp):
                return replace(self, token_expiry_timestamp=timestamp)
            case facts.ClockCompared() if fact.is_telling and self._is_better(fact):
                return replace(self, clock=fact)
            case DrillEnded(outcome=outcome):
                return replace(self, drills=_count(self.drills, outcome))
            case facts.VenueFired(orders=orders):
                return replace(self, fired=self.fired + orders)
            case _:
                return self

    @property
    def clock_offset(self) -> float:
        """The venue's clock less ours by the best recent answer, in seconds; 0 before there was one."""
        return self.clock.offset if self.clock is not None else 0.0

    def _is_better(self, sample: facts.ClockCompared) -> bool:
        """Than the one we have: the quicker answer is, for a while, unless both cannot be true."""
        known = self.clock
        if known is None or sample.round_trip <= known.round_trip or sample.at > known.at + CLOCK_RECENT:
            return True
        return abs(sample.offset - known.offset) > (sample.round_trip + known.round_trip) / 2
