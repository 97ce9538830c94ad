"""The port to httpx: a pool an account, our own dialler beneath it, and a total deadline over every request.

Requests go to httpx's transport past its client, which counts its timeouts per read, follows redirects and the
environment's proxies, keeps cookies, and costs as much again for each request.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import httpcore
import httpx
import trio

from deadman import __version__
from deadman.model.errors import Reason, Refused, Unavailable
from deadman.transport.dial import Dialler, TlsStream, hang_up

MAX_BODY = 4 * 2**20
"""Bytes; whatever is longer is not an answer."""

HEADERS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": f"deadman/{__version__}"}
"""Of every request. Nothing we ask for is long, and what is not compressed cannot burst."""

KEEPALIVE = 120.0
"""Seconds an idle connection may be used again; the venue's own close is seen before that."""

TURN_TIMEOUT = 30.0
"""Seconds to wait for a turn among our own dials to one host."""

PORTS = {"https": 443, "http": 80}

UNUSED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Given to httpcore, which else reads the system's authorities anew for every connection: 25 ms of the loop."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whole. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Http:
    """Requests to one base address, its path before theirs. `_last`: the last one, for a renewal is always the same."""

    _base: httpx.URL
    _transport: httpx.AsyncBaseTransport
    _backend: Backend
    _last: tuple[object, httpx.Request | None] = (None, None)

    async def connect(self, within: float) -> None:
        """Connect before the first request, of whose deadline of `within` seconds that takes part.

        What it does not take part of is the wait for a turn among our own dials: of a thousand accounts that start
        together, the last would else give up before it is let begin. A connection that fails fails that request.
        """
        await self._backend.connect(self._base.host, self._base.port or PORTS[self._base.scheme], within)

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None, within: float
    ) -> Answer:
        """One request and its whole answer within `within` seconds in total, dialling included.

        Raises:
            Unavailable: no whole answer in time; whether the venue heard us is not known then.
            Refused: the request cannot be written, since the key is none.
        """
        with _ours(within), trio.fail_after(max(0.0, within - self._backend.spent())):
            content = b"" if body is None else json.dumps(body).encode()
            known, request = self._last
            if request is None or known != (method, path, headers, content):
                kind = {} if body is None else {"content-type": "application/json"}
                target = self._base.copy_with(raw_path=self._base.raw_path.rstrip(b"/") + path.encode())
                request = httpx.Request(method, target, headers={**HEADERS, **headers, **kind}, content=content or None)
                self._last = (method, path, dict(headers), content), request
            response = await self._transport.handle_async_request(request)
            told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
            return Answer(response.status_code, told, await _whole(response))


@asynccontextmanager
async def open_http(dialler: Dialler, base_url: str, context: ssl.SSLContext) -> AsyncIterator[Http]:
    """A pool of its own for one account: a shared one is scanned quadratically."""
    base = httpx.URL(base_url)
    backend = Backend(dialler, context if base.scheme == "https" else None)
    pool = httpcore.AsyncConnectionPool(UNUSED, network_backend=backend, keepalive_expiry=KEEPALIVE)
    async with _Transport(pool) as transport:
        try:
            yield Http(base, transport, backend)
        finally:
            await backend.hang_up()


async def _whole(response: httpx.Response) -> bytes:
    """The body, read to its end whatever it is: generators left half way would outlive the request."""
    body = bytearray()
    try:
        async for chunk in cast(httpx.AsyncByteStream, response.stream):
            body += chunk[: MAX_BODY + 1 - len(body)]
    finally:
        await response.aclose()
    if len(body) > MAX_BODY:
        raise Unavailable(Reason.GARBLED, f"an answer of more than {MAX_BODY} bytes")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise Unavailable(Reason.GARBLED, "a compressed answer, though we asked for a plain one")
    return bytes(body)


@contextmanager
def _ours(within: float) -> Iterator[None]:
    """The wall at which httpx's and httpcore's exceptions become ours."""
    try:
        yield
    except trio.TooSlowError as error:
        raise Unavailable(Reason.SILENT, f"no whole answer within {within:.1f} s") from error
    except (httpcore.LocalProtocolError, UnicodeEncodeError):
        # From None: what could not be written is the key, and these errors show it.
        raise Refused(Reason.SECRET, "the key holds what no HTTP header may: it is not an API key") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpx.HTTPError, httpx.StreamError) as error:
        raise Unavailable(Reason.CLOSED, str(error) or type(error).__name__) from error


