"""One connection as the venue sees it: who is on it, what dies with it. Nothing here reads or writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import trio

from ..faults import Faults, Gate, Levels
from .outbox import Outbox
from .timers import Timers
from .vault import Session


class Cause(Enum):
    """Why a connection ended. Only LOGOUT spares its orders."""

    GONE = "gone"  # the peer closed, cleanly or not
    LOGOUT = "logout"
    HEARTBEAT = "heartbeat"
    IDLE = "idle"
    SILENT = "silent"
    RATE = "rate"
    SLOW = "slow"
    DROPPED = "dropped"  # by a test, a person, or the end of the run


# What the peer is told: a close frame, or nothing but the end of the stream. 4000 was seen on production, 1011 on
# Coinbase's gateway; the codes after a logout and after 10028 are documented nowhere.
CLOSE_FRAMES = {
    Cause.HEARTBEAT: (4000, "heartbeat close"),
    Cause.SILENT: (1011, "idle"),
    Cause.LOGOUT: (1000, "logout"),
    Cause.RATE: (1008, "too_many_requests"),
    Cause.SLOW: (1008, "connection_too_slow"),
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


@dataclass(slots=True, eq=False)
class Connection:
    """A WebSocket, or a bot that a test pretends has one.

    Attributes:
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

    def post_text(self, text: str | bytes, after: float = 0.0) -> None:
        """Queue any text; bytes go out as they are, in no frame."""
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
