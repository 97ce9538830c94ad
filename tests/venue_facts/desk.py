"""A desk on Deribit, simulated or on the test network: what a stranger with one key can do and see."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import h11
import trio
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from trio_websocket import wrap_client_stream

from deadman.simulator.deribit.settings import COINBASE, COINBASE_SCOPES, TESTNET
from tests.support.deribit_caller import ENABLE, HOST, READ, Client, world
from tests.support.http_caller import exchange
from tests.venue_facts.facts import Door
from tests.venue_facts.places import Place, place_of

BTC, STOP = "BTC-PERPETUAL", {"type": "stop_market", "trigger": "mark_price", "price": None}
DISABLE = "private/disable_cancel_on_disconnect"
FAR = 0.5
"""Of the market's price: what is bid there does not trade."""


@dataclass
class Desk:
    """`label` is on every order that is placed through this."""

    open_stream: Callable[[], Awaitable[trio.abc.Stream]]
    host: str
    key: tuple[str, str]
    nursery: trio.Nursery
    label: str = field(default_factory=lambda: f"deadman-fact-{token_hex(4)}")
    quoted: dict[str, Any] = field(default_factory=dict)

    async def connect(self) -> Client:
        stream: Any = await self.open_stream()
        socket = await wrap_client_stream(self.nursery, stream, self.host, "/ws/api/v2", message_queue_size=64)
        return Client(socket, self.key)

    async def logged_in(self, scope: str = "") -> Client:
        client = await self.connect()
        await client.login(scope)
        return client

    async def http(self, method: str, headers: dict[str, str] | None = None, **params: Any) -> tuple[int, Any]:
        """Status and answer of a POST, by default under the key's id and secret."""
        basic = base64.b64encode(":".join(self.key).encode()).decode()
        sent = {"Host": self.host, "Content-Type": "application/json"}
        sent |= {"Authorization": f"Basic {basic}"} if headers is None else headers
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with await self.open_stream() as stream:
            answer = await exchange(stream, h11.Connection(h11.CLIENT), "POST", f"/api/v2/{method}", sent, body)
        return answer.status, json.loads(answer.body or b"{}")

    async def limit(self, **changes: Any) -> dict[str, Any]:
        """The smallest bid, far below the market; `changes` of None leave a parameter out."""
        if not self.quoted:
            self.quoted = (await self.http("public/ticker", {}, instrument_name=BTC))[1]["result"]
        price = self.quoted["mark_price"] * FAR // 10 * 10
        shape = {"instrument_name": BTC, "amount": 10, "price": price, "label": self.label} | changes
        return {name: value for name, value in shape.items() if value is not None}

    async def place(self, client: Client | None = None, **changes: Any) -> dict[str, Any]:
        """An order by a connection, or by HTTP where there is none."""
        params = await self.limit(**changes)
        if client is not None:
            return dict((await client.call("private/buy", **params))["order"])
        return dict((await self.http("private/buy", **params))[1]["result"]["order"])

    async def stop(self, client: Client, **changes: Any) -> dict[str, Any]:
        """A buy stop far above the market."""
        await self.limit()
        level = self.quoted["mark_price"] * 1.5 // 10 * 10
        return await self.place(client, **STOP, trigger_price=level, **changes)

    async def orders(self, label: str | None = None) -> list[dict[str, Any]]:
        """What is open under our label, asked by HTTP."""
        listed = (await self.http("private/get_open_orders"))[1]["result"]
        return [order for order in listed if order["label"] == (label or self.label)]

    async def is_open(self, order: dict[str, Any]) -> bool:
        return order["order_id"] in {one["order_id"] for one in await self.orders()}

    async def state(self, order: dict[str, Any]) -> dict[str, Any]:
        return dict((await self.http("private/get_order_state", order_id=order["order_id"]))[1]["result"])

    async def switch(self, on: bool) -> None:
        """The account's default."""
        async with await self.passing() as client:
            await client.client.call(ENABLE if on else DISABLE, scope="account")

    async def armed(self) -> Client:
        """A connection that takes its own orders with it."""
        client = await self.logged_in()
        await client.call(ENABLE, scope="connection")
        return client

    async def passing(self) -> Passing:
        return Passing(await self.logged_in())

    async def drop(self, client: Client) -> None:
        """The connection is lost, without a close frame."""
        await trio.aclose_forcefully(client.socket._stream)


@dataclass
class Passing:
    """A connection for one errand."""

    client: Client

    async def __aenter__(self) -> Passing:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.socket.aclose()


@asynccontextmanager
async def tidied(desk: Desk) -> AsyncIterator[Desk]:
    """Leave the account's switch as it was, and none of our orders, whatever happens."""
    async with await desk.passing() as first:
        was_on = (await first.client.call(READ, scope="account"))["enabled"]
    try:
        yield desk
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 30):
            async with await desk.passing() as last:
                await last.client.call("private/cancel_by_label", label=desk.label)
                await last.client.call(ENABLE if was_on else DISABLE, scope="account")


@asynccontextmanager
async def simulated() -> AsyncIterator[Desk]:
    async with world(TESTNET) as made:
        opened = Desk(lambda: made.network.open_stream(HOST, 443), HOST, ("id", "hush"), made.nursery)
        async with tidied(opened) as desk:
            yield desk


KEY_NAME, PRIVATE_KEY = "organizations/o/apiKeys/gate", ed25519.Ed25519PrivateKey.generate()


@asynccontextmanager
async def simulated_gateway() -> AsyncIterator[Desk]:
    public = PRIVATE_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    async with world(COINBASE) as made:
        made.venue.add_key(KEY_NAME, "gate", public_key=public, scope=COINBASE_SCOPES)
        yield Desk(lambda: made.network.open_stream(HOST, 443), HOST, (KEY_NAME, ""), made.nursery)


@asynccontextmanager
async def on_test_network(place: Place) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as opened, trio.open_nursery() as nursery:

        async def dial() -> trio.abc.Stream:
            stream = await place.dial()
            opened.push_async_callback(trio.aclose_forcefully, stream)
            return stream

        async with tidied(Desk(dial, place.host, place.key, nursery)) as desk:
            yield desk
        nursery.cancel_scope.cancel()


def open_live(config: Path) -> AbstractAsyncContextManager[Desk] | None:
    place = place_of(config, "deribit")
    return on_test_network(place) if place else None


deribit = Door(simulated, open_live)
gateway = Door(simulated_gateway, lambda config: None, "it has no test network")
