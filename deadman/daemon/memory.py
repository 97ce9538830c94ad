"""What outlives us. Instants are monotonic, of the run that holds them; `text` carries them from run to run."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from operator import attrgetter
from typing import Any, TypeVar, get_args, get_type_hints

import tomli_w

from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.drill import Drills
from deadman.model.duty import means
from deadman.model.errors import Unable
from deadman.model.facts import Cause, Disarmed, Fact, TripDone, Tripped
from deadman.model.guard import Guard
from deadman.model.identity import Identity, identity_of
from deadman.model.leases import HEARD_WITHIN
from deadman.model.watch import Hold, Watch


@dataclass(frozen=True, slots=True)
class WatchMemory:
    """`alive`: whether the process was up and not found dead; None when it was not up, or had said goodbye.

    `stopping`: it said goodbye on a hold, at whose end that is acted upon; `goodbye_at`: when it did, once it was.
    """

    alive: bool | None = None
    hold: Hold | None = None
    stopping: bool = False
    goodbye_at: float | None = None

    @classmethod
    def of(cls, watch: Watch) -> WatchMemory:
        if watch.died_at is not None:
            return cls(False, watch.hold, goodbye_at=watch.goodbye_at)
        alive = True if watch.counted_from is not None else None
        return cls(alive, watch.hold, watch.stopping_at is not None)

    def put_back(self, watch: Watch, now: float) -> Watch:
        """The watch as we go on with it: up at our end counts as a check-in now, dead stays so until it checks in.

        A dead one's time goes on: what an operator arms while it is dead is tripped when it would be without a restart.
        """
        match self.alive:
            case True:
                watch = watch.resumed(now)
            case False:
                since = now - watch.timeout if self.goodbye_at is None else min(self.goodbye_at, now)
                silent = min(now - since, watch.timeout)
                dead = watch.resumed(now, silent)
                watch = replace(dead, died_at=now - silent, stopping_at=None, goodbye_at=self.goodbye_at)
        if self.stopping:  # it may have come back while nobody listened: so it has its time to be heard first
            stopping_at = now if watch.counted_from is None else watch.counted_from + watch.timeout
            watch = replace(watch, stopping_at=stopping_at)
        return replace(watch, hold=self.hold)


@dataclass(frozen=True, slots=True)
class Listed:
    """Open orders as last listed. Only their number makes a difference."""

    count: int
    at: float = field(compare=False)


def is_news(known: Listed | None, now: Listed | None) -> bool:
    """Whether so much of a book came or went that a restart should know of it soon."""
    before, after = (one.count if one else 0 for one in (known, now))
    return after > 2 * before or before > 2 * after


MEMORABLE = attrgetter(
    *("trip", "disarm", "disarm_confirmed", "turned_on", "leases.longest", "leases.cut_until", "bots", "identity"),
    *("withheld", "taken_on_at", "aside", "book", "drills"),
)
"""What `AccountMemory.of` reads of a guard."""


@dataclass(frozen=True, slots=True)
class AccountMemory:
    """The facts that bring an account's guard back to where it was, and whose account it is.

    `lease`: seconds of the longest lease that the venue may hold; `cut_until`: until when it may carry out a request
    that ends one, whatever has been granted since. `unheard`: it took the place of `aside` or another account, and not
    all of its bots have checked in since.
    """

    tripped: Tripped | None = None
    trip_done: TripDone | None = None
    disarmed: Disarmed | None = None
    disarm_confirmed: bool = False
    turned_on: bool = False
    lease: float = 0.0
    cut_until: float | None = None
    bots: frozenset[str] | None = None
    identity: Identity | None = None
    withheld: bool = False
    unheard: bool = False
    aside: AccountMemory | None = None
    listed: Listed | None = None
    drills: Drills | None = None

    @classmethod
    def of(cls, guard: Guard) -> AccountMemory:
        trip = guard.trip
        return cls(
            None if trip is None else Tripped(trip.at, trip.cause, trip.by, trip.reason, trip.terms, trip.cancelled),
            TripDone(trip.done_at, trip.presumed) if trip is not None and trip.done_at is not None else None,
            disarmed=guard.disarm,
            disarm_confirmed=guard.disarm is not None and guard.disarm_confirmed,
            turned_on=guard.turned_on,
            lease=guard.leases.longest,
            cut_until=guard.leases.cut_until,
            bots=guard.bots,
            identity=guard.identity,
            withheld=guard.withheld,
            unheard=guard.taken_on_at is not None,
            aside=None if guard.aside is None else cls.of(guard.aside),
            listed=Listed(guard.book.count, guard.book.listed_at) if guard.book.count else None,
            drills=None if guard.drills == Drills() else guard.drills,
        )

    def belongs(self, guard: Guard, now: float) -> Guard:
        """The guard, to which `facts` were posted, as that of the account they were remembered of."""
        guard = replace(guard, drills=self.drills.resumed() if self.drills else Drills())
        if self.identity is None:  # written before identities were: of this very account
            return guard
        aside = None if self.aside is None else self.aside.guard(guard.overdue_after, now)
        unheard = now if self.unheard else None
        return replace(guard, identity=self.identity, withheld=self.withheld, taken_on_at=unheard, aside=aside)

    def guard(self, overdue_after: float, now: float) -> Guard:
        """The guard as it was, but for what does not outlive us."""
        guard = Guard(overdue_after)
        for fact in self.facts(now):
            guard = guard.post(fact)
        return self.belongs(guard, now)

    def facts(self, now: float) -> Iterator[Fact]:
        """In the order in which the guard must hear them."""
        if self.listed is not None:
            yield facts.OrdersRemembered(now, self.listed.count, self.listed.at)
        if self.turned_on:
            yield facts.TurnedOn(now)
        if self.bots is not None:
            yield facts.BotSeen(now, self.bots)
        yield from (fact for fact in (self.tripped, self.trip_done, self.disarmed) if fact is not None)
        if self.disarm_confirmed:
            yield facts.DisarmConfirmed(now)


@dataclass(frozen=True, slots=True)
class Memory:
    """Everything remembered, by name. `under_way`: a request for a lease may have been when this was written or since;
    only what a run writes last can say no. `doubted`: the file could not be read, and may have said anything."""

    watches: Mapping[str, WatchMemory] = field(default_factory=dict)
    accounts: Mapping[str, AccountMemory] = field(default_factory=dict)
    under_way: bool = False
    doubted: bool = False

    @classmethod
    def of(cls, board: Board, *, last: bool = False) -> Memory:
        now = board.clock.now()
        watches = {name: WatchMemory.of(watch) for name, watch in board.watches().items()}
        guards = board.guards()
        accounts = {name: AccountMemory.of(guard) for name, guard in guards.items()}
        under_way = any(
            one.heard_until > now for guard in (*guards.values(), *board.parted) for one in guard.leases.asked
        )
        return cls(
            {name: kept for name, kept in watches.items() if kept != WatchMemory()},
            {name: kept for name, kept in accounts.items() if kept != AccountMemory()},
            under_way=not last or under_way,
        )

    def put_back(self, board: Board) -> None:
        """Post it on the board, as far as the config still knows of it."""
        now = board.clock.now()
        for name, watch in board.watches().items():
            if name in self.watches:
                board.put_watch(self.watches[name].put_back(watch, now))
        for name, account in self.accounts.items():
            heir = name if name in board.configs else None
            if heir is None and account.identity is not None:  # the same account under a name that is new
                new = (config for config in board.configs.values() if config.name not in self.accounts)
                heir = next((config.name for config in new if identity_of(config).is_of(account.identity)), None)
            if heir is None:
                continue
            board.post(heir, *account.facts(now))
            board.add(board.configs[heir], account.belongs(board.standing(heir).guard, now))
        board.bring_home({name: account.guard(0.0, now) for name, account in self.accounts.items()})
        if self != Memory():
            self._presume_leases(board, now)

    def _presume_leases(self, board: Board, now: float) -> None:
        """What is remembered may be older than the last run's end: a lease may stand, or be taken or ended yet."""
        heard_until = now + HEARD_WITHIN if self.under_way else now
        for name, config in board.configs.items():
            if config.lease is None or config.observe:
                continue
            account = self.accounts.get(name, AccountMemory())
            board.post(name, facts.LeasePresumed(now, max(config.lease, account.lease), heard_until))
            trip, drills = account.tripped, account.drills
            if drills is not None and drills.withholds:
                was_ending = True  # its cut may be carried out yet
            elif account.disarmed is not None:
                was_ending = not account.disarm_confirmed
            else:
                was_ending = trip is not None and account.trip_done is None and means(config, trip.cause) == "expire"
            if self.doubted or (self.under_way and was_ending):
                board.post(name, facts.LeasePresumed(now, 0.0, heard_until))
            elif account.cut_until is not None and account.cut_until > now:
                board.post(name, facts.LeasePresumed(now, 0.0, account.cut_until))


