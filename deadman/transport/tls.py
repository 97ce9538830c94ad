"""TLS by OpenSSL on the socket itself: no byte passes through a buffer of ours, and each wait is the kernel's."""

from __future__ import annotations

import select
import socket
import ssl

import trio

AT_ONCE = 16 * 1024
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
            if self.socket.pending():
                await trio.lowlevel.checkpoint()
            else:
                await trio.lowlevel.wait_readable(self.socket)
            try:
                return self.socket.recv(max_bytes or AT_ONCE)
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
        """Whether anything has come that nobody has read, be it the end."""
        look = select.poll()
        look.register(self.socket, select.POLLIN)
        return bool(self.socket.pending() or look.poll(0))

    async def aclose(self) -> None:
        if self.socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self.socket)
            self.socket.close()
        await trio.lowlevel.checkpoint()

    def _check_open(self) -> None:
        if self.socket.fileno() < 0:
            raise trio.ClosedResourceError
