"""What we have asked of a switch that is a setting, and so what it may be expected to read; the guard folds it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from deadman.model.facts import SwitchAnswered, SwitchSent


@dataclass(frozen=True, slots=True)
class SwitchRecord:
    """Facts of the account's setting.

    Attributes:
        proven_on: it was proven on, and nobody of us has asked to turn it off since. Read as off after that, it has
            come undone behind us.
        undone: it was so read, and no proof came since.
        unsettled: requests of ours to turn it on or off that were not answered for good: whether on, and the instant
            until which the venue may yet carry them out. Until then nothing to the contrary is believed.
    """

    proven_on: bool = False
    undone: bool = False
    unsettled: frozenset[tuple[bool, float]] = frozenset()

    def proven(self) -> SwitchRecord:
        return replace(self, proven_on=True, undone=False)

    def read_off(self) -> SwitchRecord:
        return replace(self, undone=self.proven_on)

    def let_go(self) -> SwitchRecord:
        """It is off by our own hand, or may be from here on: read as off, it blames nobody."""
        return replace(self, proven_on=False, undone=False)

    def sent(self, fact: SwitchSent) -> SwitchRecord:
        pending = {one for one in self.unsettled if one[1] > fact.at} | {(fact.enabled, fact.until)}
        return replace(self, unsettled=frozenset(pending))

    def answered(self, fact: SwitchAnswered) -> SwitchRecord:
        return replace(self, unsettled=frozenset(one for one in self.unsettled if one[1] != fact.until))

    def contrary_until(self, *, on: bool) -> float:
        """Until when the venue may yet turn it the other way, by a request of ours; -inf when it will not."""
        return max((until for enabled, until in self.unsettled if enabled is not on), default=-inf)
