"""Deribit's orders: placing, listing, cancelling; what is told of them; and the same over HTTP."""

from __future__ import annotations

from typing import Any

from tests.support.deribit_caller import READ
from tests.venue_facts.desk import BTC, Desk, deribit

TRADING = "docs.deribit.com/api-reference/trading/private-"
MARKET = "docs.deribit.com/api-reference/market-data/public-"
CHANNELS = "docs.deribit.com/subscriptions/"
SUBSCRIBE = "docs.deribit.com/articles/errors, Complete RPC Error Codes Reference, 11052"
ERRORS = "docs.deribit.com/articles/errors, Complete RPC Error Codes Reference, "
JSON_RPC = "docs.deribit.com/articles/json-rpc-overview, "
ALL = "it would cancel what is not ours"


@deribit.fact(TRADING + "buy")
async def test_an_order_is_answered_as_it_was_placed(desk: Desk) -> None:
    order = await desk.place(await desk.logged_in(), post_only=True)
    assert (order["order_state"], order["order_type"], order["direction"]) == ("open", "limit", "buy")
    assert (order["label"], order["post_only"], order["api"]) == (desk.label, True, True)


@deribit.fact(MARKET + "get_instruments")
async def test_instruments_name_their_tick_and_their_contract(desk: Desk) -> None:
    listed = await (await desk.connect()).call("public/get_instruments", currency="BTC", kind="future")
    (market,) = [one for one in listed if one["instrument_name"] == BTC]
    assert market["tick_size"] > 0
    assert market["contract_size"] > 0


async def refused(desk: Desk, **changes: Any) -> dict[str, Any]:
    answer = await (await desk.logged_in()).ask("private/buy", **await desk.limit(**changes))
    return dict(answer["error"])


@deribit.fact(ERRORS + "-32602")
async def test_an_instrument_that_there_is_not_is_a_wrong_parameter(desk: Desk) -> None:
    error = await refused(desk, instrument_name="BTC-1JAN20")
    assert (error["code"], error["data"]["param"]) == (-32602, "instrument_name")


@deribit.fact(TRADING + "buy, amount")
async def test_an_order_needs_an_amount(desk: Desk) -> None:
    assert (await refused(desk, amount=None))["code"] == -32602


@deribit.fact(TRADING + "buy, amount")
async def test_an_amount_is_a_multiple_of_the_contract(desk: Desk) -> None:
    error = await refused(desk, amount=15)
    assert (error["code"], error["data"]["param"]) == (-32602, "amount")


@deribit.fact(TRADING + "buy, price")
async def test_a_price_is_a_multiple_of_the_tick(desk: Desk) -> None:
    error = await refused(desk, price=30_000.3)
    assert (error["code"], error["data"]["param"]) == (-32602, "price")


@deribit.fact(TRADING + "buy, label")
async def test_a_label_has_at_most_64_characters(desk: Desk) -> None:
    assert "code" in await refused(desk, label="x" * 65)


@deribit.fact(TRADING + "get_open_orders")
async def test_open_orders_are_listed_in_all_currencies(desk: Desk) -> None:
    client = await desk.logged_in()
    order = await desk.place(client)
    assert order["order_id"] in {one["order_id"] for one in await client.call("private/get_open_orders")}


@deribit.fact(TRADING + "get_open_orders_by_currency")
async def test_open_orders_are_listed_by_currency_and_kind(desk: Desk) -> None:
    client = await desk.logged_in()
    order = await desk.place(client)
    for kind, is_listed in (("future", True), ("option", False)):
        listed = await client.call("private/get_open_orders_by_currency", currency="BTC", kind=kind)
        assert (order["order_id"] in {one["order_id"] for one in listed}) is is_listed


@deribit.fact(TRADING + "get_open_orders_by_label")
async def test_open_orders_are_listed_by_label(desk: Desk) -> None:
    client = await desk.logged_in()
    order = await desk.place(client)
    listed = await client.call("private/get_open_orders_by_label", currency="BTC", label=desk.label)
    assert [one["order_id"] for one in listed] == [order["order_id"]]


@deribit.fact(TRADING + "get_open_orders")
async def test_an_untriggered_stop_is_listed_among_the_open_orders(desk: Desk) -> None:
    client = await desk.logged_in()
    order = await desk.stop(client)
    listed = {one["order_id"]: one for one in await client.call("private/get_open_orders")}
    assert listed[order["order_id"]]["order_state"] == "untriggered"
    assert listed[order["order_id"]]["order_type"] == "stop_market"


@deribit.fact(TRADING + "cancel")
async def test_an_order_cancelled_by_request_says_so(desk: Desk) -> None:
    client = await desk.logged_in()
    cancelled = await client.call("private/cancel", order_id=(await desk.place(client))["order_id"])
    assert (cancelled["order_state"], cancelled["cancel_reason"]) == ("cancelled", "user_request")


@deribit.fact(ERRORS + "11044")
async def test_a_second_cancel_of_one_order_is_11044(desk: Desk) -> None:
    client = await desk.logged_in()
    order_id = (await desk.place(client))["order_id"]
    await client.call("private/cancel", order_id=order_id)
    assert await client.code("private/cancel", order_id=order_id) == 11044


@deribit.fact(ERRORS + "10004")
async def test_an_order_that_nobody_knows_cannot_be_cancelled(desk: Desk) -> None:
    assert await (await desk.logged_in()).code("private/cancel", order_id="BTC-999999999999") == 10004