T = TypeVar("T")

_INSTANTS = ("at", "until")

_HEAD = b"# Written by deadman, for deadman: a change by hand breaks this checksum: "


FORMAT = 2
"""What `encode` writes. To be raised whenever a field is added, renamed or read differently; `decode` goes on reading
whatever an earlier release wrote, so that an upgrade forgets nothing."""

_RENAMED = {
    "goodbye": "goodbye_at",
    "cut": "cut_until",
    "listed.orders": "listed.count",
    "trip.done": "trip_done.at",
    "trip.presumed": "trip_done.presumed",
    "trip.since": "tripped.at",
    "trip": "tripped",
    "disarm.since": "disarmed.at",
    "disarm.confirmed": "disarm_confirmed",
    "disarm": "disarmed",
}
"""Where today's fields stood in format 1, which had no number, in a watch's or an account's table."""


class Damaged(Exception):
    """The bytes are not what was once written; the text says how so."""


class Newer(Unable):
    """A later release wrote it. What it says is neither to be guessed at nor to be overwritten."""


Texts = dict[str, tuple[object, float, str]]
"""By account: what its text was made of, how far the wall clock was ahead of ours then, and the text."""

STEP = 0.01
"""Seconds by which the wall clock may have moved since a text was written that is written again."""


def encode(memory: Memory, clock: Clock, texts: Texts | None = None) -> bytes:
    """`texts`: of an earlier time, to be written anew only where something has changed; brought up to date here."""
    codec, offset, texts = _Codec(clock), clock.timestamp_of(0.0), {} if texts is None else texts
    head = {
        "format": FORMAT,
        "written": clock.timestamp(),
        **({"boot": {"id": clock.boot_id, "uptime": clock.uptime()}} if clock.uptime and clock.boot_id else {}),
        "under_way": memory.under_way,
        "watches": {name: codec.write(watch) for name, watch in memory.watches.items()},
        "accounts": dict[str, Any](),
    }
    for name, account in memory.accounts.items():
        kept, made_of = texts.get(name), (account, account.listed and account.listed.at)
        if kept is None or kept[0] != made_of or abs(kept[1] - offset) > STEP:
            texts[name] = made_of, offset, tomli_w.dumps({"accounts": {name: codec.write(account)}})
    # An operator's reason may hold half a surrogate pair, which UTF-8 cannot.
    parts = tomli_w.dumps(head), *(texts[name][2] for name in memory.accounts)
    body = "\n".join(parts).encode("utf-8", "replace")
    return _HEAD + _checksum(body) + b"\n" + body


