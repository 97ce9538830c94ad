"""One connection as the venue sees it: who is on it, what dies with it. Nothing here reads or writes."""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count
from typing import Any

import trio

from deadman.simulator.deribit.access import Session
from deadman.simulator.deribit.settings import Settings
from deadman.simulator.faults import Faults, Gate, Levels

Text = str | bytes | Callable[[], str]
"""Bytes go out as they are, in no frame; what is called is written when it leaves."""


class Outbox:
    """Texts by the instant each may leave; in the order they were put where those are equal."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Text]] = []
        self._numbers = count()
        self._changed = trio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, text: Text, leaves_at: float) -> None:
        heapq.heappush(self._waiting, (leaves_at, next(self._numbers), text))
        self._wake()

    def close(self) -> None:
        """Nothing more comes. What is due by now is still taken, what would be late is lost."""
        self._closed = True
        self._wake()

    async def take(self) -> str | bytes | None:
        """The next text, when it may leave; None after the last."""
        while not self._is_due():
            if self._closed:
                return None
            if not self._waiting:
                await self._changed.wait()
                continue
            with trio.move_on_at(self._waiting[0][0]):
                await self._changed.wait()
        text = heapq.heappop(self._waiting)[2]
        return text() if callable(text) else text

    def _is_due(self) -> bool:
        return bool(self._waiting) and self._waiting[0][0] <= trio.current_time()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


class Tick(Enum):
    TEST_REQUEST = auto()
    TEST_REQUEST_AND_HEARTBEAT = auto()  # the plain heartbeat comes only where nothing else was said
    UNANSWERED = auto()
    IDLE = auto()
    SILENT = auto()


@dataclass(slots=True)
class Timers:
    """Instants of one connection, on the monotonic clock.

    Source: the schedule (first test_request at interval + 0.5 s, each later one interval + 0.6 s after, close 10.0 s
    after an unanswered one) and the 60 s cut of bare sockets were measured on production in September 2026.
    """

    settings: Settings
    opened_at: float
    interval: float = math.inf
    test_at: float = math.inf
    unanswered_since: float | None = None
    heard_at: float | None = None
    spoke_at: float = -math.inf

    def set_heartbeat(self, interval: float, now: float) -> None:
        self.interval = interval
        self.test_at = now + interval + self.settings.first_test
        self.unanswered_since = None

    def disable_heartbeat(self) -> None:
        self.interval = self.test_at = math.inf
        self.unanswered_since = None

    def tested(self) -> None:
        """A `public/test` arrived: the only answer a test_request takes."""
        self.unanswered_since = None

    def next_at(self) -> float:
        return min(self.test_at, self._unanswered_at(), self._idle_at(), self._silent_at())

    def due(self, now: float) -> Tick | None:
        """What is to be done now, if anything. To be asked again until it says None."""
        if now >= self._unanswered_at():
            return Tick.UNANSWERED
        if now >= self._silent_at():
            return Tick.SILENT
        if now >= self._idle_at():
            return Tick.IDLE
        return self._test(now) if now >= self.test_at else None

    def _test(self, now: float) -> Tick:
        self.test_at = now + self.interval + self.settings.test_period
        self.unanswered_since = now if self.unanswered_since is None else self.unanswered_since
        busy = self.spoke_at > now - self.interval
        return Tick.TEST_REQUEST if busy else Tick.TEST_REQUEST_AND_HEARTBEAT

    def _unanswered_at(self) -> float:
        return math.inf if self.unanswered_since is None else self.unanswered_since + self.settings.grace

    def _idle_at(self) -> float:
        if self.interval < math.inf:
            return math.inf
        if self.heard_at is None:
            return self.opened_at + self.settings.bare_idle
        return self.heard_at + self.settings.idle

    def _silent_at(self) -> float:
        if self.settings.silence_close is None:
            return math.inf
        return (self.opened_at if self.heard_at is None else self.heard_at) + self.settings.silence_close


class Cause(Enum):
    """Why a connection ended. Only LOGOUT spares its orders."""

    GONE = "gone"  # the peer closed, cleanly or not
    LOGOUT = "logout"
    HEARTBEAT = "heartbeat"
    IDLE = "idle"
    SILENT = "silent"
    RATE = "rate"
    SLOW = "slow"
    MAINTENANCE = "maintenance"
    DROPPED = "dropped"  # by a test, a person, or the end of the run


# What the peer is told: a close frame, or nothing but the end of the stream. 4000 was seen on production, 1011 on
# Coinbase's gateway; the codes after a logout, after 10028 and before maintenance are documented nowhere.
CLOSE_FRAMES = {
    Cause.HEARTBEAT: (4000, "heartbeat close"),
    Cause.SILENT: (1011, "idle"),
    Cause.LOGOUT: (1000, "logout"),
    Cause.RATE: (1008, "too_many_requests"),
    Cause.SLOW: (1008, "connection_too_slow"),
    Cause.MAINTENANCE: (1012, "maintenance"),
}


@dataclass(slots=True)
class Account:
    """What the venue remembers of an account. `history`: the default, with the number of the last connection before."""

    name: str
    faults: Faults = field(default_factory=Faults)
    history: list[tuple[int, bool]] = field(default_factory=list)

    @property
    def cancel_on_disconnect(self) -> bool:
        """The default that connections opened from now on start with."""
        return bool(self.history) and self.history[-1][1]

    def starts_with(self, connection: int) -> bool:
        """What the default was when this connection was opened: a later change never reaches it."""
        return next((enabled for last, enabled in reversed(self.history) if last < connection), False)


HTTP = 0
"""In place of a connection's number: nothing dies with it."""