@deribit.fact(TRADING + "get_order_state")
async def test_an_order_can_be_looked_at_after_its_end(desk: Desk) -> None:
    client = await desk.logged_in()
    order = await desk.place(client)
    await client.call("private/cancel", order_id=order["order_id"])
    assert (await client.call("private/get_order_state", order_id=order["order_id"]))["order_state"] == "cancelled"


@deribit.fact(TRADING + "cancel_by_label")
async def test_a_cancel_by_label_takes_that_label_alone_and_counts(desk: Desk) -> None:
    client = await desk.logged_in()
    await desk.place(client)
    kept = await desk.place(client, label=f"{desk.label}-2")
    assert await client.call("private/cancel_by_label", label=desk.label) == 1
    listed = {one["order_id"] for one in await client.call("private/get_open_orders")}
    await client.call("private/cancel_by_label", label=f"{desk.label}-2")
    assert kept["order_id"] in listed


@deribit.fact(TRADING + "cancel_by_label")
async def test_a_cancel_by_label_takes_stops_too(desk: Desk) -> None:
    client = await desk.logged_in()
    await desk.stop(client)
    assert await client.call("private/cancel_by_label", label=desk.label) == 1


@deribit.fact(TRADING + "cancel_by_label")
async def test_a_cancel_that_finds_nothing_counts_none(desk: Desk) -> None:
    assert await (await desk.logged_in()).call("private/cancel_by_label", label=f"{desk.label}-none") == 0


@deribit.fact(JSON_RPC + "Detailed Response for Cancel Methods")
async def test_a_detailed_cancel_answers_a_list(desk: Desk) -> None:
    client = await desk.logged_in()
    await desk.place(client)
    assert isinstance(await client.call("private/cancel_all_by_instrument", instrument_name=BTC, detailed=True), list)


@deribit.fact(TRADING + "cancel_all", ALL)
async def test_a_cancel_of_all_counts_orders_and_stops(desk: Desk) -> None:
    client = await desk.logged_in()
    await desk.place(client)
    await desk.stop(client)
    assert await client.call("private/cancel_all") == 2


@deribit.fact(TRADING + "cancel_all_by_currency")
async def test_a_cancel_by_currency_leaves_the_others(desk: Desk) -> None:
    client = await desk.logged_in()
    order = await desk.place(client)
    await client.call("private/cancel_all_by_currency", currency="ETH")
    assert await desk.is_open(order)


@deribit.fact(TRADING + "cancel_all_by_kind_or_type")
async def test_a_cancel_by_type_leaves_the_others(desk: Desk) -> None:
    client = await desk.logged_in()
    order, stop = await desk.place(client), await desk.stop(client)
    await client.call("private/cancel_all_by_kind_or_type", currency="any", kind="future", type="stop")
    assert await desk.is_open(order)
    assert not await desk.is_open(stop)


@deribit.question("documented nowhere")
async def test_whether_a_cancel_of_stops_takes_trailing_stops(desk: Desk) -> str:
    client = await desk.logged_in()
    shape = {"type": "trailing_stop", "trigger": "mark_price", "price": None, "trigger_offset": 10_000}
    order = await desk.place(client, **shape)
    await client.call("private/cancel_all_by_kind_or_type", currency="any", kind="future", type="stop")
    return "it leaves them" if await desk.is_open(order) else "it takes them"


@deribit.fact(CHANNELS + "user/userorderskindcurrencyraw")
async def test_a_raw_channel_carries_one_order(desk: Desk) -> None:
    client, channel = await desk.logged_in(), "user.orders.any.any.raw"
    await client.call("private/subscribe", channels=[channel])
    order = await desk.place(client)
    told = next((f["params"]["data"] for f in client.seen if f.get("method") == "subscription"), None)
    assert (told or await client.news(channel))["order_id"] == order["order_id"]


@deribit.fact(CHANNELS + "user/userorderskindcurrencyinterval")
async def test_a_gathering_channel_carries_a_list_of_orders(desk: Desk) -> None:
    client, channel = await desk.logged_in(), "user.orders.any.any.100ms"
    await client.call("private/subscribe", channels=[channel])
    order = await desk.place(client)
    told = next((f["params"]["data"] for f in client.seen if f.get("method") == "subscription"), None)
    assert order["order_id"] in {one["order_id"] for one in told or await client.news(channel)}


@deribit.fact(SUBSCRIBE)
async def test_channels_that_there_are_not_are_left_out_without_a_word(desk: Desk) -> None:
    client = await desk.logged_in()
    wanted = ["platform_state", "no.such.channel"]
    assert await client.call("private/subscribe", channels=wanted) == ["platform_state"]


@deribit.fact(JSON_RPC + "HTTP REST Requests")
async def test_private_methods_are_answered_over_http_under_id_and_secret(desk: Desk) -> None:
    order = await desk.place()
    assert (await desk.state(order))["order_state"] == "open"
    status, answer = await desk.http("private/cancel", order_id=order["order_id"])
    assert (status, answer["result"]["order_state"]) == (200, "cancelled")


@deribit.fact(ERRORS + "10030")
async def test_a_heartbeat_cannot_be_set_over_http(desk: Desk) -> None:
    assert (await desk.http("public/set_heartbeat", interval=10))[1]["error"]["code"] == 10030


@deribit.fact(JSON_RPC + "HTTP Limitations")
async def test_a_connections_switch_is_not_reached_over_http(desk: Desk) -> None:
    assert (await desk.http(READ, scope="connection"))[1]["error"]["code"] == 10030


@deribit.fact(ERRORS + "13009")
async def test_a_stranger_has_no_orders_over_http(desk: Desk) -> None:
    status, answer = await desk.http("private/get_open_orders", {})
    assert (status in (400, 401), answer["error"]["code"] in (10000, 13009)) == (True, True)
