"""typed-deribit, which holds every answer against the venue's own schema: over HTTP, signed, and over a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.strangers.conftest import Desk

REASON = "needs typed-deribit: see the README, Developing"
typed = pytest.importorskip("typed_deribit", reason=REASON)
http = pytest.importorskip("typed_deribit.core.transport.http", reason=REASON)
ws = pytest.importorskip("typed_deribit.core.transport.ws", reason=REASON)
auth = pytest.importorskip("typed_deribit.core.auth", reason=REASON)

pytestmark = pytest.mark.filterwarnings("ignore")

ACCOUNT, BTC = "futures-desk", "BTC-PERPETUAL"
LIMIT = {"instrument_name": BTC, "amount": 10, "price": 100.0, "type": "limit", "label": "typed"}
STOP = {"instrument_name": BTC, "amount": 10, "type": "stop_market", "trigger": "mark_price", "trigger_price": 50_000}


def run(desk: Desk, act: Callable[[Any], Coroutine[Any, Any, None]], signed: bool = False) -> None:
    """Let a client do something, and close it."""
    credentials = auth.Credentials(f"{ACCOUNT}-id", desk.secret(ACCOUNT))
    transport = http.HmacHttpRpcClient if signed else http.OAuthHttpRpcClient
    socket = ws.SocketRpcStreamClient.new(desk.url(ACCOUNT, "wss"), credentials=credentials, heartbeat_interval=10)
    base = f"{desk.url(ACCOUNT, 'https')}/api/v2"

    async def all_of_it() -> None:
        client = typed.Deribit(rpc_client=transport(base_url=base, credentials=credentials), ws_client=socket)
        async with client:
            await act(client)

    asyncio.run(all_of_it())


@pytest.mark.parametrize(("transport", "signed"), [("http", False), ("http", True), ("ws", False)])
def test_its_whole_round_is_answered_by_the_venues_schema(desk: Desk, transport: str, signed: bool) -> None:
    over = {"transport": transport}

    async def look(client: Any) -> None:
        assert await client.market_data.get_instruments("any", **over)
        assert (await client.market_data.ticker(BTC, **over))["state"] == "open"
        await client.market_data.get_order_book(BTC, **over)
        summary = await client.account.get_account_summary("BTC", extended=True, **over)
        assert summary["id"] == (await client.account.get_account_summaries(**over))["id"]

    async def trade(client: Any) -> None:
        order = (await client.trading.buy(LIMIT, **over))["order"]
        await client.trading.sell(STOP, **over)
        assert (await client.trading.edit(order["order_id"], amount=20, price=101.0, **over))["order"]["replaced"]
        assert len(await client.trading.get_open_orders(**over)) == 2
        assert len(await client.trading.get_open_orders_by_label(currency="BTC", label="typed", **over)) == 1
        assert (await client.trading.get_order_state(order["order_id"], **over))["order_state"] == "open"
        assert (await client.trading.cancel(order["order_id"], **over))["cancel_reason"] == "user_request"
        assert [group["type"] for group in await client.trading.cancel_all(detailed=True, **over)] == ["stop_market"]

    run(desk, look, signed)
    run(desk, trade, signed)


def test_its_orders_go_with_its_socket_and_those_it_posted_stay(desk: Desk) -> None:
    async def arm(client: Any) -> None:
        await client.session.enable_cancel_on_disconnect(scope="account")
        assert (await client.session.get_cancel_on_disconnect(scope="account", transport="ws"))["enabled"]

    async def place(client: Any) -> None:
        assert (await client.session.get_cancel_on_disconnect(scope="connection", transport="ws"))["enabled"]
        await client.trading.buy(LIMIT, transport="ws")
        await client.trading.buy(LIMIT, transport="http")
        assert desk.open_orders(ACCOUNT) == 2

    run(desk, arm)
    run(desk, place)
    assert desk.open_orders(ACCOUNT) == 1


def test_it_answers_heartbeats_and_lives(desk: Desk) -> None:
    async def idle(client: Any) -> None:
        await client.session.get_cancel_on_disconnect(scope="account", transport="ws")
        await asyncio.sleep(3)
        assert not (await client.session.get_cancel_on_disconnect(scope="account", transport="ws"))["enabled"]

    run(desk, idle)
