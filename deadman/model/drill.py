"""A drill: on an operator's word the switch is made to fire, and the venue is seen to cancel. Pure.

What is known of drills is part of the guard, and outlives us: the label of the orders before one is placed, and how the
last drill ended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Literal

from deadman.model.facts import Fact

Outcome = Literal["passed", "failed", "refused"]
"""Passed: the venue was seen to cancel by its switch. Failed: it was not. Refused: not begun, or broken off before
either was known."""


LABEL = "deadman-drill-"
"""What the label of every order of a drill begins with."""


REARM = 5.0
"""Seconds after a drill within which a lease that it has ended is taken again, before that is missed."""


@dataclass(frozen=True, slots=True)
class DrillBegun(Fact):
    """An operator's drill begins.

    Attributes:
        label: of its orders at the venue.
        until: by then it has ended, and the venue carries out nothing more that it asked for.
        lapses: it lets the account's lease run out; nothing is renewed meanwhile, by the operator's own word.
    """

    label: str
    by: str
    until: float
    lapses: bool = False

    @property
    def remains(self) -> str:
        """What may be left of it when it has ended, for people."""
        if self.lapses:
            return "a drill may cut its lease yet: the venue left that unanswered, and its orders go with it"
        return f"an order of a drill may rest, labelled {self.label}: deadman cancels it until none is listed"


@dataclass(frozen=True, slots=True)
class DrillEnded(Fact):
    """The drill of this label ended; without one, it was refused before it began.

    `why` is for people; `left`: why something of it may rest, or happen, yet; empty where nothing can.
    """

    outcome: Outcome
    why: str
    seconds: float | None = None
    label: str = ""
    left: str = ""

    @property
    def words(self) -> str:
        return f"{self.why}; NOT OVER yet, deadman sees to it: {self.left}" if self.left else self.why


class DrillCleaned(Fact):
    """The venue lists no order of a drill any more that had left something, and carries out nothing of it."""


@dataclass(frozen=True, slots=True)
class Drilled:
    """How a drill ended that told something; `seconds` from the death it played to the venue's cancel, if it came."""

    at: float
    passed: bool
    why: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Drills:
    """The drills of one account.

    Attributes:
        left: one that has ended, and of which an order may rest, or a lease be cut yet.
        last: how the last one ended that was not refused.
        passed: the last one that passed.
        rearmed_until: until then a lease that a drill has ended is being taken again.
    """

    under_way: DrillBegun | None = None
    left: DrillBegun | None = None
    last: Drilled | None = None
    passed: Drilled | None = None
    rearmed_until: float = -inf

    @property
    def withholds(self) -> bool:
        """Whether nothing is to be renewed now."""
        return self.under_way is not None and self.under_way.lapses

    def lapses(self, now: float) -> bool:
        """Whether no lease is wanted now, by the operator's word; not for longer than a drill may take."""
        return now < (self.under_way.until if self.under_way and self.under_way.lapses else self.rearmed_until)

    @property
    def takes_orders(self) -> bool:
        """Whether orders that go now may go by a drill that lets a lease run out, which is the operator's word."""
        return self.withholds or (self.left is not None and self.left.lapses)

    @property
    def failed(self) -> bool:
        return self.last is not None and not self.last.passed

    def after(self, fact: DrillBegun | DrillEnded | DrillCleaned) -> Drills:
        match fact:
            case DrillBegun():
                return replace(self, under_way=fact)
            case DrillEnded():
                return self._ended(fact)
            case DrillCleaned():
                return replace(self, left=None)

    def _ended(self, fact: DrillEnded) -> Drills:
        if self.under_way is None or fact.label != self.under_way.label:
            return self
        rearmed_until = fact.at + REARM if self.under_way.lapses else -inf
        left = self.under_way if fact.left else self.left
        if fact.outcome == "refused":
            return replace(self, under_way=None, left=left, rearmed_until=rearmed_until)
        last = Drilled(fact.at, fact.outcome == "passed", fact.why, fact.seconds)
        return Drills(None, left, last, last if last.passed else self.passed, rearmed_until)

    def resumed(self) -> Drills:
        """As a later run goes on with them: one that was under way has ended with the run."""
        return replace(self, under_way=None, left=self.under_way or self.left, rearmed_until=-inf)
