"""The simulated Deribit over HTTP: the same methods, three ways of saying who asks, and orders that nothing takes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import h11
import pytest
import trio
from trio.testing import MockClock

from tests.support.deribit_caller import ENABLE, HOST, READ, World, world
from tests.support.http_caller import Answer, exchange

ORDER = "/api/v2/private/buy?instrument_name=BTC-PERPETUAL&amount=10&price=100.5&label=007"
BASIC = {"Authorization": "Basic " + base64.b64encode(b"id:hush").decode()}


@pytest.fixture
async def desk() -> AsyncIterator[World]:
    async with world() as made:
        yield made


async def ask(desk: World, target: str, headers: dict[str, str] | None = None, **params: Any) -> Answer:
    """A GET, or with `params` a POST of the JSON-RPC request."""
    body = {"jsonrpc": "2.0", "id": 7, "method": target.removeprefix("/api/v2/"), "params": params} if params else None
    async with await desk.network.open_stream(HOST, 443) as stream:
        return await exchange(
            stream, h11.Connection(h11.CLIENT), "POST" if params else "GET", target, headers or {}, body
        )


def said(answer: Answer) -> Any:
    return json.loads(answer.body)


async def test_a_get_takes_its_parameters_from_the_query(autojump_clock: MockClock, desk: World) -> None:
    order = said(await ask(desk, ORDER, BASIC))["result"]["order"]
    assert (order["amount"], order["price"], order["label"]) == (10, 100.5, "007")
    answer = await ask(desk, "/api/v2/private/cancel_all?detailed=true", BASIC)
    assert [group["type"] for group in said(answer)["result"]] == ["limit"]


async def test_a_post_carries_the_request_and_is_answered_by_its_id(autojump_clock: MockClock, desk: World) -> None:
    answer = await ask(desk, "/api/v2/public/ticker", instrument_name="BTC-PERPETUAL")
    assert (answer.status, said(answer)["id"], said(answer)["result"]["state"]) == (200, 7, "open")


async def test_a_login_gives_a_token_that_works_over_http(autojump_clock: MockClock, desk: World) -> None:
    grant: Any = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "hush"}
    token = said(await ask(desk, "/api/v2/public/auth", **grant))["result"]["access_token"]
    assert (
        said(await ask(desk, ORDER, {"Authorization": f"Bearer {token}"}))["result"]["order"]["order_state"] == "open"
    )
    client = await desk.connect()
    assert await client.code(READ, access_token=token) == 13009


async def test_a_signature_covers_method_target_and_body(autojump_clock: MockClock, desk: World) -> None:
    moment = str(int(desk.venue.timestamp() * 1000))
    proof = hmac.new(b"hush", f"{moment}\nn\nGET\n{ORDER}\n\n".encode(), hashlib.sha256).hexdigest()
    header = {"Authorization": f"deri-hmac-sha256 id=id,ts={moment},nonce=n,sig={proof}"}
    assert (await ask(desk, ORDER + "1", header)).status == 401
    assert (await ask(desk, ORDER, header)).status == 200


async def test_orders_placed_over_http_go_with_nothing(autojump_clock: MockClock, desk: World) -> None:
    desk.venue.switch("desk", on=True)
    bot = await desk.logged_in()
    await bot.place()
    kept = said(await ask(desk, ORDER, BASIC))["result"]["order"]["order_id"]
    await bot.socket.aclose()
    await trio.sleep(1)
    assert [order.order_id for order in desk.venue.exchange.open_orders()] == [kept]


@pytest.mark.parametrize(
    "method",
    ["public/hello", "public/set_heartbeat", "private/subscribe", "private/logout", "public/disable_heartbeat"],
)
async def test_what_needs_a_socket_says_so(autojump_clock: MockClock, desk: World, method: str) -> None:
    answer = await ask(desk, f"/api/v2/{method}", BASIC)
    assert (answer.status, said(answer)["error"]["code"]) == (400, 10030)


async def test_the_switch_is_reached_in_account_scope_alone(autojump_clock: MockClock, desk: World) -> None:
    assert said(await ask(desk, f"/api/v2/{READ}", BASIC))["error"]["code"] == 10030
    assert said(await ask(desk, f"/api/v2/{ENABLE}?scope=account", BASIC))["result"] == "ok"
    assert said(await ask(desk, f"/api/v2/{READ}?scope=account", BASIC))["result"]["enabled"] is True
    assert desk.venue.inherits("desk")


async def test_strangers_and_unknown_paths_are_turned_away(autojump_clock: MockClock, desk: World) -> None:
    assert (await ask(desk, "/api/v2/private/get_open_orders")).status == 401
    assert (await ask(desk, "/api/v2/private/get_open_orders", {"Authorization": "Bearer x"})).status == 401
    assert said(await ask(desk, "/api/v2/public/nothing"))["error"]["code"] == -32601
    assert (await ask(desk, "/index.html")).status == 404


async def test_sockets_and_http_share_an_addresss_connections(autojump_clock: MockClock, desk: World) -> None:
    sockets = [await desk.connect() for _ in range(32)]
    assert (await ask(desk, "/api/v2/public/get_time")).status == 429
    await sockets[0].socket.aclose()
    await trio.sleep(1)
    assert (await ask(desk, "/api/v2/public/get_time")).status == 200


async def test_a_connection_that_carried_http_may_become_a_socket(autojump_clock: MockClock, desk: World) -> None:
    stream = await desk.network.open_stream(HOST, 443)
    answer = await exchange(stream, h11.Connection(h11.CLIENT), "GET", "/api/v2/public/get_time", {}, None)
    assert answer.status == 200
    client = await desk.upgrade(stream)
    assert await client.call("public/test") == {"version": "1.2.26"}
