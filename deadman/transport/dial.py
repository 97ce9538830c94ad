"""Opens a byte stream to a venue: TCP, and TLS by OpenSSL on the socket itself, with our deadline, our socket options
and one shared context. No byte passes through a buffer of ours, and each wait is the kernel's."""

from __future__ import annotations

import os
import select
import socket
import ssl
import struct
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import cast

import trio

from deadman.model.errors import Reason, Refused, Unavailable

OPEN_TIMEOUT = 4.0
"""Seconds for name, TCP and TLS together."""

HANDSHAKES = 8
"""At once per host and port: a storm of our own must not look like an attack, nor stall the loop."""

USER_TIMEOUT_MS = 6000
"""Unacknowledged data kills the connection after this; keepalive alone never notices while data is in flight."""

OpenStream = Callable[[str, int], Awaitable[trio.abc.Stream]]
"""Host and port to a connected stream, a socket's where TLS is to be spoken; raises OSError or Unavailable."""


async def open_tcp(host: str, port: int) -> trio.abc.Stream:
    stream = await trio.open_tcp_stream(host, port)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        (socket.TCP_KEEPIDLE, 3),
        (socket.TCP_KEEPINTVL, 1),
        (socket.TCP_KEEPCNT, 3),
        (socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS),
    ):
        stream.setsockopt(socket.IPPROTO_TCP, option, value)
    return stream


@dataclass
class Dialler:
    """Dials for every account. Contexts are shared: one a session would cost 15 ms of loop and 0.9 MB each."""

    open_stream: OpenStream = open_tcp
    _slots: defaultdict[tuple[str, int], trio.Semaphore] = field(
        default_factory=lambda: defaultdict(lambda: trio.Semaphore(HANDSHAKES))
    )
    _paces: dict[str, Pace] = field(default_factory=dict)
    _contexts: dict[Path | None, ssl.SSLContext] = field(default_factory=dict)

    def pace(self, whose: str, burst: float, rate: float) -> Pace:
        """The one budget of all accounts at an address, or of all sessions of an account."""
        if whose not in self._paces:
            self._paces[whose] = Pace(burst, rate, trio.current_time)
        return self._paces[whose]

    def context(self, ca_file: Path | None) -> ssl.SSLContext:
        """The shared context for the system's authorities, or for those of `ca_file` alone.

        Raises Refused for a file that cannot be read or holds no certificate.
        """
        if ca_file not in self._contexts:
            try:
                self._contexts[ca_file] = ssl.create_default_context(cafile=ca_file)
            except OSError as error:  # an SSLError is one
                raise Refused(Reason.TLS, f"ca_file {ca_file}: {error.strerror or error}") from error
        return self._contexts[ca_file]

    def turns(self, host: str, port: int) -> trio.Semaphore:
        """How many of us may dial there at once; who comes first is served first."""
        return self._slots[host, port]

    async def open(self, host: str, port: int, context: ssl.SSLContext | None) -> trio.abc.Stream:
        """A stream, with TLS when a context is given, once it is our turn. Raises as `dial`."""
        async with self.turns(host, port):
            return await self.dial(host, port, context)

    async def dial(self, host: str, port: int, context: ssl.SSLContext | None) -> trio.abc.Stream:
        """For who has a turn.

        Raises:
            Unavailable: dns, connect or tls, or any of them after `OPEN_TIMEOUT` seconds.
        """
        with _mapped(host, port), trio.fail_after(OPEN_TIMEOUT):
            stream = await self.open_stream(host, port)
            return stream if context is None else await _secure(cast(trio.SocketStream, stream), host, context)


@contextmanager
def _mapped(host: str, port: int) -> Iterator[None]:
    """The wall at which the network's exceptions become ours."""
    try:
        yield
    except trio.TooSlowError as error:
        raise Unavailable(Reason.CONNECT, f"{host}:{port} did not let us in within {OPEN_TIMEOUT:g} s") from error
    except OSError as error:
        raise Unavailable(Reason.CONNECT, f"{host}:{port}: {_why_not_connected(error)}") from error


def _why_not_connected(error: BaseException) -> str:
    """The system's word for it; trio tries every address of a host, and keeps their errors as the cause of its own."""
    cause = error.__cause__
    if isinstance(cause, BaseExceptionGroup):
        return _why_not_connected(cause.exceptions[0])
    errno, words = getattr(error, "errno", None), getattr(error, "strerror", None)
    # trio puts the address into the words, and ours stands before them; a resolver's numbers are no errno.
    return os.strerror(errno) if errno is not None and errno > 0 else words or str(error)


async def _secure(stream: trio.SocketStream, host: str, context: ssl.SSLContext) -> trio.abc.Stream:
    secured = TlsStream(stream, context, host)
    try:
        await secured.do_handshake()
    except BaseException as error:
        await hang_up(secured)
        if isinstance(error, ssl.SSLCertVerificationError):
            raise Unavailable(Reason.TLS, f"{host}: certificate not trusted: {error.verify_message}") from error
        if isinstance(error, OSError):
            raise Unavailable(Reason.TLS, f"{host}: handshake failed: {error}") from error
        raise
    return secured


