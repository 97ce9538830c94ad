"""The answer of `status`, named as in its JSON. Instants in Unix seconds, spans in seconds, what is unknown is None."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from deadman.model.facts import Cause
from deadman.model.fate import Fate
from deadman.model.guard import Phase
from deadman.model.proof import Coverage
from deadman.model.settings import OnTrip


@dataclass(frozen=True, slots=True)
class TroubleReport:
    """`reason` None: the venue answered, and the switch is off."""

    reason: str | None
    detail: str
    since: float

    @property
    def words(self) -> str:
        return (self.detail or self.reason or "the venue says no").rstrip(".")


@dataclass(frozen=True, slots=True)
class TripReport:
    """`fed`: something keeps placing orders. `resists_because`: what the venue said of one that it does not cancel."""

    at: float
    cause: Cause
    by: str
    reason: str
    rounds: int
    cancelled: int
    remaining: int | None
    done_at: float | None
    presumed: bool
    resisting: int
    resists_because: str | None
    placed: int
    placed_at: float | None
    fed: bool


@dataclass(frozen=True, slots=True)
class DisarmReport:
    """`until` None: only `arm` ends it."""

    at: float
    by: str
    reason: str
    until: float | None
    confirmed: bool


@dataclass(frozen=True, slots=True)
class HoldReport:
    until: float
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class GoneReport:
    """Orders that were listed last at `listed_at` and missed at `at`. `lapsed`: a lease ended in between."""

    at: float
    orders: int
    listed_at: float
    lapsed: bool


@dataclass(frozen=True, slots=True)
class AccountReport:
    """One account.

    Attributes:
        duty: what is asked of the venue now; `rest` is nothing.
        cancels_only: which orders a trip cancels, in words; None for all.
        set_aside: what is kept of another account of this name, in words.
        unmet: watches that have not checked in since they were added to a lease that stands.
    """

    venue: str
    venue_title: str
    network: str
    observe: bool
    on_trip: OnTrip
    cancels_only: str | None
    phase: Phase
    duty: Literal["rest", "identify", "prove", "cancel", "disarm"]
    protected: bool
    wanted: bool
    can_cancel: bool
    trip_ready: bool
    connected: bool
    margin: float
    since: float
    last_proof: float | None
    expiry: float | None
    coverage: Coverage | None
    covered_since: float | None
    lease_end: float | None
    open_orders: int | None
    open_orders_at: float | None
    orders_unsure: bool
    gone_unseen: GoneReport | None
    trouble: TroubleReport | None
    trip: TripReport | None
    disarm: DisarmReport | None
    set_aside: str | None
    watches: tuple[str, ...]
    unmet: tuple[str, ...]
    if_bot_dies: Fate
    if_host_dies: Fate

    @property
    def alarming(self) -> bool:
        """What exit codes count."""
        return self.wanted and not self.protected

    @property
    def unreachable(self) -> bool:
        """No session though one is wanted, and the venue has not said no to us."""
        refused = self.phase in (Phase.EXPOSED, Phase.REFUSED)
        return not self.connected and self.trouble is not None and not refused and self.duty != "rest"

    def count_age(self, now: float) -> float | None:
        """Seconds since the venue listed the open orders."""
        if self.open_orders is None or self.open_orders_at is None:
            return None
        return max(0.0, now - self.open_orders_at)


@dataclass(frozen=True, slots=True)
class WatchReport:
    """One trading process.

    Attributes:
        up: it has checked in, and no goodbye was acted upon.
        silent: up, and dead; not one whose goodbye a hold put off, which is about to be acted upon.
        silence: seconds since its last check-in of this run, else since silence is counted; None: it never was up.
        path: its socket.
    """

    alive: bool
    up: bool
    silent: bool
    goodbye_at: float | None
    silence: float | None
    timeout: float
    last_check_in: float | None
    check_ins: int
    ignored: int
    pid: int | None
    uid: int | None
    process_gone: bool
    status: str
    held: bool
    hold: HoldReport | None
    path: str | None


@dataclass(frozen=True, slots=True)
class StatusReport:
    """All of it. `state_fault`: why what must outlive a restart cannot be written."""

    version: str
    timestamp: float
    state_fault: str | None
    accounts: Mapping[str, AccountReport]
    watches: Mapping[str, WatchReport]
