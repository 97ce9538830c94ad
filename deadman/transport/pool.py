"""Hands httpcore our own connections, dialled with our deadlines, names and sockets."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpcore
import trio

from deadman.transport.dial import Dialler, hang_up


@dataclass(frozen=True, slots=True)
class Backend(httpcore.AsyncNetworkBackend):
    """Opens connections, TLS included, through the dialler."""

    _dialler: Dialler
    _context: ssl.SSLContext | None

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        return _Stream(await self._dialler.open(host, port, self._context))

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class _Stream(httpcore.AsyncNetworkStream):
    """A dialled stream as httpcore wants it; deadlines are the caller's, over the whole request."""

    _stream: trio.abc.Stream

    async def read(self, max_bytes: int, *_: Any, **__: Any) -> bytes:
        with _broken(httpcore.ReadError):
            return bytes(await self._stream.receive_some(max_bytes))

    async def write(self, buffer: bytes, *_: Any, **__: Any) -> None:
        with _broken(httpcore.WriteError):
            await self._stream.send_all(buffer)

    async def aclose(self) -> None:
        await hang_up(self._stream)

    async def start_tls(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        return self  # the dialler already did

    def get_extra_info(self, info: str) -> Any:
        """`is_readable` on an idle connection means that the venue has closed it."""
        return _readable(self._stream) if info == "is_readable" else None


@contextmanager
def _broken(kind: type[httpcore.NetworkError]) -> Iterator[None]:
    try:
        yield
    except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
        raise kind(str(error.__cause__ or error)) from error


def _readable(stream: trio.abc.Stream) -> bool:
    if isinstance(stream, trio.SSLStream) and stream._incoming.pending:
        return True  # a goodbye that came along with the last answer: no longer in the socket, not decrypted yet
    wire = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
    return isinstance(wire, trio.SocketStream) and wire.socket.is_readable()
