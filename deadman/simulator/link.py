"""The venue's end of a stream: one that can fall silent, or break."""

from __future__ import annotations

import socket
import struct

import trio

from .faults import Gate


class Link(trio.abc.Stream):
    """A stream behind gates. While one is shut even its closing waits, so that the peer never sees a FIN."""

    def __init__(self, inner: trio.abc.Stream, *gates: Gate) -> None:
        self.inner = inner
        self.gates = list(gates)

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
        await self.passed()
        data = await self.inner.receive_some(max_bytes)
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
