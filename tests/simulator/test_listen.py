"""The simulated venues on real loopback sockets with real TLS, and their ways of failing there."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import trio
from trio_websocket import ConnectionClosed, open_websocket_url

from deadman.simulator.deribit.venue import Deribit
from deadman.simulator.listen import Authority, listen, new_authority
from deadman.simulator.network import Serve
from deadman.simulator.sxbet.venue import SxBet

AUTHORITY = new_authority()
V3 = {"x-sx-api-key": "key"}


@asynccontextmanager
async def listening(serve: Serve, authority: Authority | None = AUTHORITY) -> AsyncIterator[int]:
    async with trio.open_nursery() as nursery:
        yield await nursery.start(listen, serve, authority)
        nursery.cancel_scope.cancel()


async def test_deribit_speaks_tls_and_resets_for_real() -> None:
    venue = Deribit()
    async with listening(venue.serve) as port:
        url = f"wss://127.0.0.1:{port}/ws/api/v2"
        async with open_websocket_url(url, AUTHORITY.client()) as socket:
            await socket.send_message(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "public/test"}))
            with trio.fail_after(5):
                answer: dict[str, Any] = json.loads(await socket.get_message())
            assert answer["result"]["version"]
            venue.reset()
            with trio.fail_after(5), pytest.raises(ConnectionClosed):
                await socket.get_message()
            await trio.aclose_forcefully(socket._stream)  # the library leaves a reset stream open
        assert venue.connections == {}


async def test_a_reset_on_a_plain_socket_is_an_rst() -> None:
    venue = Deribit()
    venue.faults.upgrade = "reset"
    async with listening(venue.serve, None) as port, await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(b"GET /ws/api/v2 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        await stream.send_all(b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
        with trio.fail_after(5), pytest.raises(trio.BrokenResourceError) as broken:
            await stream.receive_some()
    assert isinstance(broken.value.__cause__, ConnectionResetError)


async def test_sx_bet_speaks_tls_by_name_and_by_address() -> None:
    venue = SxBet()
    venue.add_account("maker", "key")
    async with listening(venue.serve) as port, httpx.AsyncClient(verify=AUTHORITY.client(), trust_env=False) as client:
        for host in ("127.0.0.1", "localhost"):
            url = f"https://{host}:{port}/heartbeat/v3"
            answer = await client.post(url, json={"timeoutSeconds": 30}, headers=V3)
            assert answer.json()["data"]["timeoutSeconds"] == 30
        assert {received.connection for received in venue.received} == {1, 2}
        venue.faults.body = "eof"
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(url, json={"timeoutSeconds": 30}, headers=V3)


async def test_a_frozen_venue_accepts_and_says_nothing_more() -> None:
    venue = SxBet()
    venue.faults.frozen = True
    async with listening(venue.serve) as port, await trio.open_tcp_stream("127.0.0.1", port) as stream:
        secured = trio.SSLStream(stream, AUTHORITY.client(), server_hostname="127.0.0.1")
        with trio.move_on_after(0.1) as waited:
            await secured.do_handshake()
    assert waited.cancelled_caught


async def test_who_does_not_trust_the_authority_does_not_get_in_and_harms_nobody() -> None:
    venue = Deribit()
    async with listening(venue.serve) as port:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            stranger = trio.SSLStream(stream, ssl.create_default_context(), server_hostname="127.0.0.1")
            with pytest.raises(trio.BrokenResourceError):
                await stranger.do_handshake()
        async with open_websocket_url(f"wss://127.0.0.1:{port}/ws/api/v2", AUTHORITY.client()):
            assert len(venue.connections) == 1
