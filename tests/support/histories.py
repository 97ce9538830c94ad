"""Whatever may happen to an account: Hypothesis strategies of facts, in the order of their instants.

Instants are quarters of a second, so that they meet each other and every limit often. The facts are drawn from one
catalogue, made once: a strategy for every field of every fact would take minutes where this takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import reduce
from itertools import product

from hypothesis import strategies as st

from deadman.model import facts
from deadman.model.errors import Reason
from deadman.model.facts import Cause, Fact
from deadman.model.guard import Guard
from deadman.model.identity import Identity
from deadman.model.proof import Coverage, Proof
from deadman.model.settings import Selection, Terms
from deadman.model.sight import Sight, Witness

OVERDUE = 3.0
"""Seconds, in every guard made here."""

Make = Callable[[float], Fact]
"""A fact, once it is told when."""

History = tuple[Fact, ...]


def _proven(delay: float, ttl: float, coverage: Coverage) -> Make:
    return lambda at: facts.Proven(at, Proof(max(0.0, at - delay), ttl, coverage))


def _attempted(ttl: float) -> Make:
    return lambda at: facts.Attempted(at, ttl)


def _granted(ttl: float, sure: float | None) -> Make:
    return lambda at: facts.LeaseGranted(at, max(0.0, at - 0.25), ttl, sure)


def _presumed(ttl: float) -> Make:
    return lambda at: facts.LeasePresumed(at, ttl, at + 3.0)


def _tripped(cause: Cause) -> Make:
    return lambda at: facts.Tripped(at, cause, "somebody")


def _round(remaining: int | None) -> Make:
    return lambda at: facts.RoundDone(at, 2, remaining)


def _sighted(sight: Sight | None) -> Make:
    return lambda at: facts.Sighted(at, sight and replace(sight, seen_at=at, blind_since=sight.blind_since and at))


SIGHTS = (None, Sight("alpha", 2.0), Sight("alpha", 2.0, blind_since=1.0), Sight("alpha", 2.0, awaits="stopped"))

PROOFS = [_proven(*case) for case in product((0.0, 0.25, 2.0), (0.0, 1.0, 3.0, 10.0), Coverage)]
TRIPS: list[Make] = [
    *(_tripped(cause) for cause in Cause for _ in range(2)),
    *(_round(remaining) for remaining in (None, 0, 3)),
    lambda at: facts.TripDone(at, presumed=True),
    lambda at: facts.TripDone(at, presumed=False),
    lambda at: facts.Disarmed(at, "somebody"),
    lambda at: facts.DisarmConfirmed(at),
    lambda at: facts.Rearmed(at, "somebody"),
    lambda at: facts.Rearmed(at, "somebody"),
]
NEWS: list[Make] = [
    *(_attempted(ttl) for ttl in (1.0, 3.0, 10.0)),
    lambda at: facts.SessionOpened(at, can_cancel=True),
    lambda at: facts.SessionOpened(at, can_cancel=False),
    lambda at: facts.SessionClosed(at),
    lambda at: facts.Lost(at, Reason.CLOSED),
    lambda at: facts.Lost(at, Reason.DNS),
    lambda at: facts.Failed(at, Reason.VENUE_ERROR, ""),
    lambda at: facts.FoundOff(at, ""),
    lambda at: facts.TurnedAway(at, Reason.CREDENTIALS, ""),
    lambda at: facts.TurnedOn(at),
    lambda at: facts.SwitchRead(at, "account", False, 0.0),
    lambda at: facts.SwitchRead(at, "connection", False, 0.0),
    lambda at: facts.SwitchSent(at, enabled=True, until=at + 2.0),
    lambda at: facts.SwitchSent(at, enabled=False, until=at + 2.0),
    lambda at: facts.SwitchAnswered(at, at + 1.0),
    lambda at: facts.Doubted(at, ""),
    lambda at: facts.Awaited(at),
    lambda at: facts.BotSeen(at),
    lambda at: facts.Slept(at, 30.0),
    lambda at: facts.OrdersCounted(at, 3),
    lambda at: facts.OrdersCounted(at, 0),
    lambda at: facts.OrdersRemembered(at, 5, at - 60.0),
    *(_granted(ttl, sure) for ttl, sure in ((0.0, 0.0), (1.0, 1.0), (5.0, None), (10.0, 10.0))),
    lambda at: facts.LeaseDenied(at, at),
    lambda at: facts.LeaseGivenUp(at, max(0.0, at - 0.25)),
    _presumed(10.0),
    *(_sighted(sight) for sight in SIGHTS),
    lambda at: facts.StoodBy(at),
    lambda at: facts.Witnessed(at, (Witness("bravo", at, 2.0, can_cancel=True),)),
]
COUNTS: list[Make] = [
    lambda at: facts.Answered(at, 0.25),
    lambda at: facts.TestRequestAnswered(at, 0.001),
    lambda at: facts.Erred(at, "10028"),
    lambda at: facts.TokenGranted(at, 900.0),
    lambda at: facts.ClockCompared(at, -5.0, 0.0),
    lambda at: facts.Repaired(at),
    lambda at: facts.VenueFired(at, 2),
    lambda at: facts.TakenOn(at, Identity("", ""), Terms("cancel", Selection())),
    lambda at: facts.Identified(at, None),
    lambda at: facts.Called(at),
    lambda at: facts.Heard(at),
    lambda at: facts.SwitchRead(at, "account", True, 0.0),
]

makes = st.sampled_from([*PROOFS, *TRIPS, *NEWS, *COUNTS])
calm = st.sampled_from([*PROOFS, *NEWS[:5], *(3 * NEWS[3:5]), *COUNTS])
weather = st.sampled_from([*PROOFS, *NEWS, *COUNTS])
steps = st.integers(0, 12).map(lambda quarters: quarters / 4)
instants = st.integers(0, 200).map(lambda quarters: quarters / 4)


def _dated(drawn: Iterable[tuple[float, Make]]) -> History:
    at, history = 0.0, []
    for step, make in drawn:
        at += step
        history.append(make(at))
    return tuple(history)


def _of(kinds: st.SearchStrategy[Make]) -> st.SearchStrategy[History]:
    return st.lists(st.tuples(steps, kinds), max_size=12).map(_dated)


histories = _of(calm) | _of(weather) | _of(makes)
"""Facts in the order in which they became true, several at once among them.

Good days, bad days and days of trips, a third each: a trip drawn among all the rest would outlast most histories.
"""


moments = st.tuples(histories, steps).map(lambda drawn: (drawn[0], end_of(drawn[0]) + drawn[1]))
"""A history, and an instant at its end or soon after."""


def end_of(history: History) -> float:
    return history[-1].at if history else 0.0


def fold(history: Iterable[Fact], guard: Guard | None = None) -> Guard:
    return reduce(Guard.post, history, guard or Guard(OVERDUE))
