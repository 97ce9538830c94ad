"""The WebSocket port: what trio-websocket does wrong is not felt on our side of it.

Peers are scripted on streams in memory; the clock jumps, so a peer's silence costs no time. One test goes through
real sockets and TLS.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial

import pytest
import trio
import trio_websocket
from trio.testing import MockClock, lockstep_stream_pair, memory_stream_pair
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage
from wsproto.utilities import generate_accept_token

from deadman.model.errors import Reason, Refused, SwitchOff, Unavailable, VenueError, ungrouped
from deadman.transport import websocket
from deadman.transport.dial import Dialler
from deadman.transport.websocket import QUEUE, SEND_TIMEOUT, UPGRADE_TIMEOUT, WebSocket, open_websocket
from tests.support.venue_certificates import served, trusted

URL = "ws://venue.test/ws/api/v2"
Stream = trio.abc.Stream
Serve = Callable[[Stream], Awaitable[None]]


@pytest.fixture
def clock(autojump_clock: MockClock) -> MockClock:
    return autojump_clock


@dataclass
class Peer:
    """A venue in memory that serves each connection in its own way."""

    serve: Serve
    nursery: trio.Nursery
    pair: Callable[[], tuple[Stream, Stream]] = memory_stream_pair

    async def open(self, host: str, port: int) -> Stream:
        ours, theirs = self.pair()
        self.nursery.start_soon(forgiving, self.serve, theirs)
        return ours


async def forgiving(serve: Serve, stream: Stream) -> None:
    """The peer's own trouble with us is none of the tests' business."""
    try:
        await serve(stream)
    except* (trio_websocket.ConnectionClosed, trio.BrokenResourceError, trio.ClosedResourceError):
        pass


Dial = Callable[..., AbstractAsyncContextManager[WebSocket]]


@pytest.fixture
def dial(nursery: trio.Nursery) -> Dial:
    """Opens a connection to a peer who serves in a given way, over a given pair of streams."""

    def dial(
        serve: Serve, pair: Callable[[], tuple[Stream, Stream]] = memory_stream_pair, url: str = URL
    ) -> AbstractAsyncContextManager[WebSocket]:
        return open_websocket(Dialler(Peer(serve, nursery, pair).open), url, trusted())

    return dial


def upgraded(talk: Callable[[trio_websocket.WebSocketConnection], Awaitable[None]]) -> Serve:
    """A peer that upgrades properly, and then talks."""

    async def serve(stream: Stream) -> None:
        async with trio.open_nursery() as nursery:
            request = await trio_websocket.wrap_server_stream(nursery, stream)
            connection = await request.accept()
            await talk(connection)
            nursery.cancel_scope.cancel()
        await trio.aclose_forcefully(stream)

    return serve


def upgraded_then(act: Callable[[Stream], Awaitable[None]]) -> Serve:
    """A peer that upgrades properly by hand, and then does something to the stream."""

    async def serve(stream: Stream) -> None:
        request = await read_head(stream)
        key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
        accept = generate_accept_token(key.partition(b":")[2].strip())
        await stream.send_all(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        await act(stream)

    return serve


def answering(response: bytes) -> Serve:
    """A peer that answers the upgrade with these bytes; it hangs up where nothing else ends its answer."""

    async def serve(stream: Stream) -> None:
        await read_head(stream)
        await stream.send_all(response)
        if b"Content-Length" in response:
            await trio.sleep_forever()
        await stream.aclose()

    return serve


async def read_head(stream: Stream) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        head += await stream.receive_some(4096)
    return head


async def keep_silent(stream: Stream) -> None:
    await trio.sleep_forever()


async def leave(stream: Stream) -> None:
    await read_head(stream)
    await stream.aclose()


async def failure(dial: Dial, serve: Serve) -> VenueError:
    """How opening fails."""
    with pytest.raises(VenueError) as error:
        await listen(dial(serve))
    return error.value


async def echo(connection: trio_websocket.WebSocketConnection) -> None:
    while True:
        await connection.send_message(await connection.get_message())


async def test_text_goes_out_and_comes_in(dial: Dial, clock: MockClock) -> None:
    async with dial(upgraded(echo)) as socket:
        await socket.send('{"id":1}')
        assert await socket.receive() == '{"id":1}'


async def test_a_binary_frame_is_read_as_text_whatever_it_holds(dial: Dial, clock: MockClock) -> None:
    async def talk(connection: trio_websocket.WebSocketConnection) -> None:
        await connection.send_message(b"\xff{}")
        await trio.sleep_forever()

    async with dial(upgraded(talk)) as socket:
        assert await socket.receive() == "\ufffd{}"


async def test_the_request_goes_to_the_whole_url(dial: Dial, clock: MockClock) -> None:
    heads: list[bytes] = []

    async def serve(stream: Stream) -> None:
        heads.append(await read_head(stream))

    with pytest.raises(VenueError):
        await listen(dial(serve, url="ws://venue.test:8080/ws/api/v2?a=b"))
    assert heads[0].startswith(b"GET /ws/api/v2?a=b HTTP/1.1\r\n")
    assert b"host: venue.test:8080\r\n" in heads[0].lower()


@pytest.mark.parametrize(
    ("serve", "after"),
    [(keep_silent, UPGRADE_TIMEOUT), (leave, 0.0), (answering(b"HTTP/1.1 403 No\r\n\r\nhalf a p"), 0.0)],
)
async def test_an_upgrade_met_with_silence_is_given_up_in_time_and_one_cut_off_at_once(
    dial: Dial, serve: Serve, after: float, clock: MockClock
) -> None:
    error = await failure(dial, serve)
    assert isinstance(error, Unavailable)
    assert error.reason is Reason.UPGRADE
    assert clock.current_time() == pytest.approx(after, abs=0.1)


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        ("403 Forbidden", Refused, Reason.FORBIDDEN),
        ("404 Not Found", Refused, Reason.FORBIDDEN),
        ("301 Moved Permanently", Refused, Reason.FORBIDDEN),
        ("200 OK", Refused, Reason.FORBIDDEN),
        ("429 Too Many Requests", Unavailable, Reason.RATE_LIMITED),
        ("500 Internal Server Error", Unavailable, Reason.UPGRADE),
        ("503 Service Unavailable", Unavailable, Reason.UPGRADE),
    ],
)
@pytest.mark.parametrize("body", [b"Content-Length: 0\r\n\r\n", b"Content-Length: 9\r\n\r\n<html></>"])
async def test_an_upgrade_turned_down_is_told_by_its_status_at_once(
    dial: Dial, status: str, kind: type[VenueError], reason: Reason, body: bytes, clock: MockClock
) -> None:
    error = await failure(dial, answering(f"HTTP/1.1 {status}\r\n".encode() + body))
    assert type(error) is kind
    assert error.reason is reason
    assert status[:3] in error.detail
    assert clock.current_time() < UPGRADE_TIMEOUT


async def test_too_many_connections_of_this_address_are_left_alone_for_a_while(dial: Dial, clock: MockClock) -> None:
    error = await failure(dial, answering(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"))
    assert error.pause >= 1.0


@pytest.mark.parametrize("noise", [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x28", b"\0" * 100_000])
async def test_a_peer_that_speaks_something_else_is_no_venue(dial: Dial, noise: bytes, clock: MockClock) -> None:
    error = await failure(dial, answering(noise))
    assert isinstance(error, Unavailable)
    assert clock.current_time() <= UPGRADE_TIMEOUT + 0.1


async def lost(dial: Dial, serve: Serve) -> Unavailable:
    """How listening ends."""
    with pytest.raises(Unavailable) as error:
        await listen(dial(serve))
    return error.value


async def listen(connection: AbstractAsyncContextManager[WebSocket]) -> None:
    async with connection as socket:
        while True:
            await socket.receive()


async def test_why_the_venue_closed_is_told(dial: Dial, clock: MockClock) -> None:
    async def talk(connection: trio_websocket.WebSocketConnection) -> None:
        await connection.aclose(4000, "heartbeat close")

    error = await lost(dial, upgraded(talk))
    assert error.reason is Reason.CLOSED
    assert "4000 heartbeat close" in error.detail


async def test_a_connection_cut_without_a_word_is_noticed_at_once(dial: Dial, clock: MockClock) -> None:
    async def cut(stream: Stream) -> None:
        await trio.sleep(1.0)
        await trio.aclose_forcefully(stream)

    error = await lost(dial, upgraded_then(cut))
    assert error.reason is Reason.CLOSED
    assert clock.current_time() == pytest.approx(1.0)


@pytest.mark.parametrize("frame", [b"\x81\x02\xff\xff", b"\xff\xff\xff", b"\x81\x80abcd"])
async def test_a_frame_against_the_protocol_ends_the_connection_and_nothing_else(
    dial: Dial, frame: bytes, clock: MockClock
) -> None:
    async def send(stream: Stream) -> None:
        await stream.send_all(frame)
        await trio.sleep_forever()

    assert isinstance(await lost(dial, upgraded_then(send)), Unavailable)


async def test_a_message_beyond_all_measure_ends_the_connection_though_the_peer_holds_on(
    dial: Dial, monkeypatch: pytest.MonkeyPatch, clock: MockClock
) -> None:
    monkeypatch.setattr(websocket, "MAX_MESSAGE", 1000)

    async def flood(connection: trio_websocket.WebSocketConnection) -> None:
        await connection.send_message("x" * 1001)
        await trio.sleep_forever()

    await lost(dial, upgraded(flood))
    assert clock.current_time() < 1.0


async def test_sending_to_a_peer_that_left_tells_so(dial: Dial, clock: MockClock) -> None:
    async def talk(connection: trio_websocket.WebSocketConnection) -> None:
        await connection.aclose(1001, "")

    async def send_late() -> None:
        async with dial(upgraded(talk)) as socket:
            with pytest.raises(Unavailable):
                await socket.receive()
            await socket.send("{}")

    with pytest.raises(Unavailable, match="1001"):
        await send_late()


async def test_a_send_that_finds_no_room_in_time_kills_the_connection(dial: Dial, clock: MockClock) -> None:
    ended = trio.Event()

    async def stop_reading(stream: Stream) -> None:
        await trio.sleep(60)
        while await stream.receive_some(4096):
            pass
        ended.set()

    async def send() -> None:
        async with dial(upgraded_then(stop_reading), lockstep_stream_pair) as socket:
            await socket.send("x" * 100)

    with pytest.raises(Unavailable, match="no room") as error:
        await send()
    assert error.value.reason is Reason.SILENT
    assert clock.current_time() == pytest.approx(SEND_TIMEOUT, abs=0.1)
    await ended.wait()


async def test_a_send_that_finds_no_room_is_told_through_whatever_nursery_it_was_made_in(
    dial: Dial, clock: MockClock
) -> None:
    async def read_nothing(stream: Stream) -> None:
        await trio.sleep(60)

    async def converse() -> None:
        async with dial(upgraded_then(read_nothing), lockstep_stream_pair) as socket:
            with ungrouped():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.sleep_forever)
                    await socket.send("x" * 100)

    with pytest.raises(Unavailable, match="no room"):
        await converse()


async def test_a_send_that_somebody_cancels_is_still_finished_whole(dial: Dial, clock: MockClock) -> None:
    frames = Connection(ConnectionType.SERVER)

    async def read_late(stream: Stream) -> None:
        await trio.sleep(1.0)
        while data := await stream.receive_some(3):
            frames.receive_data(bytes(data))

    async with dial(upgraded_then(read_late), lockstep_stream_pair) as socket:
        with trio.move_on_after(0.1) as scope:
            await socket.send("first")
        assert scope.cancel_called
        await socket.send("second")
    assert [frame.data for frame in frames.events() if isinstance(frame, TextMessage)] == ["first", "second"]


async def test_frames_nobody_has_read_yet_hide_neither_a_ping_nor_the_close(dial: Dial, clock: MockClock) -> None:
    assert QUEUE >= 64
    ponged = trio.Event()

    async def talk(connection: trio_websocket.WebSocketConnection) -> None:
        for number in range(QUEUE - 10):
            await connection.send_message(str(number))
        await connection.ping(b"alive?")
        ponged.set()
        await trio.sleep_forever()

    async with dial(upgraded(talk)) as socket:
        with trio.fail_after(1.0):
            await ponged.wait()
        assert [await socket.receive() for _ in range(QUEUE - 10)] == [str(number) for number in range(QUEUE - 10)]


@pytest.mark.parametrize("pair", [memory_stream_pair, lockstep_stream_pair])
async def test_leaving_a_peer_that_no_longer_answers_takes_no_time(
    dial: Dial, pair: Callable[[], tuple[Stream, Stream]], clock: MockClock
) -> None:
    async with dial(upgraded_then(keep_silent), pair):
        left_at = clock.current_time()
    assert clock.current_time() == left_at


async def test_whatever_ends_the_session_the_peer_sees_the_end_without_a_farewell(dial: Dial, clock: MockClock) -> None:
    ended = trio.Event()

    async def see_the_end(stream: Stream) -> None:
        assert await stream.receive_some(4096) == b""
        ended.set()

    with pytest.raises(SwitchOff):
        async with dial(upgraded_then(see_the_end)):
            raise SwitchOff(Reason.VENUE_ERROR, "off")
    await ended.wait()


async def test_a_cancelled_session_hangs_up(dial: Dial, clock: MockClock) -> None:
    ended = trio.Event()

    async def see_the_end(stream: Stream) -> None:
        assert await stream.receive_some(4096) == b""
        ended.set()

    with trio.move_on_after(1.0):
        await listen(dial(upgraded_then(see_the_end)))
    await ended.wait()


async def test_what_is_waited_for_in_vain_may_be_given_up_without_harm(dial: Dial, clock: MockClock) -> None:
    async with dial(upgraded(echo)) as socket:
        with trio.move_on_after(1.0):
            await socket.receive()
        await socket.send("still there")
        assert await socket.receive() == "still there"


async def test_a_bug_in_the_session_stays_a_bug(dial: Dial, clock: MockClock) -> None:
    with pytest.raises(BaseExceptionGroup) as group:
        async with dial(upgraded_then(keep_silent)):
            raise ZeroDivisionError
    assert group.group_contains(ZeroDivisionError)
    assert not group.group_contains(VenueError)


async def test_it_speaks_through_real_sockets_and_tls(nursery: trio.Nursery) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        secured = trio.SSLStream(stream, served(), server_side=True, https_compatible=True)
        await forgiving(upgraded(echo), secured)

    listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
    url = f"wss://127.0.0.1:{listeners[0].socket.getsockname()[1]}/ws/api/v2"
    async with open_websocket(Dialler(), url, trusted()) as socket:
        await socket.send("hello")
        assert await socket.receive() == "hello"
    with pytest.raises(Unavailable, match="certificate not trusted"):
        await listen(open_websocket(Dialler(), url, Dialler().context(None)))
