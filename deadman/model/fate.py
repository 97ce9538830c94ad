"""What becomes of the orders after a death, and all that is known when it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

from deadman.model.guard import Guard, Phase
from deadman.model.promise import promise
from deadman.model.settings import Account, OnTrip, WatchConfig
from deadman.model.text import Times
from deadman.model.watch import Watch


@dataclass(frozen=True, slots=True)
class Fate:
    """`within`: seconds from now at most, None where nothing bounds it. `because`: a sentence for people.

    A fate errs to the worse: `gone` is said only of what the venue or we will certainly do, from what was proven, and
    always with its bound; 0 only where the orders are gone already. A trip under way is `cancelling`.
    """

    orders: Literal["cancelling", "gone", "partly", "stay", "unknown"]
    within: float | None
    because: str


def rounded_up(seconds: float) -> float:
    """In whole milliseconds, rounded up: what is told of a death must hold."""
    return ceil(round(seconds * 1000, 3)) / 1000


@dataclass(frozen=True, slots=True)
class Case:
    """An account, as it is in force, as of `times.now`. `watches`: those of its watches that are known."""

    account: Account
    guard: Guard
    watches: Mapping[str, Watch]
    times: Times

    @property
    def now(self) -> float:
        return self.times.now

    @property
    def phase(self) -> Phase:
        return self.guard.phase(self.now)

    @property
    def stands(self) -> bool:
        """Whether the proof stands, also where a trip keeps it from counting as protection."""
        return self.guard.proof is not None and self.guard.proof.stands(self.now)

    @property
    def found_off(self) -> bool:
        """The venue's last word is that the switch is off, also while a trip is told first."""
        return self.guard.trouble is not None and self.guard.trouble.phase is Phase.EXPOSED

    @property
    def cleared(self) -> bool:
        """Tripped, nothing has been seen in the book since, and no bot was heard that may have placed more.

        A tripped lease is not asked about any more: only a bot that we know to be silent vouches for an empty book.
        """
        trip = self.guard.trip
        if self.phase is not Phase.TRIPPED or trip is None or trip.done_at is None or self.guard.open_orders:
            return False
        if self.guard.leases.taken_since(trip.done_at) and self.guard.may_be_leased(self.now):
            return False  # what an earlier run knew of the trip may be older than what it did after it
        # A presumption speaks of what rested when the trip began; a list, of all there was when it was done.
        since = trip.at if trip.presumed else trip.done_at
        if self.guard.open_orders == 0:
            since = max(since, self.guard.open_orders_at or since)
        for watch in self.watches.values():
            # One that was up when we last ran may have gone on trading meanwhile, though it was not heard since;
            # not so one that was never up, or dead already when we took it over.
            if watch.last_check_in_at is None:
                is_silent = watch.died_at == watch.counted_from
            else:
                # One that had its time yet when the book was seen empty may have placed more before it ran out.
                ended = (
                    watch.last_check_in_at if watch.goodbye_at is not None else watch.last_check_in_at + watch.timeout
                )
                is_silent = ended <= since and not watch.alive(self.now)
            if not is_silent:
                return False
        return bool(self.watches)

    @property
    def unmet(self) -> tuple[str, ...]:
        """Watches without which a lease is kept: added by a reload, and not up since."""
        bots = self.guard.bots
        if bots is None:
            return ()
        return tuple(name for name in self.account.watches if name not in bots and not self._is_up(name))

    @property
    def bots(self) -> tuple[str, ...]:
        """Whose silence counts."""
        return tuple(name for name in self.account.watches if name not in self.unmet)

    @property
    def names(self) -> str:
        return " or ".join(self.bots)

    @property
    def trips(self) -> bool:
        """Whether the silence of its bots would make deadman do anything: all are up, and a trip acts."""
        up = len(self.bots) > 0 and all(self._is_up(name) for name in self.bots)
        return up and self.account.on_trip != "none" and not self.account.observe

    def _is_up(self, name: str) -> bool:
        return name in self.watches and self.watches[name].counted_from is not None

    def as_drilled(self, fate: Fate) -> Fate:
        """What rests on the venue's switch alone, which the last drill may not have seen to fire."""
        if not self.guard.drills.failed or self.guard.drills.last is None:
            return fate
        missed = f"That was not seen in the drill of {self.times.told(self.guard.drills.last.at)}."
        return Fate("unknown", None, f"{fate.because} {missed}")

    def bound(self, on_trip: OnTrip | None = None) -> float | None:
        """Seconds at most from a bot's death now to its orders gone: the promise, and what a hold adds to it.

        For as many orders as were counted last; None where the bound needs their number and nobody knows it. By
        `on_trip` where that is not what the account's trips do now.
        """
        account = replace(self.account, watches=self.bots, on_trip=on_trip or self.account.on_trip)
        patience = {
            name: WatchConfig(name, max(watch.timeout, watch.hold.until - self.now if watch.hold else 0.0))
            for name, watch in self.watches.items()
        }
        bound = promise(account, patience).gone_within(self.guard.open_orders)
        return None if bound is None else rounded_up(bound)
