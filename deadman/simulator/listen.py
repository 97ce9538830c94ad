"""The venues on loopback sockets with real TLS."""

from __future__ import annotations

import ssl
from functools import partial

import trio

from .certificate import Authority
from .network import Serve

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
