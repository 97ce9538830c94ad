"""A caller that knows of Deribit what its documents say, and nothing of the simulator's inside."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from deadman.simulator.deribit.settings import DERIBIT, Settings
from deadman.simulator.deribit.venue import Deribit
from deadman.simulator.network import Network, open_network

HOST = "test.deribit.com"
ENABLE = "private/enable_cancel_on_disconnect"
READ = "private/get_cancel_on_disconnect"


class Client:
    """A bare caller: one request, one answer; what comes between is kept in `seen`. `key`: client id and secret."""

    def __init__(self, socket: WebSocketConnection, key: tuple[str, str] = ("id", "hush")) -> None:
        self.socket, self.key = socket, key
        self.seen: list[dict[str, Any]] = []
        self.number = 0

    async def send(self, method: str, **params: Any) -> int:
        self.number += 1
        request = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        await self.socket.send_message(json.dumps(request))
        return self.number

    async def next(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(await self.socket.get_message())
        self.seen.append(frame)
        return frame

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        number = await self.send(method, **params)
        with trio.fail_after(5):
            while (frame := await self.next()).get("id") != number:
                pass
        return frame

    async def call(self, method: str, **params: Any) -> Any:
        return (await self.ask(method, **params))["result"]

    async def code(self, method: str, **params: Any) -> int:
        return int((await self.ask(method, **params))["error"]["code"])

    async def login(self, scope: str = "", client_id: str = "") -> Any:
        known, secret = self.key
        grant = {"grant_type": "client_credentials", "client_id": client_id or known, "client_secret": secret}
        return await self.call("public/auth", **grant, **({"scope": scope} if scope else {}))

    async def place(self, method: str = "private/buy", instrument: str = "BTC-PERPETUAL", **details: Any) -> Any:
        """A limit order of ten, far from any market; `details` take the place of that."""
        shape = {"instrument_name": instrument, "amount": 10, "price": 100} | details
        return (await self.call(method, **shape))["order"]

    async def news(self, channel: str) -> Any:
        """What is said next on a channel."""
        while True:
            frame = await self.next()
            if frame.get("params", {}).get("channel") == channel:
                return frame["params"]["data"]

    async def close_code(self) -> int:
        try:
            while True:
                await self.next()
        except ConnectionClosed as closed:
            return int(closed.reason.code) if closed.reason else 0


class World:
    def __init__(self, network: Network, venue: Deribit, nursery: trio.Nursery) -> None:
        self.network = network
        self.venue = venue
        self.nursery = nursery

    async def connect(self, path: str = "/ws/api/v2") -> Client:
        return await self.upgrade(await self.network.open_stream(HOST, 443), path)

    async def upgrade(self, stream: trio.abc.Stream, path: str = "/ws/api/v2") -> Client:
        socket = await wrap_client_stream(self.nursery, stream, HOST, path, message_queue_size=64)  # type: ignore[arg-type]
        return Client(socket)

    async def logged_in(self, scope: str = "") -> Client:
        client = await self.connect()
        await client.login(scope)
        return client


@asynccontextmanager
async def world(settings: Settings = DERIBIT) -> AsyncIterator[World]:
    venue = Deribit(settings, timestamp=lambda: 1_700_000_000 + trio.current_time())
    venue.add_key("id", "desk", secret="hush")
    async with open_network() as network, trio.open_nursery() as nursery:
        network.add(HOST, 443, venue.serve)
        yield World(network, venue, nursery)
        nursery.cancel_scope.cancel()
