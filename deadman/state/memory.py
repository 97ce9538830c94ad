"""What outlives us. Instants are monotonic, of the run that holds them; `text` carries them from run to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from deadman import facts
from deadman.board import Board
from deadman.config.schema import SxBetAccount
from deadman.duty import means
from deadman.facts import Disarmed, Fact, TripDone, Tripped
from deadman.guard import Guard
from deadman.identity import Identity, identity_of
from deadman.leases import HEARD_WITHIN
from deadman.trip import Trip
from deadman.watch import Hold, Watch


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
        """The watch as we go on with it: up at our end counts as a check-in now, dead stays so until it checks in."""
        match self.alive:
            case True:
                watch = watch.resumed(now)
            case False:
                watch = replace(watch.resumed(now).found_dead(now), goodbye_at=self.goodbye_at)
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

    `lease`: seconds of the longest lease that SX Bet may hold; `cut_until`: until when it may carry out a request that
    ends one, whatever has been granted since. `unheard`: it took the place of `aside` or another
    account, and not all of its bots have checked in since.
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
        return cls(
            *_trip_facts(guard.trip),
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

    def may_have_ended_a_lease(self, config: SxBetAccount) -> bool:
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
            if not isinstance(config, SxBetAccount) or config.observe:
                continue
            account = self.accounts.get(name, AccountMemory())
            ttl = max(float(config.timeout_seconds), account.lease)
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


def _trip_facts(trip: Trip | None) -> tuple[Tripped | None, TripDone | None]:
    if trip is None:
        return None, None
    done = None if trip.done_at is None else TripDone(trip.done_at, trip.presumed)
    return Tripped(trip.at, trip.cause, trip.by, trip.reason, trip.terms), done
