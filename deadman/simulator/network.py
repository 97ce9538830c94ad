"""The venues on links in memory that behave like TCP: they buffer within bounds, take time, fall silent, and break.

A test decides when. There is no DNS and no TLS here.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from operator import index
from random import Random

import trio

WINDOW = 65_536  # bytes a sender may be ahead of its reader, as with a socket's buffers

RETRANSMITTED = 20.0
"""Seconds for which a kernel tries to send what nobody acknowledges: ours for six (TCP_USER_TIMEOUT)."""


class Pipe:
    """One direction. `latency()` gives seconds per chunk, and never changes their order.

    While `held` nothing arrives, neither bytes nor end nor reset, and neither side can tell: the cable is pulled.
    """

    def __init__(self, latency: Callable[[], float]) -> None:
        self.held = False
        self._latency = latency
        self._chunks: deque[tuple[float, bytes]] = deque()
        self._size = 0
        self._last_due = -math.inf
        self._changed = trio.Event()
        self._ended = self._unread = self._broken = False

    async def send(self, data: bytes) -> None:
        await self.writable()
        if not data:  # would read as the end
            return
        self._last_due = max(self._last_due, trio.current_time() + self._latency())
        self._chunks.append((self._last_due, data))
        self._size += len(data)
        self.wake()

    async def writable(self) -> None:
        """Return when a chunk may be sent.

        Raises:
            trio.ClosedResourceError: this side was closed.
            trio.BrokenResourceError: the other was, or the link was reset.
        """
        await trio.lowlevel.checkpoint()
        while self._size >= WINDOW and not self._ended and not self._is_dead():
            await self._changed.wait()
        if self._ended:
            raise trio.ClosedResourceError
        if self._is_dead():
            raise trio.BrokenResourceError("the peer is gone")

    async def receive(self, max_bytes: int) -> bytes:
        await trio.lowlevel.checkpoint()
        while True:
            if self._unread:
                raise trio.ClosedResourceError
            if not self.held:
                if self._broken:
                    raise trio.BrokenResourceError("connection reset")
                if self._chunks and self._chunks[0][0] <= trio.current_time():
                    return self._take(max_bytes)
                if self._ended and not self._chunks:
                    return b""
            if self.held or not self._chunks:
                await self._changed.wait()
                continue
            with trio.move_on_at(self._chunks[0][0]):
                await self._changed.wait()

    def end(self) -> None:
        """The sender closes: what is under way still arrives, then the end of the stream."""
        self._ended = True
        self.wake()

    def stop_reading(self) -> None:
        """The reader closes: what is sent from now on meets a reset."""
        self._unread = True
        self.wake()

    def reset(self) -> None:
        """Break it: what was under way is lost."""
        self._broken = True
        self.wake()

    def release(self) -> None:
        """The cable is back. A kernel has given up by then what was not acknowledged for long."""
        self.held = False
        if self._chunks and self._chunks[0][0] < trio.current_time() - RETRANSMITTED:
            self._broken = True
        self.wake()

    def wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def _is_dead(self) -> bool:
        return not self.held and (self._broken or self._unread)

    def _take(self, max_bytes: int) -> bytes:
        due, chunk = self._chunks.popleft()
        if len(chunk) > max_bytes:
            self._chunks.appendleft((due, chunk[max_bytes:]))
        self._size -= len(chunk[:max_bytes])
        self.wake()
        return chunk[:max_bytes]


class OneAtATime:
    """Two tasks on one side of a stream are a mistake, and a real socket says so."""

    def __init__(self) -> None:
        self._busy = False

    def __enter__(self) -> None:
        if self._busy:
            raise trio.BusyResourceError("another task is using this stream")
        self._busy = True

    def __exit__(self, *_: object) -> None:
        self._busy = False


class End(trio.abc.Stream):
    """One end of a pair of pipes. `address` is who the other end sees."""

    def __init__(self, outgoing: Pipe, incoming: Pipe, address: str) -> None:
        self.address = address
        self._sending, self._receiving = OneAtATime(), OneAtATime()
        self._outgoing = outgoing
        self._incoming = incoming

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        with self._sending:
            await self._outgoing.send(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        with self._sending:
            await self._outgoing.writable()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        most = WINDOW if max_bytes is None else index(max_bytes)
        if most < 1:
            raise ValueError("max_bytes must be at least 1")
        with self._receiving:
            return await self._incoming.receive(most)

    async def aclose(self) -> None:
        self._outgoing.end()
        self._incoming.stop_reading()
        await trio.lowlevel.checkpoint()

    def reset(self) -> None:
        self._outgoing.reset()
        self._incoming.reset()


Serve = Callable[[trio.abc.Stream], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Dial:
    """One attempt to connect, whatever became of it."""

    at: float
    host: str
    port: int


@dataclass(slots=True)
class Host:
    """Who answers at an address, and what goes wrong on the way there.

    `latency` in seconds, lowest and highest; `dial`: what a new connection takes besides.
    """

    serve: Serve
    refused: bool = False
    frozen: bool = False
    latency: tuple[float, float] = (0.0, 0.0)
    dial: float = 0.0
    thawed: trio.Event = field(default_factory=trio.Event)
    pipes: list[Pipe] = field(default_factory=list)


class Network:
    """Addresses, links and their faults. Faults are by host name and strike standing links as well as new ones."""

    def __init__(self, nursery: trio.Nursery, random: Random) -> None:
        self.dials: list[Dial] = []
        self._nursery = nursery
        self._random = random
        self._hosts: dict[tuple[str, int], Host] = {}

    def add(self, host: str, port: int, serve: Serve) -> None:
        self._hosts[host, port] = Host(serve)

    async def open_stream(self, host: str, port: int, address: str = "client") -> trio.abc.Stream:
        """Connect, seen at the other end as `address`. Hangs while the host is frozen.

        Raises:
            OSError: refused, or nobody is there.
        """
        self.dials.append(Dial(trio.current_time(), host, port))
        place = self._hosts.get((host, port))
        await trio.lowlevel.checkpoint()
        if place is None:
            raise OSError(f"no route to {host}:{port}")
        while place.frozen:
            await place.thawed.wait()
        if place.refused:
            raise ConnectionRefusedError(f"{host}:{port} refused the connection")
        await trio.sleep(place.dial + self._random.uniform(*place.latency))
        return self._link(place, address)

    def freeze(self, host: str) -> None:
        """Pull the cable: nothing arrives any more in either direction, and nobody is told."""
        for place in self._at(host):
            place.frozen, place.thawed = True, trio.Event()
            self._hold(place, True)

    def thaw(self, host: str) -> None:
        """Put it back. Links that neither side gave up live on, and what was under way arrives."""
        for place in self._at(host):
            place.frozen = False
            place.thawed.set()
            self._hold(place, False)

    def cut(self, host: str, share: float = 1.0) -> None:
        """Reset standing links, each with this probability."""
        for place in self._at(host):
            for outward, inward in zip(place.pipes[::2], place.pipes[1::2], strict=True):
                if self._random.random() < share:
                    outward.reset()
                    inward.reset()

    def refuse(self, host: str) -> None:
        for place in self._at(host):
            place.refused = True

    def allow(self, host: str) -> None:
        for place in self._at(host):
            place.refused = False

    def delay(self, host: str, lowest: float, highest: float) -> None:
        """Let every chunk take so many seconds, evenly drawn; (0, 0) heals."""
        for place in self._at(host):
            place.latency = (lowest, highest)

    def slow_dials(self, host: str, seconds: float) -> None:
        """Let every new connection take so much longer; 0 heals."""
        for place in self._at(host):
            place.dial = seconds

    def heal(self, host: str) -> None:
        self.allow(host)
        self.delay(host, 0.0, 0.0)
        self.slow_dials(host, 0.0)
        self.thaw(host)

    def _at(self, host: str) -> list[Host]:
        return [place for (name, _), place in self._hosts.items() if name == host]

    def _hold(self, place: Host, held: bool) -> None:
        for pipe in place.pipes:
            if held:
                pipe.held = True
                pipe.wake()
            else:
                pipe.release()

    def _link(self, place: Host, address: str) -> End:
        outward, inward = (Pipe(lambda: self._random.uniform(*place.latency)) for _ in range(2))
        place.pipes += [outward, inward]
        self._nursery.start_soon(self._serve, place, End(inward, outward, address), outward, inward)
        return End(outward, inward, "venue")

    async def _serve(self, place: Host, end: End, outward: Pipe, inward: Pipe) -> None:
        try:
            await place.serve(end)
        finally:
            await trio.aclose_forcefully(end)
            place.pipes = [pipe for pipe in place.pipes if pipe is not outward and pipe is not inward]


@asynccontextmanager
async def open_network(random: Random | None = None) -> AsyncIterator[Network]:
    """A network that carries links until the block ends, which ends them all."""
    async with trio.open_nursery() as nursery:
        yield Network(nursery, random or Random(0))  # noqa: S311  chance of a simulation, to be repeated by its seed
        nursery.cancel_scope.cancel()
