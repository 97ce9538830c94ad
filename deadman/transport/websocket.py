"""The port to trio-websocket. Its traps are neutralised here, so that replacing it is replacing this file.

It hangs on an EOF during the upgrade, waits a minute to close, stops reading when its queue is full, and is corrupted
by an interrupted send. Hence: our own stream, a deadline on every step, a deep queue, hanging up instead of closing.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import NoReturn, cast
from urllib.parse import SplitResult, urlsplit

import h11
import trio
import trio_websocket
import wsproto

from deadman.model.errors import Reason, Refused, Unavailable, VenueError, ungrouped
from deadman.transport.dial import Dialler, held, reset

UPGRADE_TIMEOUT = 4.0
"""Seconds from the request to the 101."""

SEND_TIMEOUT = 2.0
"""Seconds for a frame to enter the kernel; a peer that leaves us no room that long is dead."""

QUEUE = 256
"""Frames read ahead: a full queue stops pongs and hides the peer's close."""

MAX_MESSAGE = 16 * 2**20
"""Bytes; a listing of twenty thousand open orders is one message. Parsed it must fit our memory, whatever is in it."""


@dataclass(frozen=True, slots=True)
class WebSocket:
    """Text frames out and in. Raises `Unavailable` when the peer is gone."""

    _connection: trio_websocket.WebSocketConnection
    _nursery: trio.Nursery
    _stream: trio.abc.Stream

    async def send(self, text: str) -> None:
        """Send one frame whole, or kill the connection: half a frame would corrupt every later one."""
        with trio.move_on_after(SEND_TIMEOUT, shield=True), _ours():
            await self._connection.send_message(text)
            return
        self._nursery.start_soon(self._die)  # whatever the caller makes of it
        await self._die()

    async def _die(self) -> NoReturn:
        """Raised in the nursery it ends the connection as a failure: a mere cancellation would leave no word of it."""
        raise Unavailable(Reason.SILENT, f"the peer left no room for a frame within {SEND_TIMEOUT:g} s")

    async def receive(self) -> str:
        """The next frame. Waits as long as it takes: liveness is asked for, not listened for."""
        with _ours():
            message = await self._connection.get_message()
        return message if isinstance(message, str) else message.decode(errors="replace")

    async def reset(self) -> None:
        """Break the connection at once and without a word, as the death of our process would with frames unread."""
        await reset(self._stream)


@asynccontextmanager
async def open_websocket(dialler: Dialler, url: str, context: ssl.SSLContext) -> AsyncIterator[WebSocket]:
    """A session's connection; on any way out the TCP connection is hung up without a word.

    Raises:
        Unavailable: no stream, no upgrade in time, HTTP 429 or 5xx.
        Refused: any other HTTP status: the address, or we, are not welcome there.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    stream = await dialler.open(str(parts.hostname), port, context if parts.scheme == "wss" else None)
    async with held(stream):
        with ungrouped():
            async with trio.open_nursery() as nursery:
                yield WebSocket(await _upgrade(nursery, stream, parts), nursery, stream)
                nursery.cancel_scope.cancel()


async def _upgrade(
    nursery: trio.Nursery, stream: trio.abc.Stream, parts: SplitResult
) -> trio_websocket.WebSocketConnection:
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    walled = _Walled(nursery, trio.Event())
    with trio.move_on_after(UPGRADE_TIMEOUT):
        connection = await trio_websocket.wrap_client_stream(
            cast(trio.Nursery, walled),
            cast(trio.SocketStream, stream),
            parts.netloc,
            resource,
            message_queue_size=QUEUE,
            max_message_size=MAX_MESSAGE,
        )
        walled.upgraded.set()
        return connection
    raise Unavailable(Reason.UPGRADE, f"no WebSocket upgrade within {UPGRADE_TIMEOUT:g} s")


@dataclass(frozen=True, slots=True)
class _Walled:
    """Stands for the nursery trio-websocket is given, so that what ends its reader becomes ours too.

    A reader that meets the end of the stream before the upgrade ends in silence, and would leave us waiting.
    """

    _nursery: trio.Nursery
    upgraded: trio.Event

    def start_soon(self, task: Callable[[], Awaitable[None]]) -> None:
        self._nursery.start_soon(self._run, task)

    async def _run(self, task: Callable[[], Awaitable[None]]) -> None:
        with _ours():
            await task()
        if not self.upgraded.is_set():
            raise Unavailable(Reason.UPGRADE, "the peer left before the upgrade")


@contextmanager
def _ours() -> Iterator[None]:
    """The wall at which trio-websocket's exceptions become ours."""
    try:
        yield
    except trio_websocket.ConnectionRejected as error:
        raise _rejected(error) from error
    except trio_websocket.ConnectionClosed as error:
        raise Unavailable(Reason.CLOSED, _why_closed(error)) from error
    except (wsproto.utilities.ProtocolError, h11.ProtocolError) as error:
        raise Unavailable(Reason.GARBLED, f"not WebSocket: {error}") from error


def _rejected(error: trio_websocket.ConnectionRejected) -> VenueError:
    """429 and 5xx pass; anything else says that this address, or we, are not wanted."""
    status = error.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Unavailable(Reason.RATE_LIMITED, "HTTP 429 at the upgrade: too many connections of this address", 5.0)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(Reason.UPGRADE, f"HTTP {status} at the upgrade")
    places = [value.partition(b"?")[0].decode("latin-1") for name, value in error.headers if name == b"location"]
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST and places:
        words = f"HTTP {status} at the upgrade, redirected to {places[0]}: not followed; see `url`"
        return Refused(Reason.FORBIDDEN, words)
    return Refused(Reason.FORBIDDEN, f"HTTP {status} at the upgrade: wrong url, or this address is not allowed")


def _why_closed(error: trio_websocket.ConnectionClosed) -> str:
    if error.reason is None:
        return "closed"
    return f"closed with {error.reason.code} {error.reason.reason or error.reason.name or ''}".rstrip()
