"""The network in memory behaves as TCP does where it matters: buffers, silence, resets, ends."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock, check_two_way_stream

from deadman.simulator.network import WINDOW, End, Network, Pipe, open_network

HOST = "venue"


async def echo(stream: trio.abc.Stream) -> None:
    try:
        while data := await stream.receive_some():
            await stream.send_all(data)
    except trio.BrokenResourceError:
        return


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    async with open_network() as made:
        made.add(HOST, 1, echo)
        yield made


async def said(stream: trio.abc.Stream, text: bytes) -> bytes:
    await stream.send_all(text)
    with trio.fail_after(5):
        return bytes(await stream.receive_some())


async def test_a_pair_of_ends_is_a_stream_by_trios_own_judgement(autojump_clock: MockClock) -> None:
    async def make() -> tuple[End, End]:
        there, back = Pipe(lambda: 0.0), Pipe(lambda: 0.0)
        return End(there, back, "left"), End(back, there, "right")

    await check_two_way_stream(make, None)


async def test_nobody_home_and_a_refusal_are_os_errors_and_every_dial_is_counted(
    autojump_clock: MockClock, network: Network
) -> None:
    with pytest.raises(OSError, match="no route"):
        await network.open_stream("nowhere", 1)
    network.refuse(HOST)
    with pytest.raises(ConnectionRefusedError):
        await network.open_stream(HOST, 1)
    network.allow(HOST)
    assert await said(await network.open_stream(HOST, 1), b"x") == b"x"
    assert [(dial.host, dial.port) for dial in network.dials] == [("nowhere", 1), (HOST, 1), (HOST, 1)]


async def test_a_frozen_host_hangs_dials_and_links_and_a_thaw_delivers(
    autojump_clock: MockClock, network: Network
) -> None:
    stream = await network.open_stream(HOST, 1)
    network.freeze(HOST)
    with pytest.raises(trio.TooSlowError):
        await said(stream, b"held")
    with trio.move_on_after(5) as dial:
        await network.open_stream(HOST, 1)
    assert dial.cancelled_caught
    network.thaw(HOST)
    with trio.fail_after(1):
        assert await stream.receive_some() == b"held"


async def test_a_sender_to_a_frozen_host_blocks_once_the_window_is_full(
    autojump_clock: MockClock, network: Network
) -> None:
    stream = await network.open_stream(HOST, 1)
    network.freeze(HOST)
    with trio.fail_after(1):
        await stream.send_all(bytes(WINDOW))
    with pytest.raises(trio.TooSlowError), trio.fail_after(1):
        await stream.send_all(b"more")


async def test_a_reset_is_an_error_at_both_ends_and_an_end_is_not(autojump_clock: MockClock, network: Network) -> None:
    stream, other = await network.open_stream(HOST, 1), await network.open_stream(HOST, 1)
    network.cut(HOST)
    for each in (stream, other):
        with pytest.raises(trio.BrokenResourceError):
            await each.receive_some()
        with pytest.raises(trio.BrokenResourceError):
            await each.send_all(b"x")


async def test_a_cut_can_strike_a_share_of_the_links(autojump_clock: MockClock, network: Network) -> None:
    streams = [await network.open_stream(HOST, 1) for _ in range(100)]
    network.cut(HOST, 0.5)
    alive = 0
    for stream in streams:
        try:
            alive += await said(stream, b"x") == b"x"
        except trio.BrokenResourceError:
            continue
    assert 30 < alive < 70


async def test_a_reset_does_not_cross_a_frozen_network(autojump_clock: MockClock, network: Network) -> None:
    stream = await network.open_stream(HOST, 1)
    network.freeze(HOST)
    network.cut(HOST)
    with trio.move_on_after(5) as waited:
        await stream.receive_some()
    assert waited.cancelled_caught
    network.thaw(HOST)
    with pytest.raises(trio.BrokenResourceError):
        await stream.receive_some()


async def test_latency_delays_but_never_reorders(autojump_clock: MockClock, network: Network) -> None:
    stream = await network.open_stream(HOST, 1)
    network.delay(HOST, 0.1, 2.0)
    begun, sent = trio.current_time(), bytes(range(20))
    for byte in sent:
        await stream.send_all(bytes([byte]))
    received = b""
    while len(received) < len(sent):
        received += bytes(await stream.receive_some())
    assert received == sent
    assert 0.2 <= trio.current_time() - begun <= 4.0
    network.heal(HOST)
    begun = trio.current_time()
    assert await said(stream, b"x") == b"x"
    assert trio.current_time() == begun


async def test_links_end_with_their_network(autojump_clock: MockClock) -> None:
    async with open_network() as network:
        network.add(HOST, 1, echo)
        stream = await network.open_stream(HOST, 1)
    assert await stream.receive_some() == b""


async def test_a_slow_dial_delays_the_connection_and_nothing_on_it(autojump_clock: MockClock, network: Network) -> None:
    network.slow_dials(HOST, 6.0)
    begun = trio.current_time()
    stream = await network.open_stream(HOST, 1)
    assert await said(stream, b"x") == b"x"
    assert trio.current_time() - begun == 6.0
