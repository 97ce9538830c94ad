"""An HTTP/1.1 server on one stream, able to answer badly in every way a proxy and a dying host know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import h11
import trio

from deadman.simulator.faults import Link

Manner = Literal["whole", "never", "hang", "drip", "reset", "eof"]
LARGEST = 1_000_000  # bytes of one request's body


@dataclass(frozen=True, slots=True)
class Request:
    """`arrived_at`: when its head came, though nobody may have read it yet. `target`: path and query as they came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    arrived_at: float
    target: str = ""

    @property
    def route(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered, and how. `drip` is the time between two bytes, in seconds."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    date: str = ""
    manner: Manner = "whole"
    drip: float = 0.0


class HttpConnection:
    """One keep-alive connection."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._protocol = h11.Connection(h11.SERVER)

    async def next_request(self) -> Request | None:
        """The next request; None when the peer is done, or speaks no HTTP."""
        try:
            head = await self._next_event()
            if not isinstance(head, h11.Request):
                return None
            arrived_at, body = self.link.arrived_at, b""
            while isinstance(part := await self._next_event(), h11.Data) and len(body) < LARGEST:
                body += bytes(part.data)
        except h11.RemoteProtocolError:
            return None
        whole = head.target.decode("latin-1")
        target = urlsplit(whole)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head.headers}
        query = dict(parse_qsl(target.query))
        return Request(head.method.decode(), target.path, query, headers, body, arrived_at, whole)

    async def answer(self, response: Response) -> bool:
        """Answer; True when the connection can carry another request."""
        match response.manner:
            case "whole":
                await self._send(self._head(response) + self._rest(response.body))
                return self._can_go_on()
            case "never":
                await self._until_gone()
            case "drip":
                await self._drip(response)
                return self._can_go_on()
            case "hang":
                await self._half(response)
                await self._until_gone()
            case "eof":
                await self._half(response)
            case "reset":
                self.link.reset()
        return False

    async def _half(self, response: Response) -> None:
        await self._send(self._head(response) + response.body[: len(response.body) // 2])

    async def _drip(self, response: Response) -> None:
        await self._send(self._head(response))
        for byte in response.body:
            await trio.sleep(response.drip)
            await self._send(bytes([byte]))
        self._rest(response.body)

    def _head(self, response: Response) -> bytes:
        headers = [
            ("Date", response.date),
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
        ]
        return self._protocol.send(h11.Response(status_code=response.status, headers=headers)) or b""

    def _rest(self, body: bytes) -> bytes:
        return (self._protocol.send(h11.Data(data=body)) or b"") + (self._protocol.send(h11.EndOfMessage()) or b"")

    def _can_go_on(self) -> bool:
        if self._protocol.our_state is not h11.DONE or self._protocol.their_state is not h11.DONE:
            return False
        self._protocol.start_next_cycle()
        return True

    async def _next_event(self) -> object:
        while (event := self._protocol.next_event()) is h11.NEED_DATA:
            self._protocol.receive_data(bytes(await self.link.receive_some()))
        return event

    async def _send(self, data: bytes) -> None:
        await self.link.send_all(data)

    async def _until_gone(self) -> None:
        """Hold the line, as a dead application's host does, until the peer lets go."""
        while await self.link.receive_some():
            pass
