"""What outlives us. Instants are monotonic, of the run that holds them; `text` carries them from run to run."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import tomli_w

from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.duty import means
from deadman.model.facts import Cause, Disarmed, Fact, TripDone, Tripped
from deadman.model.guard import Guard
from deadman.model.identity import Identity, identity_of
from deadman.model.leases import HEARD_WITHIN
from deadman.model.settings import Account, Selection, Terms
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
                watch = replace(watch.resumed(now, silent).found_dead(now - silent), goodbye_at=self.goodbye_at)
        if self.stopping:  # it may have come back while nobody listened: so it has its time to be heard first
            watch = watch.stopping(now if watch.counted_from is None else watch.counted_from + watch.timeout)
        return watch.held_until(self.hold)


@dataclass(frozen=True, slots=True)
class Listed:
    """Open orders as last listed. Only their number makes a difference."""

    count: int
    at: float = field(compare=False)


def is_news(known: Listed | None, now: Listed | None) -> bool:
    """Whether so much of a book came or went that a restart should know of it soon."""
    before, after = (one.count if one else 0 for one in (known, now))
    return after > 2 * before or before > 2 * after


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

    @classmethod
    def of(cls, guard: Guard) -> AccountMemory:
        trip = guard.trip
        return cls(
            None if trip is None else Tripped(trip.at, trip.cause, trip.by, trip.reason, trip.terms),
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
        )

    def belongs(self, guard: Guard, now: float) -> Guard:
        """The guard, to which `facts` were posted, as that of the account they were remembered of."""
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

    def may_have_ended_a_lease(self, config: Account) -> bool:
        """Whether the last run was about to let a lease go or to cut it, as far as is remembered."""
        if self.disarmed is not None:
            return not self.disarm_confirmed
        cuts = self.tripped is not None and means(config, self.tripped.cause) == "expire"
        return cuts and self.trip_done is None

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
        accounts = {name: AccountMemory.of(standing.guard) for name, standing in board.standings().items()}
        return cls(
            {name: kept for name, kept in watches.items() if kept != WatchMemory()},
            {name: kept for name, kept in accounts.items() if kept != AccountMemory()},
            under_way=not last or any(one.guard.leases.may_be_heard(now) for one in board.standings().values()),
        )

    @classmethod
    def when_in_doubt(cls, board: Board) -> Memory:
        """The safe side when nothing is known: every bot was alive, so that its silence trips; nothing disarmed."""
        return cls({name: WatchMemory(alive=True) for name in board.watches()}, under_way=True, doubted=True)

    def put_back(self, board: Board) -> None:
        """Post it on the board, as far as the config still knows of it."""
        now = board.clock.now()
        for name, watch in board.watches().items():
            if name in self.watches:
                board.put_watch(self.watches[name].put_back(watch, now))
        for name, account in self.accounts.items():
            heir = self._heir(name, account, board)
            if heir is None:
                continue
            for fact in account.facts(now):
                board.post(heir, fact)
            board.take_on(heir, account.belongs(board.standing(heir).guard, now))
        if self != Memory():
            self._presume_leases(board, now)

    def _presume_leases(self, board: Board, now: float) -> None:
        """What is remembered may be older than the last run's end: a lease may stand, or be taken or ended yet."""
        heard_until = now + HEARD_WITHIN if self.under_way else now
        for name, config in board.configs.items():
            if config.lease is None or config.observe:
                continue
            account = self.accounts.get(name, AccountMemory())
            ttl = max(config.lease, account.lease)
            board.post(name, facts.LeasePresumed(now, ttl, heard_until))
            if self.doubted or (self.under_way and account.may_have_ended_a_lease(config)):
                board.post(name, facts.LeasePresumed(now, 0.0, heard_until))
            elif account.cut_until is not None and account.cut_until > now:
                board.post(name, facts.LeasePresumed(now, 0.0, account.cut_until))

    def _heir(self, name: str, account: AccountMemory, board: Board) -> str | None:
        """Who takes on what is remembered: the same name, or the same account under a name that is new."""
        if name in board.configs or account.identity is None:
            return name if name in board.configs else None
        new = (config for config in board.configs.values() if config.name not in self.accounts)
        return next((config.name for config in new if identity_of(config).is_of(account.identity)), None)


_HEAD = b"# Written by deadman, for deadman: a change by hand breaks this checksum: "


class Damaged(Exception):
    """The bytes are not what was once written; the text says how so."""


def encode(memory: Memory, clock: Clock) -> bytes:
    writer = _Writer(clock)
    tables = {
        "written": clock.timestamp(),
        **({"boot": {"id": clock.boot_id, "uptime": clock.uptime()}} if clock.uptime and clock.boot_id else {}),
        "under_way": memory.under_way,
        "watches": {name: writer.watch(watch) for name, watch in memory.watches.items()},
        "accounts": {name: writer.account(account) for name, account in memory.accounts.items()},
    }
    # An operator's reason may hold half a surrogate pair, which UTF-8 cannot.
    body = tomli_w.dumps(tables).encode("utf-8", "replace")
    return _HEAD + _checksum(body) + b"\n" + body


