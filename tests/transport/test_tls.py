"""TLS on a real socket: whole records in and out, its end in every manner, and no flood that starves a neighbour."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing

from deadman.transport.dial import RECORD, TlsStream, held
from tests.support.venue_certificates import served, trusted

LONG = bytes(range(256)) * 4096
"""More than any buffer of the kernel takes at once."""


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[TlsStream, trio.SSLStream[trio.SocketStream]]]:
    """Our end, and the venue's."""
    mine, theirs = (trio.SocketStream(one) for one in trio.socket.socketpair())
    ours = TlsStream(mine, trusted(), "127.0.0.1")
    venue = trio.SSLStream(theirs, served(), server_side=True, https_compatible=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(venue.do_handshake)
        await ours.do_handshake()
    async with held(ours), held(venue):
        yield ours, venue


async def test_what_is_longer_than_any_buffer_arrives_whole_both_ways() -> None:
    async with connected() as (ours, venue), trio.open_nursery() as nursery:
        for sender, receiver in ((ours, venue), (venue, ours)):
            nursery.start_soon(sender.send_all, LONG)
            arrived = bytearray()
            while len(arrived) < len(LONG):
                arrived += await receiver.receive_some(RECORD)
            assert arrived == LONG


async def test_a_record_may_be_read_in_parts() -> None:
    async with connected() as (ours, venue):
        await venue.send_all(b"abcdef")
        assert [await ours.receive_some(2) for _ in range(3)] == [b"ab", b"cd", b"ef"]


@pytest.mark.parametrize("politely", [True, False])
async def test_the_end_is_the_end_whether_or_not_the_peer_says_goodbye(politely: bool) -> None:
    async with connected() as (ours, venue):
        if politely:
            await venue.aclose()
        else:
            await trio.aclose_forcefully(venue)
        assert await ours.receive_some() == b""


async def test_what_is_no_tls_breaks_the_stream() -> None:
    async with connected() as (ours, venue):
        await venue.transport_stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with pytest.raises(trio.BrokenResourceError) as error:
            await ours.receive_some()
        assert isinstance(error.value.__cause__, ssl.SSLError)


async def test_who_waits_for_bytes_learns_that_we_hung_up() -> None:
    async with connected() as (ours, _), trio.open_nursery() as nursery:

        async def wait() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await ours.receive_some()

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        await ours.aclose()
    for use in (ours.receive_some(), ours.send_all(b"x"), ours.wait_send_all_might_not_block()):
        with pytest.raises(trio.ClosedResourceError):
            await use


async def test_a_flood_that_lies_ready_lets_others_run_before_each_record() -> None:
    async with connected() as (ours, venue):
        for _ in range(20):
            await venue.send_all(b"x")
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                await trio.lowlevel.checkpoint()
                turns += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(count_turns)
            for _ in range(20):
                assert await ours.receive_some() == b"x"
            nursery.cancel_scope.cancel()
        assert turns >= 10  # whose turn comes first in a round is chance


async def test_a_ticket_that_the_peer_sends_unasked_is_nothing_to_read() -> None:
    mine, theirs = socket.socketpair()
    ours = TlsStream(trio.SocketStream(trio.socket.from_stdlib_socket(mine)), trusted(), "127.0.0.1")
    wrap = partial(served().wrap_socket, theirs, server_side=True)
    async with held(ours), trio.open_nursery() as nursery:
        nursery.start_soon(ours.do_handshake)
        venue = await trio.to_thread.run_sync(wrap)  # trio's own stream keeps its tickets back until it sends
        with venue:
            await trio.lowlevel.wait_readable(ours.socket)
            assert not ours.is_readable()
            venue.sendall(b"abc")
            await trio.lowlevel.wait_readable(ours.socket)
            assert ours.is_readable()
            assert ours.is_readable()
            assert await ours.receive_some() == b"abc"
            assert not ours.is_readable()
        await trio.lowlevel.wait_readable(ours.socket)
        assert ours.is_readable()
        assert await ours.receive_some() == b""
