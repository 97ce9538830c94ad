"""Coinbase's gateway to Deribit. It has no test network: here its documents are held against the simulation alone."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

import trio
from trio_websocket import ConnectionClosed

from tests.support.deribit_caller import ENABLE, READ, Client
from tests.venue_facts.desk import KEY_NAME, PRIVATE_KEY, Desk, gateway

GUIDE = "docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/guides/derivatives/technical"
AUTH = "docs.cdp.coinbase.com/api-reference/coinbase-deribit-app-api/rest-api/authentication/post-publicauth"
SWITCH = "docs.cdp.coinbase.com/api-reference/session-management/private-enable_cancel_on_disconnect"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(now: float, **claims: Any) -> str:
    header = {"alg": "EdDSA", "typ": "JWT", "kid": KEY_NAME, "nonce": "n"}
    body = {"iss": "cdp", "sub": KEY_NAME, "nbf": int(now), "exp": int(now) + 120} | claims
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, body))
    return f"{text}.{encoded(PRIVATE_KEY.sign(text.encode()))}"


async def admitted(desk: Desk) -> tuple[Client, dict[str, Any]]:
    client = await desk.connect()
    now = await client.call("public/get_time") / 1000
    return client, await client.call("public/auth", grant_type="coinbase_cdp", token=token(now))


@gateway.fact(AUTH)
async def test_a_jwt_of_a_cdp_key_logs_in(desk: Desk) -> None:
    client, granted = await admitted(desk)
    assert granted["token_type"] == "bearer"
    assert "enabled" in await client.call(READ, scope="account")


@gateway.fact(AUTH + ", response")
async def test_there_is_no_refresh_token(desk: Desk) -> None:
    assert "refresh_token" not in (await admitted(desk))[1]


@gateway.fact(AUTH)
async def test_a_jwt_names_no_uri(desk: Desk) -> None:
    client = await desk.connect()
    now = await client.call("public/get_time") / 1000
    assert "error" in await client.ask("public/auth", grant_type="coinbase_cdp", token=token(now, uri="GET drb"))


@gateway.fact(AUTH)
async def test_a_login_may_be_repeated_in_band(desk: Desk) -> None:
    client, _ = await admitted(desk)
    now = await client.call("public/get_time") / 1000
    assert await client.call("public/auth", grant_type="coinbase_cdp", token=token(now, nbf=int(now) - 1))


@gateway.fact(GUIDE)
async def test_the_grants_of_deribits_own_keys_are_no_good(desk: Desk) -> None:
    grant = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "hush"}
    assert "error" in await (await desk.connect()).ask("public/auth", **grant)


@gateway.fact(SWITCH)
async def test_a_trading_permission_reaches_the_switch(desk: Desk) -> None:
    client, granted = await admitted(desk)
    assert "wallet:buys:create" in granted["scope"].split()
    assert await client.call(ENABLE, scope="account") == "ok"


@gateway.fact(SWITCH)
async def test_an_order_goes_with_the_connection_that_placed_it(desk: Desk) -> None:
    client, _ = await admitted(desk)
    await client.call(ENABLE, scope="connection")
    await client.place()
    await desk.drop(client)
    await trio.sleep(1)
    other, _ = await admitted(desk)
    assert await other.call("private/get_open_orders") == []


@gateway.fact(GUIDE + ", as ccxt's client has it")
async def test_thirty_seconds_without_a_word_of_ours_end_the_connection_with_1011(desk: Desk) -> None:
    client, _ = await admitted(desk)
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ping, client)
        assert await client.close_code() == 1011
        nursery.cancel_scope.cancel()
    assert 30 <= trio.current_time() - began <= 36


async def ping(client: Client) -> None:
    """The protocol's own pings are no words of ours."""
    while True:
        await trio.sleep(5)
        with suppress(ConnectionClosed):
            await client.socket.ping()
