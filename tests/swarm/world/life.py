"""One run of the daemon in memory: composed as `deadman.daemon` does it, but for sockets, threads and signals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random

import trio

from deadman.board import Board
from deadman.clock import Clock
from deadman.config.schema import Account, WatchConfig
from deadman.control.disarms import end_disarms
from deadman.facts import Fact
from deadman.keeper import Keeper
from deadman.keepers import Door, Keepers
from deadman.logs.transitions import transitions
from deadman.standing import Standing
from deadman.state.state import State
from deadman.ticker import Ticker
from deadman.transport.dial import Dialler
from deadman.venue import Post
from deadman.venues.deribit.door import Deribit
from deadman.venues.sxbet.door import SxBet
from deadman.watch import Sender
from deadman.watches import InMemoryInboxes, Watches
from deadman.watches.protocol import Datagram
from tests.swarm.world.disk import Disk, MemoryStore
from tests.swarm.world.market import Market, VenueTime

Observer = Callable[[str, Fact], None]


@dataclass
class Host:
    """The machine we run on: its clocks and how far its wall clock was stepped, its disk, and which processes live."""

    time: VenueTime
    disk: Disk = field(default_factory=Disk)
    stepped: float = 0.0
    woke_at: float = -1.0
    pids: set[int] = field(default_factory=set)
    numbers: count[int] = field(default_factory=lambda: count(4000))

    def timestamp(self) -> float:
        return self.time.timestamp() + self.stepped

    def sleep(self, seconds: float) -> None:
        """A suspend, from beginning to end."""
        self.time.ahead += seconds
        self.woke_at = trio.current_time()

    def offsets(self) -> tuple[float, float]:
        return self.time.ahead, self.time.ahead + self.stepped

    def is_gone(self, pid: int) -> bool:
        return pid not in self.pids


@dataclass
class ObservedBoard(Board):
    """A board that also tells of every fact, after it has been folded in."""

    observers: list[Observer] = field(default_factory=list)

    def post(self, account: str, fact: Fact) -> None:
        super().post(account, fact)
        for observer in self.observers:
            observer(account, fact)


class PlainDialler(Dialler):
    """Spares every run the 15 ms of reading the system's authorities: nothing here speaks TLS."""

    def context(self, ca_file: object) -> None:  # type: ignore[override]
        return None


def make_door(market: Market, dialler: Dialler, clock: Clock, chance: Random, account: Account, post: Post) -> Door:
    market.enroll(account)
    kind = SxBet if account.venue == "sxbet" else Deribit
    return kind(account, dialler, clock, chance, post, market.reader(account))  # type: ignore[arg-type]


class Life:
    """From start to crash. `observers` hear of every fact, those of the last run that are put back included."""

    def __init__(self, market: Market, host: Host, chance: Random, *observers: Observer) -> None:
        clock = Clock(trio.current_time, host.timestamp, host.time.now, "this boot")
        board = ObservedBoard.new(clock)
        assert isinstance(board, ObservedBoard)
        board.observers.extend(observers)
        board.listen(transitions(board))
        self.board, self.chance, self.host = board, chance, host
        self.inboxes = InMemoryInboxes()
        self.watches = Watches(board, self.inboxes, host.time.now, host.is_gone)
        self.store = MemoryStore(host.disk)
        self.state = State(board, self.store)
        dialler = PlainDialler(market.network.open_stream)
        self.door = partial(make_door, market, dialler, clock, chance)
        self.restoring = True
        self.restored: dict[str, Standing] = {}
        self.scope = trio.CancelScope()
        self.ended = trio.Event()
        self.keepers: Keepers | None = None

    async def run(
        self,
        accounts: Mapping[str, Account],
        watches: Mapping[str, WatchConfig],
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        for account in accounts.values():
            self.board.add(account)
        self.watches.apply(watches)
        self.state.restore()
        self.restoring, self.restored = False, self.board.standings()
        try:
            with self.scope:
                async with trio.open_nursery() as nursery:
                    self.keepers = Keepers(self.board, nursery, self.chance, self.door, self._hire)
                    nursery.start_soon(Ticker(self.board, offsets=self.host.offsets).run)
                    nursery.start_soon(self.state.keep)
                    nursery.start_soon(self.watches.run)
                    nursery.start_soon(end_disarms, self.board)
                    self.keepers.apply(accounts)
                    task_status.started()
        finally:
            self.ended.set()

    def reload(self, accounts: Mapping[str, Account], watches: Mapping[str, WatchConfig]) -> None:
        """As `deadman.reload` takes a good config."""
        assert self.keepers is not None
        self.watches.apply(watches)
        self.keepers.apply(accounts)
        self.watches.look()

    def hear(self, watch: str, at: float, words: bytes, pid: int) -> bool:
        """A datagram at the watch's socket; False where there is none."""
        try:
            self.inboxes.send(watch, Datagram(at, words, Sender(pid, 1000)))
        except KeyError:
            return False
        return True

    def keeper_of(self, account: str) -> object:
        """Stands for the very keeper: another one is not equal."""
        assert self.keepers is not None
        return self.keepers._running[account][1]

    def _hire(self, account: Account, door: Door) -> Keeper:
        ready = partial(self.state.remember_alive, account.watches)
        return Keeper(account, self.board, door.open_session, self.chance, ready, door.count_orders)
