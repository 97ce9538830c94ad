"""The server's half of a WebSocket. Not the library our sessions use: both ends must not share a mistake."""

from __future__ import annotations

from collections import deque

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Message,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from deadman.simulator.faults import Link


class WebSocket:
    """One conversation over a link. `receive` answers pings and closes by itself, whatever the application does."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._protocol = WSConnection(ConnectionType.SERVER)
        self._events: deque[Event] = deque()
        self._parts: list[str] = []
        self._sending = trio.StrictFIFOLock()

    async def request(self) -> str | None:
        """The path asked for in the upgrade, or None if that is no upgrade or never came."""
        match await self._next_event():
            case Request(target=target):
                return target
            case _:
                return None

    async def accept(self) -> None:
        await self._send(AcceptConnection())

    async def reject(self, status: int, body: bytes = b"") -> None:
        """Answer the upgrade with an HTTP status instead."""
        headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"text/plain")]
        await self._send(RejectConnection(status_code=status, headers=headers, has_body=True))
        await self._send(RejectData(data=body))

    async def receive(self) -> str | None:
        """The next text; None when the peer closed, cleanly or not."""
        while True:
            match await self._next_event():
                case Message() as message:
                    self._parts.append(message.data if isinstance(message.data, str) else message.data.decode())
                    if message.message_finished:
                        text = "".join(self._parts)
                        self._parts.clear()
                        return text
                case Ping() as ping:
                    await self._send(ping.response())
                case CloseConnection() as close:
                    await self._say_goodbye(close)
                    return None
                case None:
                    return None

    async def send(self, text: str | bytes) -> None:
        """Send a text frame; bytes go out as they are, in no frame."""
        if isinstance(text, str):
            await self._send(TextMessage(data=text))
            return
        async with self._sending:
            await self.link.send_all(text)

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame; waits for nothing."""
        await self._send(CloseConnection(code=code, reason=reason))

    async def _say_goodbye(self, close: CloseConnection) -> None:
        try:
            await self._send(close.response())
        except LocalProtocolError:  # ours was on the way already
            return

    async def _next_event(self) -> Event | None:
        while not self._events:
            data = await self.link.receive_some()
            if not data:
                return None
            try:
                self._protocol.receive_data(bytes(data))
            except RemoteProtocolError as error:
                if error.event_hint is not None:
                    await self._send(error.event_hint)
                return None
            self._events.extend(self._protocol.events())
        return self._events.popleft()

    async def _send(self, event: Event) -> None:
        data = self._protocol.send(event)
        async with self._sending:
            await self.link.send_all(data)
