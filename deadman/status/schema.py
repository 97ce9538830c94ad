"""The report as types, and the same as JSON and back. JSON exists at the control socket alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from deadman.model.board import Event
from deadman.model.facts import Cause
from deadman.model.fate import Fate
from deadman.model.guard import Phase
from deadman.model.proof import Coverage
from deadman.model.settings import OnTrip

DutyName = Literal["rest", "stand_by", "identify", "prove", "cancel", "disarm"]


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
class SightReport:
    """What a witness knows of the account that it watches over; see `model.sight.Sight`."""

    desk: str
    timeout: float
    heard_at: float | None
    blind_since: float | None
    blind_because: str
    awaits: str
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WitnessReport:
    """A witness as its desk knows it. `heard_at`: the youngest word of ours that it has read was sent then.

    `heard`: that is no longer ago than our host_timeout. `can_cancel`: heard, and it said so. `cancelled`: orders that
    it cancelled in a trip of its own, which it has not ended; `because`: what pulled that.
    """

    name: str
    heard_at: float | None
    heard: bool
    can_cancel: bool
    phase: str
    stopped: bool
    cancelled: int | None
    because: str
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """Our line to the witnesses. `failing_since` None: our last word went through. `foreign_at`: when another daemon of
    our name was last seen."""

    failing_since: float | None
    because: str
    foreign_at: float | None


@dataclass(frozen=True, slots=True)
class DrillReport:
    """How the last drill ended that told something; `seconds` until the venue cancelled, None where it did not."""

    at: float
    passed: bool
    seconds: float | None
    why: str


@dataclass(frozen=True, slots=True)
class AccountReport:
    """One account.

    Attributes:
        duty: what is asked of the venue now; `rest` is nothing.
        cancels_only: which orders a trip cancels, in words; None for all.
        set_aside: what is kept from when this name stood for another key, in words.
        outliving: kinds of its orders that stay when the host is lost, as its config says that they are placed.
        witness_of: of a witness's account, daemon and account that it watches over.
        drilling: who let a drill begin that is under way.
        drill_left: what may be left of a drill that has ended, in words.
        undone_until: until then an unanswered request may still end the lease, so that none is proven.
        unmet: watches that have not checked in since they were added to a lease that stands.
    """

    venue: str
    venue_title: str
    network: str
    observe: bool
    on_trip: OnTrip
    cancels_only: str | None
    phase: Phase
    duty: DutyName
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
    undone_until: float | None
    open_orders: int | None
    open_orders_at: float | None
    orders_unsure: bool
    gone_unseen: GoneReport | None
    trouble: TroubleReport | None
    trip: TripReport | None
    disarm: DisarmReport | None
    set_aside: str | None
    drill: DrillReport | None
    drilling: str | None
    drill_left: str | None
    watches: tuple[str, ...]
    unmet: tuple[str, ...]
    outliving: tuple[str, ...]
    witness_of: str | None
    sight: SightReport | None
    witnesses: tuple[WitnessReport, ...]
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
        host: it is another host, whose accounts are watched over here.
        up: it has checked in, and no goodbye was acted upon.
        silent: up, and dead; not one whose goodbye a hold put off, which is about to be acted upon.
        silence: seconds since its last check-in of this run, else since silence is counted; None: it never was up.
        path: its socket.
    """

    host: bool
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
    """All of it. `state_fault`: why what must outlive a restart cannot be written; `state_lost`: why what had to was
    not read, and what that means. `name`: the daemon's.

    `start`: how far one is that takes long, None once it is over. `events`: the latest, newest last.
    """

    version: str
    name: str
    timestamp: float
    state_fault: str | None
    state_lost: str | None
    start: str | None
    cluster: ClusterReport | None
    accounts: Mapping[str, AccountReport]
    watches: Mapping[str, WatchReport]
    events: tuple[Event, ...]


T = TypeVar("T")


_SCALARS = frozenset({bool, int, float, str})


class Mismatch(Exception):
    """The JSON is not what the dataclass says: another version wrote it."""


def to_json(value: object) -> Any:
    """What `json.dumps` takes."""
    if value is None or type(value) in _SCALARS:
        return value
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    kind: Any = type(value)
    return {name: to_json(getattr(value, name)) for name in _types_of(kind)}


def from_json(kind: type[T], value: object) -> T:
    """Raises Mismatch, which says where."""
    read: T = _read(kind, value, "the answer")
    return read


@cache
def _types_of(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _read(kind: Any, value: Any, where: str) -> Any:
    if type(value) is kind or (kind is float and type(value) is int):
        return value
    origin, parameters = get_origin(kind), get_args(kind)
    if origin is UnionType:  # X | None
        return None if value is None else _read(next(one for one in parameters if one is not NoneType), value, where)
    if is_dataclass(kind) and isinstance(value, dict):
        make: Any = kind
        types = _types_of(make)
        if missing := types.keys() - value.keys():
            raise Mismatch(f"{where} lacks {', '.join(sorted(missing))}")
        return make(**{name: _read(one, value[name], name) for name, one in types.items()})
    if origin is Mapping and isinstance(value, dict):
        return {name: _read(parameters[1], item, name) for name, item in value.items()}
    if origin is tuple and isinstance(value, list):
        return tuple(_read(parameters[0], item, where) for item in value)
    if origin is Literal and value in parameters:
        return value
    if isinstance(kind, type) and issubclass(kind, Enum) and value in [one.value for one in kind]:
        return kind(value)
    raise Mismatch(f"{where} is {value!r:.40}")
