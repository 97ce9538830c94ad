"""The HTTP port: whole answers within a whole deadline, through connections that we dial ourselves.

Peers are scripted on streams in memory, where the clock jumps; what only a kernel can show goes through real sockets.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from deadman.model.errors import Reason, Unavailable, VenueError
from deadman.transport import http
from deadman.transport.dial import Dialler
from deadman.transport.http import Answer, Http, open_http
from tests.support.venue_certificates import served, trusted

URL = "http://venue.test"
WITHIN = 5.0
Stream = trio.abc.Stream
Serve = Callable[[Stream], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def clock(autojump_clock: MockClock) -> MockClock:
    return autojump_clock


@dataclass
class Peer:
    """A venue in memory; `dialled` counts connections, `heads` and `bodies` keep what it was asked."""

    nursery: trio.Nursery
    serve: Serve
    dialled: int = 0

    async def open(self, host: str, port: int) -> Stream:
        self.dialled += 1
        ours, theirs = memory_stream_pair()
        self.nursery.start_soon(forgiving, self.serve, theirs)
        return ours


async def forgiving(serve: Serve, stream: Stream) -> None:
    """The peer's own trouble with us is none of the tests' business."""
    try:
        await serve(stream)
    except* (trio.BrokenResourceError, trio.ClosedResourceError):
        pass


@dataclass
class Asked:
    """The requests a peer has read."""

    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def read(self, stream: Stream) -> bool:
        """Read one request whole; False when there is none any more."""
        data = bytearray()
        while b"\r\n\r\n" not in data:
            more = await stream.receive_some(4096)
            if not more:
                return False
            data += more
        head, _, body = bytes(data).partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += await stream.receive_some(4096)
        self.heads.append(head.decode())
        self.bodies.append(body)
        return True


def answering(*parts: bytes, every: float = 0.0, asked: Asked | None = None) -> Serve:
    """A peer that answers every request with these parts, one after the other."""
    log = asked or Asked()

    async def serve(stream: Stream) -> None:
        while await log.read(stream):
            for part in parts:
                await trio.sleep(every)
                await stream.send_all(part)

    return serve


def once(*parts: bytes) -> Serve:
    """A peer that answers one request, and hangs up."""
    log = Asked()

    async def serve(stream: Stream) -> None:
        await log.read(stream)
        for part in parts:
            await stream.send_all(part)
        await stream.aclose()

    return serve


async def keep_silent(stream: Stream) -> None:
    await trio.sleep_forever()


@asynccontextmanager
async def client(nursery: trio.Nursery, serve: Serve, url: str = URL) -> AsyncIterator[tuple[Http, Peer]]:
    peer = Peer(nursery, serve)
    async with open_http(Dialler(peer.open), url, trusted()) as opened:
        yield opened, peer


async def get(opened: Http, within: float = WITHIN) -> Answer:
    return await opened.request("GET", "/orders", {}, None, within)


async def failure(nursery: trio.Nursery, serve: Serve) -> VenueError:
    """How a request fails, and that it is the only one that does."""
    async with client(nursery, serve) as (opened, _):
        with pytest.raises(VenueError) as error:
            await get(opened)
    return error.value


async def test_a_request_is_sent_as_asked_and_its_answer_given_whole(nursery: trio.Nursery, clock: MockClock) -> None:
    asked = Asked()
    response = b'HTTP/1.1 201 Created\r\nDate: Tue\r\nX-Odd: 1\r\nContent-Length: 7\r\n\r\n{"a":1}'
    async with client(nursery, answering(response, asked=asked), f"{URL}/base") as (opened, _):
        answer = await opened.request("POST", "/heartbeat/v3", {"x-sx-api-key": "k"}, {"timeoutSeconds": 30}, WITHIN)
    assert (answer.status, answer.body) == (201, b'{"a":1}')
    assert answer.headers["date"] == "Tue"
    assert answer.headers["x-odd"] == "1"
    head = asked.heads[0].lower().split("\r\n")
    assert head[0] == "post /base/heartbeat/v3 http/1.1"
    assert {"host: venue.test", "x-sx-api-key: k", "content-type: application/json"} <= set(head)
    assert json.loads(asked.bodies[0]) == {"timeoutSeconds": 30}


async def test_a_request_without_a_body_says_nothing_of_one(nursery: trio.Nursery, clock: MockClock) -> None:
    asked = Asked()
    async with client(nursery, answering(OK, asked=asked)) as (opened, _):
        await opened.request("DELETE", "/orders-v3/all?eventId=1", {}, None, WITHIN)
    assert asked.heads[0].startswith("DELETE /orders-v3/all?eventId=1 HTTP/1.1")
    assert "content-type" not in asked.heads[0].lower()


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.0 200 OK\r\n\r\n{}",
    ],
)
async def test_an_answer_may_come_in_any_wrapping(nursery: trio.Nursery, response: bytes, clock: MockClock) -> None:
    async with client(nursery, once(response)) as (opened, _):
        assert (await get(opened)).body == b"{}"


async def test_a_dripping_answer_is_cut_off_at_the_total_deadline(nursery: trio.Nursery, clock: MockClock) -> None:
    drip = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *(b"x" for _ in range(1000)), every=1.0)
    error = await failure(nursery, drip)
    assert isinstance(error, Unavailable)
    assert error.reason is Reason.SILENT
    assert clock.current_time() == pytest.approx(WITHIN)


async def test_a_dripping_head_is_cut_off_too(nursery: trio.Nursery, clock: MockClock) -> None:
    error = await failure(nursery, answering(*(bytes([byte]) for byte in OK), every=1.0))
    assert error.reason is Reason.SILENT
    assert clock.current_time() == pytest.approx(WITHIN)


async def test_a_peer_that_never_answers_is_given_up_in_time(nursery: trio.Nursery, clock: MockClock) -> None:
    error = await failure(nursery, keep_silent)
    assert error.reason is Reason.SILENT
    assert clock.current_time() == pytest.approx(WITHIN)


async def test_the_deadline_counts_the_dialling(nursery: trio.Nursery, clock: MockClock) -> None:
    async def open_slowly(host: str, port: int) -> Stream:
        await trio.sleep(60)
        raise AssertionError

    async with open_http(Dialler(open_slowly), URL, trusted()) as opened:
        with pytest.raises(Unavailable):
            await get(opened, within=1.5)
    assert clock.current_time() == pytest.approx(1.5)


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"\0" * 200_000,
    ],
    ids=["an end of file", "half a body", "bad chunks", "ssh", "a TLS alert", "no status", "noise"],
)
async def test_half_an_answer_or_none_is_no_answer(nursery: trio.Nursery, response: bytes, clock: MockClock) -> None:
    error = await failure(nursery, once(response))
    assert isinstance(error, Unavailable)
    assert error.reason is Reason.CLOSED
    assert clock.current_time() < WITHIN


async def test_an_answer_beyond_all_measure_is_none(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch, clock: MockClock
) -> None:
    monkeypatch.setattr(http, "MAX_BODY", 1000)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"
    error = await failure(nursery, answering(head, *(b"x" for _ in range(1001))))
    assert error.reason is Reason.GARBLED
    assert clock.current_time() < WITHIN


async def test_an_answer_without_an_end_is_cut_off_at_the_deadline(nursery: trio.Nursery, clock: MockClock) -> None:
    asked = Asked()

    async def babble(stream: Stream) -> None:
        await asked.read(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await stream.send_all(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
            await trio.sleep(0.01)

    assert (await failure(nursery, babble)).reason is Reason.SILENT
    assert clock.current_time() == pytest.approx(WITHIN)


async def test_plain_answers_are_asked_for_and_compressed_ones_are_none(
    nursery: trio.Nursery, clock: MockClock
) -> None:
    asked = Asked()
    error = await failure(
        nursery, answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", asked=asked)
    )
    assert error.reason is Reason.GARBLED
    assert "accept-encoding: identity" in asked.heads[0].lower()


async def test_a_connection_is_used_again_for_the_next_request(nursery: trio.Nursery, clock: MockClock) -> None:
    async with client(nursery, answering(OK)) as (opened, peer):
        for _ in range(5):
            await get(opened)
            await trio.sleep(60)
    assert peer.dialled == 1


async def test_after_a_request_that_failed_the_next_has_a_connection_of_its_own(
    nursery: trio.Nursery, clock: MockClock
) -> None:
    heard = 0

    async def silent_at_first(stream: Stream) -> None:
        nonlocal heard
        heard += 1
        await (keep_silent if heard == 1 else answering(OK))(stream)

    async with client(nursery, silent_at_first) as (opened, peer):
        with pytest.raises(Unavailable):
            await get(opened)
        assert (await get(opened)).status == 200
    assert peer.dialled == 2


async def test_no_number_of_failures_uses_the_client_up(nursery: trio.Nursery, clock: MockClock) -> None:
    async with client(nursery, keep_silent) as (opened, peer):
        for _ in range(30):
            with pytest.raises(Unavailable, match="no whole answer"):
                await get(opened, within=1.0)
    assert peer.dialled == 30


async def test_a_cancelled_request_hangs_up(nursery: trio.Nursery, clock: MockClock) -> None:
    ended = trio.Event()

    async def see_the_end(stream: Stream) -> None:
        while await stream.receive_some(4096):
            pass
        ended.set()

    async with client(nursery, see_the_end) as (opened, _):
        with trio.move_on_after(1.0):
            await get(opened)
        await ended.wait()


async def test_leaving_takes_no_time_and_closes_what_was_kept(nursery: trio.Nursery, clock: MockClock) -> None:
    ended = trio.Event()
    asked = Asked()

    async def serve(stream: Stream) -> None:
        await answering(OK, asked=asked)(stream)
        ended.set()

    async with client(nursery, serve) as (opened, _):
        await get(opened)
    await ended.wait()
    assert clock.current_time() == 0.0


async def test_no_redirect_is_followed(nursery: trio.Nursery, clock: MockClock) -> None:
    moved = b"HTTP/1.1 301 Moved\r\nLocation: http://elsewhere.test/\r\nContent-Length: 0\r\n\r\n"
    async with client(nursery, answering(moved)) as (opened, peer):
        assert (await get(opened)).status == 301
    assert peer.dialled == 1


async def test_no_proxy_of_the_environment_is_asked(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch, clock: MockClock
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    dialled: list[tuple[str, int]] = []
    peer = Peer(nursery, answering(OK))

    async def open_stream(host: str, port: int) -> Stream:
        dialled.append((host, port))
        return await peer.open(host, port)

    async with open_http(Dialler(open_stream), URL, trusted()) as opened:
        await get(opened)
    assert dialled == [("venue.test", 80)]


@pytest.mark.parametrize("reason", [Reason.DNS, Reason.TLS, Reason.CONNECT])
async def test_a_dial_that_fails_keeps_its_own_reason(reason: Reason, clock: MockClock) -> None:
    async def open_stream(host: str, port: int) -> Stream:
        raise Unavailable(reason, "in words")

    async with open_http(Dialler(open_stream), URL, trusted()) as opened:
        with pytest.raises(Unavailable, match="in words") as error:
            await get(opened)
    assert error.value.reason is reason


@pytest.mark.parametrize("key", ["line\nbreak-SECRET", "nul\0-SECRET", "ümlaut-SECRET"])
async def test_a_key_that_fits_no_header_is_told_without_showing_it(
    nursery: trio.Nursery, key: str, clock: MockClock
) -> None:
    async with client(nursery, answering(OK)) as (opened, _):
        with pytest.raises(VenueError) as error:
            await opened.request("GET", "/", {"x-api-key": key}, None, WITHIN)
    assert "SECRET" not in str(error.value)


@asynccontextmanager
async def on_loopback(nursery: trio.Nursery, serve: Serve) -> AsyncIterator[tuple[str, list[trio.Event]]]:
    """A peer behind real sockets and TLS; its URL, and for each connection the event of its end."""
    connections: list[trio.Event] = []

    async def accept(stream: trio.SocketStream) -> None:
        ended = trio.Event()
        connections.append(ended)
        await forgiving(serve, trio.SSLStream(stream, served(), server_side=True, https_compatible=True))
        ended.set()

    listeners = await nursery.start(partial(trio.serve_tcp, accept, 0, host="127.0.0.1"))
    yield f"https://127.0.0.1:{listeners[0].socket.getsockname()[1]}", connections


def over_tls(url: str) -> AbstractAsyncContextManager[Http]:
    return open_http(Dialler(), url, trusted())


async def test_it_speaks_through_real_sockets_and_tls(nursery: trio.Nursery) -> None:
    async with on_loopback(nursery, answering(OK)) as (url, connections), over_tls(url) as opened:
        for _ in range(3):
            assert (await get(opened)).body == b"{}"
    assert len(connections) == 1


async def test_a_connection_dialled_ahead_is_used_though_the_venue_has_sent_its_tickets(nursery: trio.Nursery) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with served().wrap_socket(listener.accept()[0], server_side=True) as peer:
                told.set()
                peer.recv(4096)
                peer.sendall(OK)

        told = threading.Event()
        nursery.start_soon(trio.to_thread.run_sync, answer)
        async with over_tls(f"https://127.0.0.1:{listener.getsockname()[1]}") as opened:
            await opened.connect(WITHIN)
            await trio.to_thread.run_sync(told.wait)
            listener.close()  # a second dial would fail
            assert (await get(opened)).status == 200


async def test_a_kept_connection_that_the_venue_has_closed_is_not_used_again(nursery: trio.Nursery) -> None:
    async with on_loopback(nursery, once(OK)) as (url, connections), over_tls(url) as opened:
        for _ in range(3):
            assert (await get(opened)).status == 200
            await connections[-1].wait()
    assert len(connections) == 3


async def test_a_kept_connection_that_was_reset_is_not_used_again(nursery: trio.Nursery) -> None:
    asked = Asked()

    async def reset(stream: Stream) -> None:
        assert isinstance(stream, trio.SSLStream)
        await asked.read(stream)
        await stream.send_all(OK)
        wire = stream.transport_stream
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire.socket.close()

    async with on_loopback(nursery, reset) as (url, connections), over_tls(url) as opened:
        for _ in range(2):
            assert (await get(opened)).status == 200
            await connections[-1].wait()
    assert len(connections) == 2


async def test_a_reset_in_the_midst_of_an_answer_is_no_answer(nursery: trio.Nursery) -> None:
    asked = Asked()

    async def reset(stream: Stream) -> None:
        assert isinstance(stream, trio.SSLStream)
        await asked.read(stream)
        await stream.send_all(OK[:-1])
        stream.transport_stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.transport_stream.socket.close()

    async with on_loopback(nursery, reset) as (url, _), over_tls(url) as opened:
        with pytest.raises(Unavailable) as error:
            await get(opened)
    assert error.value.reason is Reason.CLOSED


async def test_a_certificate_nobody_vouches_for_is_told_in_words(nursery: trio.Nursery) -> None:
    async with (
        on_loopback(nursery, answering(OK)) as (url, _),
        open_http(Dialler(), url, Dialler().context(None)) as opened,
    ):
        with pytest.raises(Unavailable, match="certificate not trusted") as error:
            await get(opened)
    assert error.value.reason is Reason.TLS


async def test_waiting_for_a_turn_to_dial_takes_nothing_of_the_first_requests_time(
    nursery: trio.Nursery, clock: MockClock
) -> None:
    """A second for each dial, eight at once: the last of forty would else have given up before it was let begin."""
    peer = Peer(nursery, answering(OK))

    async def open_slowly(host: str, port: int) -> Stream:
        await trio.sleep(1.0)
        return await peer.open(host, port)

    dialler, answered = Dialler(open_slowly), 0

    async def ask() -> None:
        nonlocal answered
        async with open_http(dialler, URL, trusted()) as opened:
            await opened.connect(WITHIN)
            assert (await get(opened)).status == 200
            answered += 1

    async with trio.open_nursery() as crowd:
        for _ in range(40):
            crowd.start_soon(ask)
    assert answered == 40


async def test_a_dial_ahead_that_hangs_is_paid_for_by_the_first_request(
    nursery: trio.Nursery, clock: MockClock
) -> None:
    async def never(host: str, port: int) -> Stream:
        await trio.sleep_forever()
        raise AssertionError

    async with open_http(Dialler(never), URL, trusted()) as opened:
        await opened.connect(1.5)
        with pytest.raises(Unavailable):
            await get(opened, within=1.5)
    assert clock.current_time() == pytest.approx(1.5)
