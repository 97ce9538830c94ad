"""A link in memory that behaves like TCP: it buffers within bounds, takes time, falls silent, and breaks."""

from __future__ import annotations

import math
import socket
import struct
from collections import deque
from collections.abc import Callable
from operator import index

import trio

from deadman.simulator.faults import Gate

WINDOW = 65_536  # bytes a sender may be ahead of its reader, as with a socket's buffers


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
        self._ended = self._refused = self._broken = False

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
            if self._refused:
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

    def refuse(self) -> None:
        """The reader closes: what is sent from now on meets a reset."""
        self._refused = True
        self.wake()

    def reset(self) -> None:
        """Break it: what was under way is lost."""
        self._broken = True
        self.wake()

    def wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def _is_dead(self) -> bool:
        return not self.held and (self._broken or self._refused)

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
        self._incoming.refuse()
        await trio.lowlevel.checkpoint()

    def reset(self) -> None:
        self._outgoing.reset()
        self._incoming.reset()


class Link(trio.abc.Stream):
    """A stream behind gates. While one is shut even its closing waits, so that the peer never sees a FIN.

    `arrived_at`: since when what was received last may have waited behind them.
    """

    def __init__(self, inner: trio.abc.Stream, *gates: Gate) -> None:
        self.inner = inner
        self.gates = list(gates)
        self.arrived_at = -math.inf

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
        waits_since, was_shut = trio.current_time(), any(gate.is_shut for gate in self.gates)
        await self.passed()
        data = await self.inner.receive_some(max_bytes)
        self.arrived_at = waits_since if was_shut else trio.current_time()
        await self.passed()
        return data

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
