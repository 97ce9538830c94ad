"""The port to httpx: one client an account, our own dialler beneath it, and a total deadline over every request.

httpx counts its timeouts per read, resolves names in threads shared by the whole process, and follows the environment's
proxies; none of that is left in force here.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpcore
import httpx
import trio

from deadman.model.errors import Reason, Refused, Unavailable
from deadman.transport.dial import Dialler, TlsStream, hang_up

MAX_BODY = 4 * 2**20
"""Bytes; whatever is longer is not an answer."""

PLAIN = {"accept-encoding": "identity"}
"""Nothing we ask for is long, and what is not compressed cannot burst."""

FOREVER = httpx.Timeout(None)
"""httpx's own timeouts are per read and stay out of the way of the total deadline."""

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


@dataclass(frozen=True, slots=True)
class Http:
    """Requests to one base address."""

    _client: httpx.AsyncClient
    _backend: Backend

    async def connect(self, within: float) -> None:
        """Connect before the first request, of whose deadline of `within` seconds that takes part.

        What it does not take part of is the wait for a turn among our own dials: of a thousand accounts that start
        together, the last would else give up before it is let begin. A connection that fails fails that request.
        """
        url = self._client.base_url
        await self._backend.connect(url.host, url.port or PORTS[url.scheme], within)

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None, within: float
    ) -> Answer:
        """One request and its whole answer within `within` seconds in total, dialling included.

        Raises:
            Unavailable: no whole answer in time; whether the venue heard us is not known then.
            Refused: the request cannot be written, since the key is none.
        """
        content = None if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"content-type": "application/json"}
        with _ours(within), trio.fail_after(max(0.0, within - self._backend.spent())):
            async with self._client.stream(method, path, headers={**headers, **kind}, content=content) as response:
                return Answer(response.status_code, dict(response.headers), await _whole(response))


@asynccontextmanager
async def open_http(dialler: Dialler, base_url: str, context: ssl.SSLContext) -> AsyncIterator[Http]:
    """A client of its own for one account: a shared one scans its pool quadratically."""
    origin = httpx.URL(base_url)
    backend = Backend(dialler, context if origin.scheme == "https" else None)
    pool = httpcore.AsyncConnectionPool(UNUSED, network_backend=backend, keepalive_expiry=KEEPALIVE)
    transport = _Transport(pool)
    async with httpx.AsyncClient(
        base_url=base_url, transport=transport, timeout=FOREVER, trust_env=False, headers=PLAIN
    ) as client:
        try:
            yield Http(client, backend)
        finally:
            await backend.hang_up()


async def _whole(response: httpx.Response) -> bytes:
    """The body, read to its end whatever it is: generators left half way would outlive the request."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk[: MAX_BODY + 1 - len(body)]
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


class _Transport(httpx.AsyncBaseTransport):
    """What `httpx.AsyncHTTPTransport` does, over a pool that dials through us."""

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                request.method,
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=_Content([request.content]),
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))

    async def aclose(self) -> None:
        await self._pool.aclose()


@dataclass(frozen=True, slots=True)
class _Content:
    """A request's body in whole parts. No generator: one that a cancelled request leaves behind outlives the loop."""

    _parts: list[bytes]

    def __aiter__(self) -> _Content:
        return self

    async def __anext__(self) -> bytes:
        if not self._parts:
            raise StopAsyncIteration
        return self._parts.pop()


class _Body(httpx.AsyncByteStream):
    def __init__(self, stream: Iterable[bytes] | AsyncIterable[bytes]) -> None:
        self._stream = cast(Any, stream)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


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
    if isinstance(stream, trio.SocketStream):
        return stream.socket.is_readable()
    return isinstance(stream, TlsStream) and stream.is_readable()
