"""Everything that can go wrong, as knobs. A venue, each of its accounts and each connection has a set of its own.

Nothing is scheduled here: a test turns a knob when its story wants it, a person does it through `commands`.
A "method" below is Deribit's method name, or for SX Bet `"POST /heartbeat/v3"`; `"*"` means all of them.
"""

from __future__ import annotations

import math
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from random import Random
from typing import Literal, TypeVar

import trio


class Gate:
    """A place bytes must pass. While shut, nothing passes and nobody is told: a cable pulled, not a socket closed."""

    def __init__(self) -> None:
        self._opened: trio.Event | None = None

    @property
    def is_shut(self) -> bool:
        return self._opened is not None

    def shut(self) -> None:
        if self._opened is None:
            self._opened = trio.Event()

    def open(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.set()

    async def passed(self) -> None:
        """Return once the gate is open; no checkpoint when it is."""
        while self._opened is not None:
            await self._opened.wait()


class Link(trio.abc.Stream):
    """A stream behind gates. While one is shut even its closing waits, so that the peer never sees a FIN.

    `arrived_at`: since when what was received last may have waited behind them. `unread`: put back, to be read again.
    """

    def __init__(self, inner: trio.abc.Stream, *gates: Gate) -> None:
        self.inner = inner
        self.gates = list(gates)
        self.arrived_at = -math.inf
        self.unread = b""

    async def passed(self) -> None:
        while any(gate.is_shut for gate in self.gates):
            for gate in tuple(self.gates):
                await gate.passed()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.passed()
        await self.inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.passed()
        await self.inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if self.unread:
            again, self.unread = self.unread, b""
            return again
        waits_since, was_shut = trio.current_time(), any(gate.is_shut for gate in self.gates)
        await self.passed()
        data = await self.inner.receive_some(max_bytes)
        self.arrived_at = waits_since if was_shut else trio.current_time()
        await self.passed()
        return data

    async def peek(self, end: bytes, most: int) -> bytes:
        """What comes first, up to `end` at least; it stays to be read."""
        while end not in self.unread and len(self.unread) < most:
            seen, self.unread = self.unread, b""
            more = await self.receive_some()
            self.unread = seen + bytes(more)
            if not more:
                break
        return self.unread

    async def aclose(self) -> None:
        try:
            await self.passed()
        finally:
            await trio.aclose_forcefully(self.inner)

    def reset(self) -> None:
        """Break it at once: a TCP RST where there is TCP."""
        reset(self.inner)


def reset(stream: trio.abc.AsyncResource) -> None:
    match stream:
        case trio.SSLStream():
            reset(stream.transport_stream)
        case trio.SocketStream():
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.socket.close()
        case _:
            getattr(stream, "reset", lambda: None)()


def address_of(stream: trio.abc.AsyncResource) -> str:
    """Who is at the other end, as far as connection limits go."""
    match stream:
        case trio.SSLStream():
            return address_of(stream.transport_stream)
        case trio.SocketStream():
            try:
                return str(stream.socket.getpeername()[0])
            except OSError:  # gone before we looked
                return "gone"
        case _:
            return str(getattr(stream, "address", "memory"))


@dataclass(slots=True)
class Faults:
    """What is wrong just now.

    Attributes:
        gate: shut by `frozen = True`: reads and writes stop, no FIN, dials hang; the venue's own timers run on.
        maintenance: every request is answered that the venue is under maintenance: 11051, or HTTP 503.
        refuse: dials are refused.
        upgrade: how the WebSocket upgrade fails: an HTTP status, or cut by RST, by EOF, or left hanging.
        dead: the application is dead behind a living socket: pongs, but no answer, no heartbeat, nothing done.
        ignored: methods never carried out and never answered.
        silent: methods carried out and never answered.
        fail: methods not carried out and answered with this code (Deribit's, or an HTTP status).
        late: methods carried out so many seconds after they arrived, whatever became of the connection meanwhile.
        delay: seconds between carrying out and answering.
        jitter: up to so many seconds more, drawn anew each time: answers overtake one another.
        no_frame: Deribit methods answered with bytes that are no WebSocket frame.
        garbled: methods answered with what is not JSON (SX Bet: an HTML page).
        wrong_id: Deribit methods answered under another request's id.
        wrong_echo: the read-back names the wrong thing: another scope, another requestor or timeout.
        lying: Deribit says "ok" to account scope and reads it back as on, yet new connections start bare.
        reauth_disarms: a second login on a connection turns its cancel-on-disconnect off.
        cancel_leaves: orders of a cancel that stay open.
        fires_late: seconds between the switch's firing and its cancels; infinite where it never cancels anything.
        lists: a list of open orders names nothing, or also what is gone.
        stuck: orders by their id that no cancel takes, each with the code that one asked for alone is answered.
        expires_at: SX Bet's echo lacks `expiresAt`, or has one that is past.
        granted: SX Bet grants this many seconds whatever was asked, and says so.
        body: an HTTP answer stops half way, with or without an end, or comes a byte at a time.
        drip: seconds between two such bytes.
    """

    gate: Gate = field(default_factory=Gate)
    maintenance: bool = False
    refuse: bool = False
    upgrade: int | Literal["reset", "eof", "hang"] | None = None
    dead: bool = False
    ignored: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    fail: dict[str, int] = field(default_factory=dict)
    late: dict[str, float] = field(default_factory=dict)
    delay: float = 0.0
    jitter: float = 0.0
    no_frame: set[str] = field(default_factory=set)
    garbled: set[str] = field(default_factory=set)
    wrong_id: set[str] = field(default_factory=set)
    wrong_echo: bool = False
    lying: bool = False
    reauth_disarms: bool = False
    cancel_leaves: int = 0
    fires_late: float = 0.0
    lists: Literal["nothing", "gone"] | None = None
    stuck: dict[str, int] = field(default_factory=dict)
    expires_at: Literal["missing", "past"] | None = None
    granted: int | None = None
    body: Literal["hang", "drip", "reset", "eof"] | None = None
    drip: float = 1.0

    @property
    def frozen(self) -> bool:
        return self.gate.is_shut

    @frozen.setter
    def frozen(self, value: bool) -> None:
        if value:
            self.gate.shut()
        else:
            self.gate.open()

    def clear(self) -> None:
        """Heal: every knob back to where it does nothing."""
        self.gate.open()
        fresh = Faults()
        for knob in fields(self):
            if knob.name != "gate":
                setattr(self, knob.name, getattr(fresh, knob.name))


Levels = tuple[Faults, ...]
T = TypeVar("T")


def listed(levels: Levels, resting: list[T], every: Callable[[], Iterable[T]]) -> list[T]:
    """What a list names of what rests; `every` are those that are gone too."""
    lies = {faults.lists for faults in levels}
    if "nothing" in lies:
        return []
    return list(every()) if "gone" in lies else resting


def strikes(levels: Levels, knob: Callable[[Faults], Iterable[str]], method: str) -> bool:
    """Whether a knob that lists methods names this one at any level."""
    return any(method in (named := knob(faults)) or "*" in named for faults in levels)


def stuck(levels: Levels, order_id: str) -> int | None:
    """The code with which this order resists, None for one that can be cancelled."""
    return next((faults.stuck[order_id] for faults in levels if order_id in faults.stuck), None)


def lateness(levels: Levels, random: Random) -> float:
    """Seconds this answer is to wait."""
    jitter = max(faults.jitter for faults in levels)
    return max(faults.delay for faults in levels) + (random.uniform(0.0, jitter) if jitter else 0.0)


def tardiness(levels: Levels, method: str) -> float:
    """Seconds for which this request lies at the venue before it is carried out."""
    return max(faults.late.get(method, faults.late.get("*", 0.0)) for faults in levels)


def failure(levels: Levels, method: str) -> int | None:
    """The code this method is to fail with, the innermost level first."""
    for faults in levels:
        if faults.fail and (code := faults.fail.get(method, faults.fail.get("*"))) is not None:
            return code
    return None