@dataclass(slots=True, eq=False)
class Connection:
    """A WebSocket, or a bot that a test pretends has one.

    Attributes:
        id: a number, or `HTTP` for a request that has no WebSocket.
        gathered: what a channel's interval has brought so far, by channel and instrument.
        sever: breaks the stream underneath at once.
        scope: cancelled when the venue stops listening to this connection.
    """

    id: int
    address: str
    timers: Timers
    venue_faults: Faults
    gates: list[Gate]
    outbox: Outbox
    faults: Faults = field(default_factory=Faults)
    account: Account | None = None
    session: Session | None = None
    cancel_on_disconnect: bool = False
    channels: set[str] = field(default_factory=set)
    gathered: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    rescheduled: trio.Event = field(default_factory=trio.Event)
    ended: Cause | None = None
    sever: Callable[[], None] = lambda: None

    @property
    def levels(self) -> Levels:
        if self.account is None:
            return (self.faults, self.venue_faults)
        return (self.faults, self.account.faults, self.venue_faults)

    def post(self, message: dict[str, Any], after: float = 0.0) -> None:
        """Queue one message, to leave `after` seconds from now."""
        self.post_text(json.dumps(message, separators=(",", ":")), after)

    def post_text(self, text: Text, after: float = 0.0) -> None:
        if self.ended is None and not any(faults.dead for faults in self.levels):
            now = trio.current_time()
            self.timers.spoke_at = now
            self.outbox.put(text, now + after)

    def reschedule(self) -> None:
        self.rescheduled.set()
        self.rescheduled = trio.Event()

    def sign_in(self, account: Account, session: Session) -> None:
        """Put an account on the connection; its first login decides what the connection starts with."""
        if self.account is not account:
            self.account = account
            self.gates.append(account.faults.gate)
            self.cancel_on_disconnect = account.starts_with(self.id) and not any(f.lying for f in self.levels)
        elif any(faults.reauth_disarms for faults in self.levels):
            self.cancel_on_disconnect = False
        self.session = session


def new_connection(id_: int, address: str, timers: Timers, venue_faults: Faults) -> Connection:
    faults = Faults()
    gates = [venue_faults.gate, faults.gate]
    return Connection(id_, address, timers, venue_faults, gates, Outbox(), faults)