def decode(data: bytes, clock: Clock) -> Memory:
    """Raises Damaged, and Newer for what a later release wrote."""
    head, _, body = data.partition(b"\n")
    if head != _HEAD + _checksum(body):
        raise Damaged("its checksum does not match" if data else "it is empty")
    try:
        tables = tomllib.loads(body.decode())
        form = tables.get("format", 1)
        if form > FORMAT:
            raise Newer(f"it has format {form}, which a later deadman wrote; this one reads up to {FORMAT}")
        codec = _Codec(clock, tables["written"], _elapsed(tables, clock))
        renew = _renamed if form == 1 else dict
        return Memory(
            {name: codec.read(WatchMemory, renew(watch)) for name, watch in tables["watches"].items()},
            {name: codec.read(AccountMemory, renew(account)) for name, account in tables["accounts"].items()},
            tables.get("under_way", True),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # whole, but of nobody's making
        raise Damaged(f"it is not understood: {error!r}") from error


def _renamed(table: dict[str, Any]) -> dict[str, Any]:
    """A watch or an account of format 1 under today's names; what has them already keeps them."""
    for old, new in _RENAMED.items():
        *above, name = old.split(".")
        place = table.get(above[0], {}) if above else table
        if name not in place:
            continue
        *above, renamed = new.split(".")
        value, target = place.pop(name), table.setdefault(above[0], {}) if above else table
        target[renamed] = value | target.get(renamed, {}) if isinstance(value, dict) else value
    return table | ({"aside": _renamed(table["aside"])} if "aside" in table else {})


def _elapsed(tables: Mapping[str, Any], clock: Clock) -> float:
    """Seconds since it was written: never less than 0, and after a reboot the longest that any clock tells.

    A wrong wall clock (a host that starts in 1970) so brings nothing past nearer, and moves nothing to come away; what
    remains of a hold errs to the shorter.
    """
    by_wall: float = max(clock.timestamp() - tables["written"], 0.0)
    boot = tables.get("boot")
    if boot is None or clock.uptime is None or not clock.boot_id:
        return by_wall
    if boot["id"] == clock.boot_id and boot["uptime"] <= clock.uptime():
        return float(clock.uptime() - boot["uptime"])
    return max(by_wall, clock.uptime())


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:16].encode()


