"""The simulated Deribit: envelopes, logins, tokens."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from deadman.simulator.deribit.settings import DERIBIT
from tests.support.deribit_caller import ENABLE, READ, World, world


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
    assert await client.code(ENABLE, scope="account") == 13021
    assert await client.call(READ, scope="account") == {"scope": "account", "enabled": False}


def signed(secret: str, timestamp: int, nonce: str = "n", data: str = "") -> dict[str, Any]:
    message = f"{timestamp}\n{nonce}\n{data}".encode()
    proof = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    grant = {"grant_type": "client_signature", "client_id": "id", "timestamp": timestamp}
    return grant | {"nonce": nonce, "data": data, "signature": proof}


@pytest.mark.parametrize("told", [13009, 13004])
async def test_a_signature_logs_in_once_and_only_near_its_time(autojump_clock: MockClock, told: int) -> None:
    async with world(replace(DERIBIT, bad_signature=told)) as desk:
        client = await desk.connect()
        now = int(desk.venue.timestamp() * 1000)
        assert (await client.call("public/auth", **signed("hush", now)))["token_type"] == "bearer"
        assert await client.code("public/auth", **signed("hush", now)) == told
        assert await client.code("public/auth", **signed("hush", now - 61_000, "m")) == told
        assert await client.code("public/auth", **signed("loud", now, "o")) == told


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