def decode(data: bytes, clock: Clock) -> Memory:
    """Raises Damaged."""
    head, _, body = data.partition(b"\n")
    if head != _HEAD + _checksum(body):
        raise Damaged("its checksum does not match" if data else "it is empty")
    try:
        tables = tomllib.loads(body.decode())
        reader = _Reader(clock, tables["written"], _elapsed(tables, clock))
        return Memory(
            {name: reader.watch(watch) for name, watch in tables["watches"].items()},
            {name: reader.account(account) for name, account in tables["accounts"].items()},
            tables.get("under_way", True),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # whole, but of another version's making
        raise Damaged(f"it is not understood: {error!r}") from error


def _elapsed(tables: Mapping[str, Any], clock: Clock) -> float:
    """Seconds since it was written: never less than 0, and after a reboot the longest that any clock tells.

    A wrong wall clock (a host that starts in 1970) so brings nothing past nearer, and moves nothing to come away; what
    remains of a hold errs to the shorter.
    """
    by_wall: float = max(clock.timestamp() - tables["written"], 0.0)
    boot = tables.get("boot")
    if boot is None or clock.uptime is None:
        return by_wall
    if boot["id"] == clock.boot_id and boot["uptime"] <= clock.uptime():
        return float(clock.uptime() - boot["uptime"])
    return max(by_wall, clock.uptime())


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:16].encode()


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes instants as Unix seconds, and leaves out what is not set: TOML has no null."""

    clock: Clock

    def watch(self, watch: WatchMemory) -> dict[str, Any]:
        hold = watch.hold
        return _set(
            alive=watch.alive,
            hold=hold and _set(until=self._at(hold.until), by=hold.by, reason=hold.reason),
            stopping=watch.stopping or None,
            goodbye=self._at(watch.goodbye_at),
        )

    def account(self, account: AccountMemory) -> dict[str, Any]:
        disarm, listed = account.disarmed, account.listed
        return _set(
            turned_on=account.turned_on or None,
            lease=account.lease or None,
            cut=self._at(account.cut_until),
            bots=None if account.bots is None else sorted(account.bots),
            listed=listed and {"orders": listed.count, "at": self._at(listed.at)},
            trip=account.tripped and self._trip(account.tripped, account.trip_done),
            disarm=disarm
            and _set(
                by=disarm.by,
                reason=disarm.reason,
                since=self._at(disarm.at),
                until=self._at(disarm.until),
                confirmed=account.disarm_confirmed,
            ),
            identity=account.identity and _set(**asdict(account.identity)),
            withheld=account.withheld or None,
            unheard=account.unheard or None,
            aside=account.aside and self.account(account.aside),
        )

    def _trip(self, trip: Tripped, done: TripDone | None) -> dict[str, Any]:
        terms = trip.terms
        return _set(
            cause=str(trip.cause),
            by=trip.by,
            reason=trip.reason,
            since=self._at(trip.at),
            terms=terms and {"on_trip": terms.on_trip, "cancel": _set(**asdict(terms.cancel))},
            done=done and self._at(done.at),
            presumed=done and done.presumed,
        )

    def _at(self, instant: float | None) -> float | None:
        return None if instant is None else self.clock.timestamp_of(instant)


def _set(**values: object) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads Unix seconds as instants of this run, `elapsed` seconds after they were `written`."""

    clock: Clock
    written: float
    elapsed: float

    def watch(self, table: Mapping[str, Any]) -> WatchMemory:
        hold = table.get("hold")
        return WatchMemory(
            table.get("alive"),
            Hold(self._at(hold["until"]), hold["by"], hold["reason"], self.clock.slept()) if hold else None,
            table.get("stopping", False),
            self._at_of(table, "goodbye"),
        )

    def account(self, table: Mapping[str, Any]) -> AccountMemory:
        trip, disarm, listed = table.get("trip", {}), table.get("disarm", {}), table.get("listed")
        return AccountMemory(
            tripped=self._tripped(trip) if trip else None,
            trip_done=TripDone(self._at(trip["done"]), trip["presumed"]) if "done" in trip else None,
            disarmed=self._disarmed(disarm) if disarm else None,
            disarm_confirmed=disarm.get("confirmed", False),
            turned_on=table.get("turned_on", False),
            lease=table.get("lease", 0.0),
            cut_until=self._at_of(table, "cut"),
            bots=frozenset(table["bots"]) if "bots" in table else None,
            identity=Identity(**table["identity"]) if "identity" in table else None,
            withheld=table.get("withheld", False),
            unheard=table.get("unheard", False),
            aside=self.account(table["aside"]) if "aside" in table else None,
            listed=Listed(listed["orders"], self._at(listed["at"])) if listed else None,
        )

    def _tripped(self, table: Mapping[str, Any]) -> Tripped:
        given = table.get("terms")
        terms = Terms(given["on_trip"], Selection(**given["cancel"])) if given else None
        return Tripped(self._at(table["since"]), Cause(table["cause"]), table["by"], table["reason"], terms)

    def _disarmed(self, table: Mapping[str, Any]) -> Disarmed:
        until = self._at_of(table, "until")
        return Disarmed(self._at(table["since"]), table["by"], table["reason"], until, self.clock.slept())

    def _at_of(self, table: Mapping[str, Any], key: str) -> float | None:
        return self._at(table[key]) if key in table else None

    def _at(self, timestamp: float) -> float:
        return self.clock.now() - self.elapsed + (timestamp - self.written)
