"""Dialling: real sockets on loopback, real TLS, and peers that do every wrong thing there is.

The clock jumps when nothing more comes over the loopback, so that a peer's silence costs the tests no time.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from deadman.model.errors import Reason, Refused, Unavailable
from deadman.transport.dial import HANDSHAKES, OPEN_TIMEOUT, USER_TIMEOUT_MS, Dialler, hang_up, held
from tests.support.venue_certificates import authority, served, trusted

HOST = "127.0.0.1"
Serve = Callable[[trio.SocketStream], Awaitable[None]]


@pytest.fixture
def clock() -> MockClock:
    return MockClock(autojump_threshold=0.02)


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """A peer on loopback; its port."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host=HOST))
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def echo(stream: trio.SocketStream) -> None:
    """Speak TLS, and say everything back."""
    secured = trio.SSLStream(stream, served(), server_side=True, https_compatible=True)
    try:
        async for data in secured:
            await secured.send_all(data)
    except trio.BrokenResourceError:
        pass


async def keep_silent(stream: trio.SocketStream) -> None:
    await trio.sleep_forever()


async def reset(stream: trio.SocketStream) -> None:
    await stream.receive_some(1)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()


async def leave(stream: trio.SocketStream) -> None:
    await stream.receive_some(1)
    await stream.aclose()


async def speak_http(stream: trio.SocketStream) -> None:
    await stream.receive_some(1)
    await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def dial(port: int, context: ssl.SSLContext | None = None, host: str = HOST) -> trio.abc.Stream:
    return await Dialler().open(host, port, context or trusted())


async def failure(port: int, context: ssl.SSLContext | None = None) -> Unavailable:
    with pytest.raises(Unavailable) as unavailable:
        await dial(port, context)
    return unavailable.value


async def test_what_is_sent_through_tls_arrives() -> None:
    async with listening(echo) as port, held(await dial(port)) as stream:
        await stream.send_all(b"hello")
        assert await stream.receive_some(5) == b"hello"


async def test_a_dead_peer_is_noticed_by_the_kernel_too() -> None:
    async with listening(keep_silent) as port, held(await Dialler().open(HOST, port, None)) as stream:
        assert isinstance(stream, trio.SocketStream)
        assert stream.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == USER_TIMEOUT_MS
        assert stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 5


async def test_a_peer_silent_in_the_handshake_is_given_up_in_time(clock: MockClock) -> None:
    async with listening(keep_silent) as port:
        error = await failure(port)
        assert error.reason is Reason.CONNECT
        assert f"{HOST}:{port}" in error.detail
        assert clock.current_time() == pytest.approx(OPEN_TIMEOUT, abs=0.1)


async def test_a_connection_refused_is_told_in_words() -> None:
    async with listening(echo) as port:
        pass
    error = await failure(port)
    assert error.reason is Reason.CONNECT
    assert f"{HOST}:{port}" in error.detail
    assert "refused" in error.detail.lower()


@pytest.mark.parametrize("serve", [reset, leave, speak_http])
async def test_a_handshake_that_fails_is_told_from_a_host_that_cannot_be_reached(
    serve: Serve, clock: MockClock
) -> None:
    async with listening(serve) as port:
        error = await failure(port)
        assert error.reason is Reason.TLS
        assert HOST in error.detail
        assert clock.current_time() < OPEN_TIMEOUT


async def test_a_certificate_nobody_vouches_for_is_told_in_words() -> None:
    async with listening(echo) as port:
        error = await failure(port, Dialler().context(None))
        assert error.reason is Reason.TLS
        assert "certificate not trusted" in error.detail
        assert HOST in error.detail


async def test_a_certificate_of_another_host_is_not_trusted_either() -> None:
    async with listening(echo) as port:
        with pytest.raises(Unavailable, match=r"certificate not trusted.*localhost"):
            await dial(port, host="localhost")


@dataclass
class Crowd:
    """Opens streams slowly, and keeps how many were being opened at once."""

    at_once: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)

    async def open(self, host: str, port: int) -> trio.abc.Stream:
        self.at_once[host] += 1
        self.most[host] = max(self.most[host], self.at_once[host])
        await trio.sleep(1.0)
        self.at_once[host] -= 1
        return memory_stream_pair()[0]


async def test_a_storm_of_ours_shakes_hands_eight_at_a_time_with_each_host(clock: MockClock) -> None:
    crowd = Crowd()
    dialler = Dialler(crowd.open)
    async with trio.open_nursery() as nursery:
        for _ in range(3 * HANDSHAKES):
            nursery.start_soon(dialler.open, "one.test", 443, None)
            nursery.start_soon(dialler.open, "other.test", 443, None)
    assert crowd.most == {"one.test": 8, "other.test": 8}
    assert clock.current_time() == pytest.approx(3.0)


async def test_a_peer_that_refuses_is_named_once() -> None:
    with socket.socket() as nobody:
        nobody.bind((HOST, 0))
        port = nobody.getsockname()[1]
        with pytest.raises(Unavailable) as unavailable:
            await Dialler().open(HOST, port, None)
    assert unavailable.value.detail == f"{HOST}:{port}: Connection refused"


async def test_hands_shaken_and_hands_refused_make_room_alike() -> None:
    async def refuse(host: str, port: int) -> trio.abc.Stream:
        raise OSError(111, "Connection refused")

    dialler = Dialler(refuse)
    for _ in range(2 * HANDSHAKES):
        with pytest.raises(Unavailable):
            await dialler.open("one.test", 443, None)


@pytest.mark.parametrize("cancelled", ["by the deadline", "by us"])
async def test_nothing_is_left_open_when_a_handshake_is_cut_short(cancelled: str, clock: MockClock) -> None:
    ours, theirs = (trio.SocketStream(one) for one in trio.socket.socketpair())

    async def open_stream(host: str, port: int) -> trio.abc.Stream:
        return ours

    with trio.move_on_after(1.0 if cancelled == "by us" else 60.0):
        with pytest.raises(Unavailable):
            await Dialler(open_stream).open("one.test", 443, trusted())
        assert cancelled == "by the deadline"
    async with theirs:
        assert await theirs.receive_some(2**16) != b""
        assert await theirs.receive_some(1) == b""


async def test_a_name_without_an_address_keeps_its_own_reason() -> None:
    async def no_name(host: str, port: int) -> trio.abc.Stream:
        raise Unavailable(Reason.DNS, "no address for one.test")

    with pytest.raises(Unavailable) as unavailable:
        await Dialler(no_name).open("one.test", 443, None)
    assert unavailable.value.reason is Reason.DNS


def test_a_context_is_made_once_for_each_set_of_authorities(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    authority().cert_pem.write_to_path(str(file))
    dialler = Dialler()
    assert dialler.context(None) is dialler.context(None)
    assert dialler.context(file) is dialler.context(file)
    assert dialler.context(file) is not dialler.context(None)
    assert dialler.context(file).verify_mode is ssl.CERT_REQUIRED
    assert len(dialler.context(file).get_ca_certs()) == 1


@pytest.mark.parametrize("content", [None, "no certificate", ""])
def test_authorities_that_cannot_be_read_are_refused_in_words(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(Refused, match=r"ca\.pem") as refused:
        Dialler().context(file)
    assert refused.value.reason is Reason.TLS


async def test_hanging_up_waits_for_nobody() -> None:
    ours, theirs = trio.testing.lockstep_stream_pair()
    with trio.CancelScope() as scope:
        scope.cancel()
        await hang_up(ours)
    assert await theirs.receive_some(1) == b""
