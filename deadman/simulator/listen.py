"""The venues on loopback sockets with real TLS."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import partial

import trio
import trustme

from deadman.simulator.network import Serve

NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Authority:
    """What a client has to trust, and what a listener shows."""

    pem: bytes
    server: ssl.SSLContext

    def client(self) -> ssl.SSLContext:
        """A context that trusts this authority and no other."""
        return ssl.create_default_context(cadata=self.pem.decode())


def new_authority() -> Authority:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*NAMES).configure_cert(server)
    return Authority(authority.cert_pem.bytes(), server)


LOOPBACK = "127.0.0.1"


async def listen(
    serve: Serve,
    authority: Authority | None = None,
    port: int = 0,
    *,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve connections until cancelled; for `nursery.start`, which returns the port. Plain TCP without an authority.

    One connection's trouble ends that connection: TLS that fails or never comes is not ours to report.

    Raises:
        OSError: the port is taken.
    """
    context = authority.server if authority else None
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, partial(carry, serve, context), port, host=LOOPBACK))
        task_status.started(int(listeners[0].socket.getsockname()[1]))


async def carry(serve: Serve, context: ssl.SSLContext | None, stream: trio.SocketStream) -> None:
    if context is None:
        await serve(stream)
        return
    # No closing handshake is waited for: a peer that vanished would hold us, and a FIN is all the client needs.
    await serve(trio.SSLStream(stream, context, server_side=True, https_compatible=True))
