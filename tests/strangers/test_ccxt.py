"""ccxt: Deribit over HTTP, ccxt.pro over a socket that HTTP used before, and SX Bet's third generation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.strangers.conftest import Desk

REASON = "needs ccxt: see the README, Developing"
ccxt = pytest.importorskip("ccxt", reason=REASON)
pro = pytest.importorskip("ccxt.pro", reason=REASON)

pytestmark = pytest.mark.filterwarnings("ignore")

ACCOUNT, BTC = "futures-desk", "BTC/USD:BTC"


def client_of(desk: Desk, module: Any, **settings: str) -> Any:
    client = module.deribit({"apiKey": f"{ACCOUNT}-id", "secret": desk.secret(ACCOUNT)} | settings)
    client.urls["api"] = {"rest": desk.url(ACCOUNT, "https"), "ws": desk.url(ACCOUNT, "wss")}
    client.enableRateLimit = False
    return client


def test_its_rest_calls_place_edit_list_and_cancel(desk: Desk) -> None:
    client = client_of(desk, ccxt, validateServerSsl=desk.ca)
    assert BTC in client.load_markets()
    assert client.fetch_balance()["BTC"]["total"] > 0
    assert client.fetch_ticker(BTC)["last"] == 100_000
    order = client.create_order(BTC, "limit", "buy", 10, 100, {"label": "ccxt"})
    assert (order["status"], order["price"], order["amount"]) == ("open", 100, 10)
    assert client.edit_order(order["id"], BTC, "limit", "buy", 20, 101)["amount"] == 20
    assert [one["id"] for one in client.fetch_open_orders(BTC)] == [order["id"]]
    assert client.cancel_order(order["id"], BTC)["status"] == "canceled"
    with pytest.raises(ccxt.InvalidOrder):
        client.cancel_order(order["id"], BTC)
    client.create_order(BTC, "limit", "sell", 10, 200_000)
    client.cancel_all_orders()
    assert desk.open_orders(ACCOUNT) == 0


def test_what_it_posts_outlives_every_socket(desk: Desk) -> None:
    desk.command(f"switch {ACCOUNT} on")
    client_of(desk, ccxt, validateServerSsl=desk.ca).create_order(BTC, "limit", "buy", 10, 100)
    desk.command(f"drop {ACCOUNT}")
    assert desk.open_orders(ACCOUNT) == 1


def test_pro_watches_orders_and_markets(desk: Desk) -> None:
    async def watch() -> None:
        client = client_of(desk, pro, cafile=desk.ca)
        try:
            await client.load_markets()
            watching = asyncio.create_task(client.watch_orders())
            assert (await client.watch_ticker(BTC))["last"] == 100_000
            assert (await client.watch_order_book(BTC))["bids"]
            await asyncio.sleep(0.3)
            await client.create_order(BTC, "limit", "buy", 10, 100)
            assert [order["status"] for order in await asyncio.wait_for(watching, 10)] == ["open"]
        finally:
            await client.close()

    asyncio.run(watch())


def test_its_sx_bet_places_lists_and_cancels_all_by_key(desk: Desk) -> None:
    sxbet = pytest.importorskip("ccxt.prediction", reason=REASON).sxbet

    async def round_trip() -> None:
        keys = {"apiKey": desk.secret("sx-maker"), "walletAddress": f"0x{'1' * 40}", "privateKey": f"0x{'2' * 64}"}
        client = sxbet(keys | {"cafile": desk.ca, "enableRateLimit": False})
        client.urls["api"] = {"sxbet": desk.accounts["sx-maker"]["url"], "ws": ""}
        try:
            outcome = (await client.fetch_markets())[0]["outcomes"][0]["outcome"]
            await client.load_markets()
            one, two = [await client.create_order(outcome, "limit", "buy", 5, 0.4) for _ in range(2)]
            assert {order["id"] for order in await client.fetch_open_orders()} == {one["id"], two["id"]}
            assert (await client.cancel_order(one["id"]))["status"] == "canceled"
            assert [order["id"] for order in await client.cancel_all_orders()] == [two["id"]]
            assert (await client.fetch_order(two["id"]))["status"] == "canceled"
            with pytest.raises(ccxt.OrderNotFound):
                await client.fetch_order("0xnone")
        finally:
            await client.close()

    asyncio.run(round_trip())
    assert desk.open_orders("sx-maker") == 0
