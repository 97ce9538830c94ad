"""The simulated Deribit's orders: what placing needs, what is shown of them, and what is told on channels."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.support.deribit_caller import World, world

BTC = "BTC-PERPETUAL"
LIMIT = {"instrument_name": BTC, "amount": 10, "price": 100}


@pytest.fixture
async def desk() -> AsyncIterator[World]:
    async with world() as made:
        yield made


async def test_an_order_is_shown_as_it_was_placed(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    await trio.sleep(100)
    order = await client.place("private/sell", price=200_000, label="q", post_only=True, reduce_only=True)
    expected = {
        "direction": "sell",
        "price": 200_000,
        "amount": 10,
        "contracts": 1,
        "label": "q",
        "order_type": "limit",
    }
    expected |= {
        "label": "q",
        "post_only": True,
        "reduce_only": True,
        "order_state": "open",
        "replaced": False,
        "filled_amount": 0,
    }
    assert {name: order[name] for name in expected} == expected
    assert order["creation_timestamp"] == 1_700_000_100_000
    assert "cancel_reason" not in order


async def test_a_stop_waits_and_has_no_price_of_its_own(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    order = await client.place(type="stop_market", trigger="mark_price", trigger_price=90_000)
    assert (order["order_state"], order["price"], order["trigger_price"]) == ("untriggered", "market_price", 90_000)
    assert "filled_amount" not in order
    limit = await client.place(type="take_limit", trigger="last_price", trigger_price=90_000)
    assert limit["price"] == 100
    assert len(await client.call("private/get_open_orders", type="trigger_all")) == 2
    assert len(await client.call("private/get_open_orders", type="take_limit")) == 1
    assert await client.call("private/cancel_all_by_currency", currency="BTC", type="stop") == 1


@pytest.mark.parametrize("at_once", [{"type": "market"}, {"time_in_force": "immediate_or_cancel"}])
async def test_what_will_not_rest_finds_nobody_to_trade_with(
    autojump_clock: MockClock, desk: World, at_once: dict[str, str]
) -> None:
    client = await desk.logged_in()
    order = await client.place(**at_once)
    assert (order["order_state"], order["filled_amount"]) == ("cancelled", 0)
    assert await client.call("private/get_open_orders") == []


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"instrument_name": "BTC-1JAN99"}, "instrument_name"),
        ({"instrument_name": None}, "instrument_name"),
        ({"amount": None}, "amount"),
        ({"amount": 15}, "amount"),
        ({"amount": -10}, "amount"),
        ({"contracts": 2}, "contracts"),
        ({"price": None}, "price"),
        ({"price": 100.3}, "price"),
        ({"type": "iceberg"}, "type"),
        ({"time_in_force": "for_ever"}, "time_in_force"),
        ({"type": "stop_market", "trigger_price": 1}, "trigger"),
        ({"type": "stop_market", "trigger": "mark_price"}, "trigger_price"),
        ({"label": "x" * 65}, "label"),
    ],
)
async def test_what_is_missing_or_wrong_in_an_order_is_named(
    autojump_clock: MockClock, desk: World, change: dict[str, Any], param: str
) -> None:
    client = await desk.logged_in()
    asked = {name: value for name, value in (LIMIT | change).items() if value is not None}
    error = (await client.ask("private/buy", **asked))["error"]
    assert (error["code"], error["data"]["param"]) == (-32602, param)
    assert desk.venue.exchange.open_orders() == []


async def test_contracts_stand_for_an_amount(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    placed = await client.call("private/buy", instrument_name=BTC, contracts=3, price=100)
    assert placed["order"]["amount"] == 30


async def test_an_order_whose_time_is_over_is_not_placed(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    assert await client.code("private/buy", **LIMIT, valid_until=1_600_000_000_000) == 13888
    assert await client.code("private/buy", **LIMIT, post_only=True, time_in_force="fill_or_kill") == 11055


async def test_an_edit_keeps_the_id_and_says_that_it_replaced(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    order = await client.place()
    edited = (await client.call("private/edit", order_id=order["order_id"], amount=20, price=101))["order"]
    assert edited["order_id"] == order["order_id"]
    assert (edited["amount"], edited["price"], edited["replaced"]) == (20, 101, True)
    await client.call("private/cancel", order_id=order["order_id"])
    assert await client.code("private/edit", order_id=order["order_id"], amount=10) == 11044


async def test_orders_are_found_by_label_and_pair(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    await client.place(label="q")
    await client.place(instrument="BTC_USDC-PERPETUAL", label="q", amount=1)
    assert len(await client.call("private/get_open_orders_by_label", currency="BTC", label="q")) == 1
    assert await client.call("private/cancel_all_by_currency_pair", currency_pair="btc_usdc") == 1
    states = await client.call("private/get_order_state_by_label", currency="USDC", label="q")
    assert [order["order_state"] for order in states] == ["cancelled"]
    assert await client.code("private/get_open_orders_by_label", currency="BTC") == -32602
    assert await client.code("private/get_open_orders_by_currency", currency="DOGE") == -32602
    assert await client.code("private/cancel_all_by_kind_or_type", currency="any", kind="house") == -32602


async def test_a_raw_channel_has_one_order_and_an_interval_all_that_it_brought(
    autojump_clock: MockClock, desk: World
) -> None:
    client, bot = await desk.logged_in(), await desk.logged_in()
    raw, gathered, changes = "user.orders.any.any.raw", "user.orders.any.any.100ms", f"user.changes.{BTC}.100ms"
    await client.call("private/subscribe", channels=[raw, gathered, changes])
    for _ in range(3):
        await bot.place()
    await bot.call("private/cancel_all")
    states = [(await client.news(raw))["order_state"] for _ in range(6)]
    assert states == ["open"] * 3 + ["cancelled"] * 3
    told = await client.news(changes)
    assert (told["instrument_name"], len(told["orders"])) == (BTC, 6)
    assert len(await client.news(gathered)) == 6


async def test_channels_on_which_nothing_is_ever_said_are_refused(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    silent = ["trades.BTC-PERPETUAL.100ms", "user.mmp_trigger.btc_usd", "ticker.NONE.100ms"]
    assert await client.call("private/subscribe", channels=[*silent, "ticker.BTC-PERPETUAL.100ms"]) == [
        "ticker.BTC-PERPETUAL.100ms"
    ]
    assert (await client.news("ticker.BTC-PERPETUAL.100ms"))["mark_price"] == 100_000
    assert await client.call("private/unsubscribe_all") == "ok"
    stranger = await desk.connect()
    assert await stranger.code("public/subscribe", channels=["book.BTC-PERPETUAL.raw"]) == 13778


async def test_a_bot_finds_its_markets_its_money_and_its_limits(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    names = {one["instrument_name"] for one in await client.call("public/get_instruments", currency="BTC")}
    assert {BTC, "BTC-29DEC23", "BTC-29DEC23-100000-C", "BTC_USDC-PERPETUAL", "BTC_USDC"} <= names
    quoted = await client.call("public/ticker", instrument_name=BTC)
    assert quoted["best_bid_price"] < quoted["mark_price"] < quoted["best_ask_price"]
    summary = await client.call("private/get_account_summary", currency="BTC", extended=True)
    assert summary["limits"]["matching_engine"]["trading"]["total"] == {"burst": 20, "rate": 5}
    summaries = (await client.call("private/get_account_summaries"))["summaries"]
    assert {one["currency"] for one in summaries} >= {"BTC", "ETH", "USDC"}
    assert await client.code("private/get_account_summary", currency="DOGE") == -32602


async def test_batches_and_what_names_no_method_are_bad_requests(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.connect()
    for nonsense in ('[{"jsonrpc":"2.0","id":1,"method":"public/test"}]', '{"id":1,"params":{}}'):
        await client.socket.send_message(nonsense)
        assert (await client.next())["error"]["code"] == 11050


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("private/buy", {**LIMIT, "valid_until": "soon"}),
        ("private/buy", {**LIMIT, "type": ["limit"]}),
        ("private/cancel_all_by_kind_or_type", {"currency": [["BTC"]]}),
        ("private/get_open_orders_by_label", {"currency": "BTC", "label": 7}),
        ("private/get_order_state", {"order_id": {}}),
        ("public/auth", {"grant_type": ["client_signature"]}),
    ],
)
async def test_nonsense_is_answered_and_costs_nobody_his_connection(
    autojump_clock: MockClock, desk: World, method: str, params: dict[str, Any]
) -> None:
    client = await desk.logged_in()
    assert await client.code(method, **params) == -32602
    assert await client.call("private/subscribe", channels=["user.portfolio.doge"]) == []
