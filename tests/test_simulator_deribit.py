"""The simulated Deribit, held to the venue's documents by a client that knows nothing of its inside."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from deadman.simulator.deribit import DERIBIT, Cause, Deribit, Settings
from deadman.simulator.network import Network, open_network

HOST = "test.deribit.com"
TOGGLE = "private/enable_cancel_on_disconnect"
READ = "private/get_cancel_on_disconnect"


class Client:
    """A bare caller: one request, one answer; what comes between is kept in `seen`."""

    def __init__(self, socket: WebSocketConnection) -> None:
        self.socket = socket
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

    async def login(self, scope: str = "", client_id: str = "id") -> Any:
        grant = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": "hush"}
        return await self.call("public/auth", **grant, scope=scope)

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
        stream = await self.network.open_stream(HOST, 443)
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


@pytest.fixture
async def desk() -> AsyncIterator[World]:
    async with world() as made:
        yield made


async def test_an_answer_carries_its_id_and_the_venues_times(autojump_clock: MockClock, desk: World) -> None:
    answer = await (await desk.connect()).ask("public/hello", client_name="x", client_version="1")
    assert answer["result"] == {"version": "1.2.26"}
    assert answer["usDiff"] == answer["usOut"] - answer["usIn"]
    assert answer["usIn"] // 10**6 - 1_700_000_000 == int(trio.current_time())
    assert answer["testnet"] is False


async def test_text_that_is_not_json_is_answered_without_an_id_and_the_socket_lives(
    autojump_clock: MockClock, desk: World
) -> None:
    client = await desk.connect()
    await client.socket.send_message("{nonsense")
    answer = await client.next()
    assert (answer["error"]["code"], answer["error"]["data"]) == (11050, "invalid json")
    assert "id" not in answer
    assert await client.call("public/test") == {"version": "1.2.26"}


async def test_what_no_document_knows_is_refused_by_its_code(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.connect()
    assert await client.code("public/nothing") == -32601
    assert await client.code("public/set_heartbeat", interval=9) == -32602
    assert await client.code("public/set_heartbeat", interval="30") == -32602
    assert await client.code(READ) == 13009
    assert await client.code("public/test", expected_result="exception") == 10001


async def test_a_request_above_32_kb_is_too_large(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.connect()
    await client.send("public/hello", client_name="x" * 40_000)
    assert (await client.next())["error"]["code"] == -32600


async def test_a_wrong_secret_is_13004_and_a_right_one_grants_the_keys_scope(
    autojump_clock: MockClock, desk: World
) -> None:
    client = await desk.connect()
    wrong = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "loud"}
    assert await client.code("public/auth", **wrong) == 13004
    granted = (await client.login())["scope"].split()
    assert {"connection", "mainaccount", "account:read_write", "trade:read_write"} <= set(granted)


async def test_the_server_narrows_a_scope_without_a_word(autojump_clock: MockClock, desk: World) -> None:
    desk.venue.add_key("reader", "desk", secret="hush", scope="account:read trade:read")
    client = await desk.connect()
    granted = await client.login("session:deadman account:read_write trade:read_write", "reader")
    assert granted["scope"] == "account:read session:deadman trade:read"
    assert await client.code(TOGGLE, scope="account") == 13021
    assert await client.call(READ, scope="account") == {"scope": "account", "enabled": False}


def signed(secret: str, timestamp: int, nonce: str = "n", data: str = "") -> dict[str, Any]:
    message = f"{timestamp}\n{nonce}\n{data}".encode()
    proof = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    grant = {"grant_type": "client_signature", "client_id": "id", "timestamp": timestamp}
    return grant | {"nonce": nonce, "data": data, "signature": proof}


async def test_a_signature_logs_in_once_and_only_near_its_time(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.connect()
    now = int(desk.venue.timestamp() * 1000)
    assert (await client.call("public/auth", **signed("hush", now)))["token_type"] == "bearer"
    assert await client.code("public/auth", **signed("hush", now)) == 13004
    assert await client.code("public/auth", **signed("hush", now - 61_000, "m")) == 13004
    assert await client.code("public/auth", **signed("loud", now, "o")) == 13004


async def test_many_failed_logins_close_the_door_for_a_minute(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.connect()
    wrong = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "loud"}
    codes = [await client.code("public/auth", **wrong) for _ in range(12)]
    assert codes == [13004] * 11 + [12003]
    await trio.sleep(50)
    assert await client.code("public/auth", **wrong) == 12003
    await trio.sleep(11)
    assert await client.login()


async def test_a_refresh_gives_a_new_pair_and_voids_the_old(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.connect()
    old = await client.login("session:deadman expires:100")
    new = await client.call("public/auth", grant_type="refresh_token", refresh_token=old["refresh_token"])
    assert new["access_token"] != old["access_token"]
    assert await client.code(READ, access_token=old["access_token"]) == 13009
    assert await client.call(READ, access_token=new["access_token"])
    assert await client.code("public/auth", grant_type="refresh_token", refresh_token=old["refresh_token"]) == 13009


async def test_a_token_expires_and_says_so(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.connect()
    assert (await client.login("expires:40"))["expires_in"] == 40
    await trio.sleep(39)
    assert await client.call(READ)
    await trio.sleep(1)
    answer = await client.ask(READ)
    assert (answer["error"]["code"], answer["error"]["data"]["reason"]) == (13009, "token has expired")


async def test_a_connection_token_works_nowhere_else_and_a_named_one_does(
    autojump_clock: MockClock, desk: World
) -> None:
    here, there = await desk.connect(), await desk.connect()
    bound, named = await here.login(), await here.login("session:deadman")
    assert await there.code(READ, access_token=bound["access_token"]) == 13009
    assert (await there.call(READ, access_token=named["access_token"]))["scope"] == "connection"


async def test_heartbeats_come_on_the_measured_schedule(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.connect()
    await client.call("public/set_heartbeat", interval=10)
    start, times = trio.current_time(), []
    for _ in range(3):
        assert (await client.next())["params"]["type"] == "heartbeat"
        assert (await client.next())["params"]["type"] == "test_request"
        times.append(round(trio.current_time() - start, 3))
        await client.call("public/test")
    assert times == [10.5, 21.1, 31.7]


async def test_a_busy_socket_is_tested_without_plain_heartbeats(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.connect()
    await client.call("public/set_heartbeat", interval=10)
    await trio.sleep(5)
    await client.call("public/get_time")
    assert (await client.next())["params"]["type"] == "test_request"


async def test_an_unanswered_test_request_closes_with_4000_after_ten_seconds(
    autojump_clock: MockClock, desk: World
) -> None:
    client = await desk.connect()
    await client.call("public/set_heartbeat", interval=10)
    start = trio.current_time()
    assert await client.close_code() == 4000
    assert trio.current_time() - start == pytest.approx(20.5)


async def test_a_bare_socket_is_cut_after_a_minute_without_a_close_frame(
    autojump_clock: MockClock, desk: World
) -> None:
    client = await desk.connect()
    start = trio.current_time()
    assert await client.close_code() == 1006
    assert trio.current_time() - start == pytest.approx(60)


async def test_account_scope_reaches_only_connections_opened_afterwards(autojump_clock: MockClock, desk: World) -> None:
    older = await desk.logged_in()
    assert await older.call(TOGGLE, scope="account") == "ok"
    newer = await desk.logged_in()
    assert await older.call(READ, scope="account") == {"scope": "account", "enabled": True}
    assert await older.call(READ) == {"scope": "connection", "enabled": False}
    assert await newer.call(READ) == {"scope": "connection", "enabled": True}
    assert desk.venue.inherits("desk")


async def test_the_default_is_captured_at_open_not_at_login(autojump_clock: MockClock, desk: World) -> None:
    early = await desk.connect()
    desk.venue.switch("desk", on=True)
    await early.login()
    assert (await early.call(READ))["enabled"] is False


async def test_disabling_account_scope_leaves_open_connections_armed(autojump_clock: MockClock, desk: World) -> None:
    desk.venue.switch("desk", on=True)
    client = await desk.logged_in()
    await client.call("private/disable_cancel_on_disconnect", scope="account")
    assert (await client.call(READ))["enabled"] is True
    assert not desk.venue.inherits("desk")


@pytest.mark.parametrize("way", ["close", "eof", "drop", "reset", "heartbeat"])
async def test_a_lost_connection_takes_its_own_orders_and_no_others(
    autojump_clock: MockClock, desk: World, way: str
) -> None:
    client, other = await desk.logged_in(), await desk.logged_in()
    await client.call(TOGGLE, scope="connection")
    await other.call("private/subscribe", channels=["user.orders.any.any.raw"])
    mine = (await client.call("private/buy", instrument_name="BTC-PERPETUAL", amount=10))["order"]["order_id"]
    rest, bare = desk.venue.exchange.place("desk"), await other.call("private/sell", instrument_name="ETH_USDC")
    await lose(desk, client, way)
    await trio.sleep(25)
    assert desk.venue.exchange.orders[mine].cancel_reason == "cancel_on_disconnect"
    assert {o.order_id for o in desk.venue.exchange.open_orders()} == {rest.order_id, bare["order"]["order_id"]}
    await other.call("public/test")
    told = [f["params"]["data"] for f in other.seen if f.get("method") == "subscription"]
    assert [t["order_id"] for t in told if t.get("cancel_reason") == "cancel_on_disconnect"] == [mine]


async def lose(desk: World, client: Client, way: str) -> None:
    match way:
        case "close":
            await client.socket.aclose()
        case "eof":
            await trio.aclose_forcefully(client.socket._stream)
        case "drop":
            desk.venue.end(desk.venue.connections[1], Cause.DROPPED)
        case "reset":
            desk.venue.connections[1].sever()
        case "heartbeat":
            await client.call("public/set_heartbeat", interval=10)
