"""The simulated Deribit: heartbeats, and what a lost connection takes with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from deadman.simulator.deribit.connection import Cause
from deadman.simulator.deribit.settings import DERIBIT
from tests.support.deribit_caller import ENABLE, READ, Client, World, world


@pytest.fixture
async def desk() -> AsyncIterator[World]:
    async with world() as made:
        yield made


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
    assert await older.call(ENABLE, scope="account") == "ok"
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
    await client.call(ENABLE, scope="connection")
    await other.call("private/subscribe", channels=["user.orders.any.any.raw"])
    mine = (await client.place())["order_id"]
    rest, bare = desk.venue.exchange.place("desk"), await other.place("private/sell", "ETH_USDC", amount=1, price=9000)
    await lose(desk, client, way)
    await trio.sleep(25)
    assert desk.venue.exchange.orders[mine].cancel_reason == "cancel_on_disconnect"
    assert {o.order_id for o in desk.venue.exchange.open_orders()} == {rest.order_id, bare["order_id"]}
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


async def test_a_logout_answers_nothing_ends_its_tokens_and_spares_its_orders(
    autojump_clock: MockClock, desk: World
) -> None:
    client, other = await desk.logged_in("session:deadman"), await desk.connect()
    token = (await client.login("session:deadman"))["access_token"]
    await client.call(ENABLE, scope="connection")
    await client.place()
    await client.send("private/logout")
    assert await client.close_code() == 1000
    assert not any("id" in frame and frame["id"] == client.number for frame in client.seen)
    assert len(desk.venue.exchange.open_orders()) == 1
    assert await other.code(READ, access_token=token) == 13009


async def test_a_logout_may_keep_its_tokens(autojump_clock: MockClock, desk: World) -> None:
    client, other = await desk.connect(), await desk.connect()
    token = (await client.login("session:deadman"))["access_token"]
    await client.send("private/logout", invalidate_token=False)
    await client.close_code()
    assert await other.call(READ, access_token=token)


async def test_the_seventeenth_session_of_a_key_costs_the_oldest(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.connect()
    tokens = []
    for number in range(17):
        tokens.append((await client.login(f"session:s{number}"))["access_token"])
        await trio.sleep(1)
    assert await client.code(READ, access_token=tokens[0]) == 13009
    assert await client.call(READ, access_token=tokens[1])


async def test_a_bot_without_a_wire_is_an_oracle(autojump_clock: MockClock, desk: World) -> None:
    bare = desk.venue.attach("desk")
    desk.venue.switch("desk", on=True)
    armed = desk.venue.attach("desk")
    stays = desk.venue.exchange.place("desk", connection=bare.id)
    goes = desk.venue.exchange.place("desk", connection=armed.id)
    desk.venue.end(bare)
    desk.venue.end(armed)
    assert desk.venue.exchange.open_orders() == [stays]
    assert desk.venue.exchange.orders[goes.order_id].cancelled_at == trio.current_time()


async def test_a_frozen_link_dies_at_the_venue_by_its_own_heartbeat_and_the_peer_hears_nothing(
    autojump_clock: MockClock, desk: World
) -> None:
    client = await desk.logged_in()
    await client.call(ENABLE, scope="connection")
    await client.place()
    await client.call("public/set_heartbeat", interval=10)
    desk.venue.accounts["desk"].faults.frozen = True
    begun = trio.current_time()
    with trio.move_on_after(100) as waited:
        await client.close_code()
    assert waited.cancelled_caught
    assert desk.venue.exchange.open_orders() == []
    at, account, cause = desk.venue.ended[0]
    assert (at - begun, account, cause) == (20.5, "desk", Cause.HEARTBEAT)
    desk.venue.faults.frozen = False
    desk.venue.accounts["desk"].faults.frozen = False
    assert await client.close_code() == 1006


async def test_subscriptions_name_what_was_accepted_and_private_ones_need_a_private_call(
    autojump_clock: MockClock, desk: World
) -> None:
    client = await desk.logged_in()
    wanted = ["platform_state", "user.orders.any.any.raw", "nonsense"]
    assert await client.call("public/subscribe", channels=wanted) == ["platform_state"]
    assert await client.call("private/subscribe", channels=wanted) == wanted[:2]
    desk.venue.publish("platform_state", {"locked": False, "price_index": "alt_usdc", "reasons": []})
    assert (await client.next())["params"]["data"]["price_index"] == "alt_usdc"
    assert await client.call("private/unsubscribe", channels=["platform_state"]) == ["platform_state"]
    desk.venue.publish("platform_state", {"maintenance": True})
    assert "version" in await client.call("public/test")


async def test_whoever_does_not_read_notifications_is_cut_off(autojump_clock: MockClock) -> None:
    async with world(replace(DERIBIT, outbox=10)) as desk:
        client = await desk.logged_in()
        await client.call("public/subscribe", channels=["platform_state"])
        desk.venue.faults.frozen = True
        await trio.sleep(1)
        for _ in range(12):
            desk.venue.publish("platform_state", {"locked": False})
        assert desk.venue.ended[0][2] is Cause.SLOW


async def test_cancels_take_what_they_name_and_count_it(autojump_clock: MockClock, desk: World) -> None:
    client, place = await desk.logged_in(), desk.venue.exchange.place
    place("desk", currency="ETH", instrument="ETH-PERPETUAL", label="quotes")
    place("desk", kind="option", instrument="BTC-27MAR26-90000-C", label="quotes")
    place("desk", type="stop")
    place("desk", label="hedge")
    place("another")
    assert len(await client.call("private/get_open_orders")) == 4
    stops = await client.call("private/get_open_orders", type="trigger_all")
    assert [order["order_state"] for order in stops] == ["untriggered"]
    assert await client.call("private/cancel_all_by_currency", currency="ETH") == 1
    assert await client.call("private/cancel_all_by_kind_or_type", currency="any", kind="option") == 1
    assert await client.call("private/cancel_all_by_kind_or_type", currency=["BTC"], type="limit", kind="option") == 0
    assert await client.call("private/cancel_by_label", label="hedge") == 1
    assert len(await client.call("private/get_open_orders_by_currency", currency="BTC")) == 1
    assert len(await client.call("private/cancel_all", detailed=True)) == 1
    assert await client.call("private/cancel_all") == 0
    assert len(desk.venue.exchange.open_orders("another")) == 1
    assert await client.code("private/cancel_all_by_currency") == -32602


async def test_one_order_can_be_looked_at_and_cancelled_once(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    order_id = (await client.place(instrument="SOL_USDC-PERPETUAL", label="x"))["order_id"]
    assert desk.venue.exchange.orders[order_id].currency == "USDC"
    assert (await client.call("private/cancel", order_id=order_id))["cancel_reason"] == "user_request"
    assert (await client.call("private/get_order_state", order_id=order_id))["order_state"] == "cancelled"
    assert await client.code("private/cancel", order_id=order_id) == 11044
    assert await client.code("private/cancel", order_id="BTC-999") == 10004