RECORD = 16 * 1024
"""Bytes of one TLS record at most."""

TURN_WAIT = 0.01
"""Seconds until the next try where OpenSSL must write to read, or read to write: a change of keys, rarely more."""


class TlsStream(trio.abc.Stream):
    """A connected socket, taken over.

    Who reads yields to all others before each record, so that a flood starves nobody. Who sends yields only where the
    kernel has no room. Closing says nothing to the peer.
    """

    def __init__(self, stream: trio.SocketStream, context: ssl.SSLContext, host: str) -> None:
        plain = socket.socket(fileno=stream.socket.detach())
        plain.setblocking(False)
        self.socket = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        self._unread: bytes | None = None

    async def do_handshake(self) -> None:
        """Raises OSError, of which every error of TLS is one."""
        while True:
            try:
                return self.socket.do_handshake()
            except ssl.SSLWantReadError:
                await trio.lowlevel.wait_readable(self.socket)
            except ssl.SSLWantWriteError:
                await trio.lowlevel.wait_writable(self.socket)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Empty at the end, whether or not the peer said goodbye before it left."""
        while True:
            self._check_open()
            if self._unread is not None:
                await trio.lowlevel.checkpoint()
                received, self._unread = self._unread, None
                return received
            if self.socket.pending():
                await trio.lowlevel.checkpoint()
            else:
                await trio.lowlevel.wait_readable(self.socket)
            try:
                return self.socket.recv(max_bytes or RECORD)
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLWantWriteError:
                await trio.sleep(TURN_WAIT)
            except OSError as error:
                raise trio.BrokenResourceError from error

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self._check_open()
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self.socket.send(rest) :]
            except ssl.SSLWantWriteError:
                await trio.lowlevel.wait_writable(self.socket)
            except ssl.SSLWantReadError:
                await trio.sleep(TURN_WAIT)
            except OSError as error:
                raise trio.BrokenResourceError from error

    async def wait_send_all_might_not_block(self) -> None:
        self._check_open()
        await trio.lowlevel.wait_writable(self.socket)

    def is_readable(self) -> bool:
        """Whether anything has come that nobody has read, be it the end. A ticket of TLS, sent unasked, is nothing."""
        look = select.poll()
        look.register(self.socket, select.POLLIN)
        if self._unread is None and look.poll(0):
            try:
                self._unread = self.socket.recv(RECORD)
            except OSError as error:
                return not isinstance(error, ssl.SSLWantReadError | ssl.SSLWantWriteError)
        return self._unread is not None or self.socket.pending() > 0

    async def aclose(self) -> None:
        if self.socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self.socket)
            self.socket.close()
        await trio.lowlevel.checkpoint()

    def _check_open(self) -> None:
        if self.socket.fileno() < 0:
            raise trio.ClosedResourceError


@asynccontextmanager
async def held(stream: trio.abc.Stream) -> AsyncIterator[trio.abc.Stream]:
    """The stream, hung up on whatever way out."""
    try:
        yield stream
    finally:
        await hang_up(stream)


async def hang_up(stream: trio.abc.Stream) -> None:
    """Close without a word; never waits for the peer."""
    with trio.CancelScope(shield=True):
        await trio.aclose_forcefully(stream)


async def reset(stream: trio.abc.Stream) -> None:
    """Hang up by a TCP RST, where there is TCP."""
    lingering = getattr(stream, "socket", None)
    if lingering is not None:
        lingering.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await hang_up(stream)


FORGIVEN = 60.0
"""Seconds without a complaint of the venue's after which it is asked as often as ever."""

ONE_COMPLAINT = 1.0
"""Seconds within which complaints count as one: a burst is answered with many."""

SLOWEST = 8.0
"""The most by which complaints stretch the pace."""


@dataclass
class Pace:
    """At most `burst` at once, `rate` a second in the long run. Who comes first is served first."""

    burst: float
    rate: float
    now: Callable[[], float]
    _slowness: float = 1.0
    _slowed_at: float = -inf
    _left: float = field(init=False)
    _counted_at: float = field(init=False)
    _turn: trio.Lock = field(default_factory=trio.Lock)

    def __post_init__(self) -> None:
        self._left, self._counted_at = self.burst, self.now()

    async def spend(self, amount: float) -> None:
        """Take `amount`, waiting for it if need be: as long as those before take, and `amount / rate` seconds."""
        async with self._turn:
            self._refill()
            if self._left < amount:
                await trio.sleep((amount - self._left) * self._current_slowness() / self.rate)
                self._refill()
            self._left -= amount

    def slow_down(self) -> None:
        """The venue said that it was too much: half as much from here on, until it has not said so for a minute."""
        self._refill()
        if self._counted_at < self._slowed_at + ONE_COMPLAINT:
            return
        self._left = min(self._left, 0.0)
        self._slowness = min(2 * self._current_slowness(), SLOWEST)
        self._slowed_at = self._counted_at

    def _current_slowness(self) -> float:
        return self._slowness if self._counted_at < self._slowed_at + FORGIVEN else 1.0

    def _refill(self) -> None:
        now = self.now()
        self._left = min(self.burst, self._left + (now - self._counted_at) * self.rate / self._current_slowness())
        self._counted_at = now