@dataclass(frozen=True, slots=True)
class _Codec:
    """Writes records field by field, and reads them `elapsed` seconds after they were `written`.

    A field that has its default is left out, for TOML has no null. Floats named `at` or `until` are instants, which
    are written as Unix seconds and read as instants of this run; `slept` is never carried on.
    """

    clock: Clock
    written: float = 0.0
    elapsed: float = 0.0

    def write(self, record: Any) -> dict[str, Any]:
        table = {}
        for one in fields(record):
            value = getattr(record, one.name)
            if value == one.default or one.name == "slept":
                continue
            if is_dataclass(type(value)):
                value = self.write(value)
            elif isinstance(value, frozenset):
                value = sorted(value)
            elif one.name.endswith(_INSTANTS):
                value = self.clock.timestamp_of(value)
            table[one.name] = value
        return table

    def read(self, kind: type[T], table: Mapping[str, Any]) -> T:
        """Raises KeyError or TypeError for a field too many or too few, ValueError for a word that is none."""
        hints = get_type_hints(kind)
        values = {name: self._value(hints[name], name, value) for name, value in table.items()}
        return kind(**values, **({"slept": self.clock.slept()} if "slept" in hints else {}))

    def _value(self, hint: Any, name: str, value: Any) -> Any:
        if isinstance(value, dict):
            (kind,) = (one for one in get_args(hint) or (hint,) if isinstance(one, type) and is_dataclass(one))
            return self.read(kind, value)
        if isinstance(value, list):
            return frozenset(value)
        if hint is Cause:
            return Cause(value)
        if name.endswith(_INSTANTS):
            return self.clock.now() - self.elapsed + (value - self.written)
        return value
