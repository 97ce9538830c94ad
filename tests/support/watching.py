"""A desk whose bots speak without sockets, on a clock that only a test's hand moves."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deadman.checkins.protocol import Datagram
from deadman.checkins.rounds import Watches
from deadman.model import facts
from deadman.model.facts import Cause
from deadman.model.guard import Guard, Phase
from deadman.model.settings import Account, WatchConfig
from deadman.model.watch import Hold, Sender, Watch
from deadman.venues.deribit.settings import DeribitAccount
from tests.support import boards
from tests.support.boards import Hand, hand
from tests.support.inboxes import InMemoryInboxes

BOT = Sender(4123, 1000)


@dataclass
class Suspended:
    """How long the machine has slept, which the monotonic clock does not count."""

    seconds: float = 0.0


def deribit(name: str, *watches: str) -> DeribitAccount:
    return replace(boards.deribit(name, *watches), on_trip="cancel")


@dataclass
class WatchDesk:
    """Bots, the watches on them, and the accounts that hang on those. Looks every 0.1 s while time goes by."""

    hand: Hand
    inboxes: InMemoryInboxes
    watches: Watches
    suspended: Suspended

    def say(self, watch: str, *words: str, age: float = 0.0) -> None:
        """One datagram, `age` seconds ago."""
        self.inboxes.send(watch, Datagram(self.hand.now - age, "\n".join(words).encode(), BOT))

    def beat(self, *watches: str) -> None:
        for watch in watches:
            self.say(watch, "WATCHDOG=1")

    def look(self) -> None:
        self.watches.look()

    def advance(self, seconds: float, *beating: str) -> None:
        """Time goes by; `beating` check in once a second, from now on."""
        for step in range(round(seconds * 10)):
            if step % 10 == 0:
                self.beat(*beating)
            self.hand.stall(0.1)
            self.look()

    def watch(self, name: str = "quoter") -> Watch:
        return self.hand.board.watch(name)

    def guard(self, name: str) -> Guard:
        return self.hand.board.standing(name).guard

    def phase(self, name: str) -> Phase:
        return self.hand.board.standing(name).phase

    def trip(self, name: str) -> tuple[Cause, str] | None:
        trip = self.guard(name).trip
        return (trip.cause, trip.by) if trip else None

    def finish_trip(self, *accounts: str) -> None:
        for account in accounts:
            self.hand.post(account, facts.TripDone(self.hand.now, presumed=False))

    def hold(self, watch: str, seconds: float) -> None:
        board = self.hand.board
        hold = Hold(self.hand.now + seconds, "alice", "deploy", board.clock.slept())
        board.put_watch(replace(board.watch(watch), hold=hold))


def watch_desk(*accounts: Account, watches: tuple[WatchConfig, ...] = (WatchConfig("quoter", 5.0),)) -> WatchDesk:
    """Every account known, no bot up yet, one look taken."""
    moved, suspended, inboxes = hand(*accounts), Suspended(), InMemoryInboxes()
    moved.board.clock = replace(moved.board.clock, uptime=lambda: moved.now + suspended.seconds)
    rounds = Watches(moved.board, inboxes, lambda: moved.now + suspended.seconds, lambda pid: True)
    rounds.apply({config.name: config for config in watches})
    rounds.look()
    return WatchDesk(moved, inboxes, rounds, suspended)