@dataclass(frozen=True, slots=True)
class _Transport(httpx.AsyncBaseTransport):
    """What `httpx.AsyncHTTPTransport` does, over a pool that dials through us."""

    _pool: httpcore.AsyncConnectionPool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        sent = httpcore.Request(request.method, target, headers=request.headers.raw, content=request.content)
        answer = await self._pool.handle_async_request(sent)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    async def aclose(self) -> None:
        await self._pool.aclose()


@dataclass(frozen=True, slots=True)
class _Body(httpx.AsyncByteStream):
    _answer: httpcore.Response

    def __aiter__(self) -> AsyncIterator[bytes]:
        return cast(httpx.AsyncByteStream, self._answer.stream).__aiter__()

    async def aclose(self) -> None:
        await self._answer.aclose()


@dataclass(slots=True)
class Backend(httpcore.AsyncNetworkBackend):
    """Opens connections, TLS included, through the dialler. `_ahead`: what came of one opened before it was needed."""

    _dialler: Dialler
    _context: ssl.SSLContext | None
    _ahead: trio.abc.Stream | Unavailable | None = None
    _spent: float = 0.0

    async def connect(self, host: str, port: int, within: float) -> None:
        """Dial ahead, within so many seconds of having a turn."""
        turns = self._dialler.turns(host, port)
        with trio.move_on_after(TURN_TIMEOUT) as waiting:
            await turns.acquire()
        if waiting.cancelled_caught:
            self._ahead = Unavailable(Reason.CONNECT, f"{host}:{port}: no turn to dial within {TURN_TIMEOUT:g} s")
            return
        began = trio.current_time()
        try:
            with _ours(within), trio.fail_after(within):
                self._ahead = await self._dialler.dial(host, port, self._context)
        except Unavailable as error:
            self._ahead = error
        finally:
            turns.release()
            self._spent = trio.current_time() - began

    def spent(self) -> float:
        """Seconds that dialling ahead took of the first request's time; once."""
        spent, self._spent = self._spent, 0.0
        return spent

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        ahead, self._ahead = self._ahead, None
        if isinstance(ahead, Unavailable):
            raise ahead
        if ahead is not None and not _readable(ahead):
            return _Stream(ahead)
        if ahead is not None:
            await hang_up(ahead)  # the venue has closed it since
        return _Stream(await self._dialler.open(host, port, self._context))

    async def hang_up(self) -> None:
        if isinstance(self._ahead, trio.abc.Stream):
            await hang_up(self._ahead)


@dataclass(slots=True)
class _Stream(httpcore.AsyncNetworkStream):
    """A dialled stream as httpcore wants it; deadlines are the caller's, over the whole request.

    Head and body of a request go out together, once their answer is read for: as one record and one packet.
    """

    _stream: trio.abc.Stream
    _unsent: bytearray = field(default_factory=bytearray)

    async def read(self, max_bytes: int, *_: Any, **__: Any) -> bytes:
        try:
            if self._unsent:
                unsent, self._unsent = self._unsent, bytearray()
                with suppress(trio.BrokenResourceError):  # what was answered before it closed can be read all the same
                    await self._stream.send_all(unsent)
            return bytes(await self._stream.receive_some(max_bytes))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpcore.ReadError(str(error.__cause__ or error)) from error

    async def write(self, buffer: bytes, *_: Any, **__: Any) -> None:
        self._unsent += buffer

    async def aclose(self) -> None:
        await hang_up(self._stream)

    async def start_tls(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        return self  # the dialler already did

    def get_extra_info(self, info: str) -> Any:
        """`is_readable` on an idle connection means that the venue has closed it."""
        return _readable(self._stream) if info == "is_readable" else None


def _readable(stream: trio.abc.Stream) -> bool:
    if isinstance(stream, trio.SocketStream):
        return stream.socket.is_readable()
    return isinstance(stream, TlsStream) and stream.is_readable()
