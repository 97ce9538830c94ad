"""Deribit's cancel-on-disconnect: whom it covers, what it takes, what it leaves."""

from __future__ import annotations

from functools import partial

import trio

from tests.support.deribit_caller import ENABLE, READ
from tests.venue_facts.desk import DISABLE, Desk, deribit
from tests.venue_facts.facts import until

SESSION = "docs.deribit.com/api-reference/session-management/private-"
ON, OFF, GET = (f"{SESSION}{verb}_cancel_on_disconnect" for verb in ("enable", "disable", "get"))
LOGOUT = "docs.deribit.com/api-reference/authentication/private-logout"
OVERVIEW = "docs.deribit.com/articles/json-rpc-overview, "
REASON = "docs.deribit.com/api-reference/trading/private-get_order_state, cancel_reason"
NOWHERE = "documented nowhere"


@deribit.fact(GET)
async def test_the_read_back_names_its_scope_and_its_state(desk: Desk) -> None:
    read = await (await desk.logged_in()).call(READ, scope="account")
    assert read["scope"] == "account"
    assert isinstance(read["enabled"], bool)


@deribit.fact(ON + ", scope")
async def test_the_scope_is_the_connection_where_none_is_named(desk: Desk) -> None:
    await desk.switch(False)
    client = await desk.logged_in()
    assert await client.call(ENABLE) == "ok"
    assert await client.call(READ, scope="connection") == {"scope": "connection", "enabled": True}
    assert (await client.call(READ, scope="account"))["enabled"] is False


@deribit.fact(ON)
async def test_enabling_twice_is_as_good_as_once(desk: Desk) -> None:
    client = await desk.armed()
    assert await client.call(ENABLE, scope="connection") == "ok"


@deribit.fact(ON + ", scope")
async def test_a_scope_that_there_is_not_is_refused(desk: Desk) -> None:
    assert "error" in await (await desk.logged_in()).ask(ENABLE, scope="everything")


@deribit.fact(ON)
async def test_enabling_it_for_a_connection_reaches_no_other(desk: Desk) -> None:
    await desk.switch(False)
    other = await desk.logged_in()
    await desk.armed()
    assert (await other.call(READ, scope="connection"))["enabled"] is False


@deribit.fact(ON + ", scope account")
async def test_a_connection_opened_after_the_account_was_enabled_starts_with_it_on(desk: Desk) -> None:
    await desk.switch(True)
    assert (await (await desk.logged_in()).call(READ, scope="connection"))["enabled"] is True


@deribit.fact(ON + ", scope account")
async def test_a_connection_that_was_open_before_the_account_was_enabled_stays_as_it_was(desk: Desk) -> None:
    await desk.switch(False)
    older = await desk.logged_in()
    await desk.switch(True)
    assert (await older.call(READ, scope="connection"))["enabled"] is False
    assert (await older.call(READ, scope="account"))["enabled"] is True


@deribit.fact(OFF + ", scope account")
async def test_a_connection_opened_after_the_account_was_disabled_starts_with_it_off(desk: Desk) -> None:
    await desk.switch(True)
    await desk.switch(False)
    assert (await (await desk.logged_in()).call(READ, scope="connection"))["enabled"] is False


@deribit.fact(OFF)
async def test_disabling_it_turns_it_off_for_the_connection(desk: Desk) -> None:
    client = await desk.armed()
    assert await client.call(DISABLE, scope="connection") == "ok"
    assert (await client.call(READ, scope="connection"))["enabled"] is False


@deribit.fact(ON)
async def test_an_order_goes_with_the_connection_that_placed_it(desk: Desk) -> None:
    client = await desk.armed()
    order = await desk.place(client)
    await desk.drop(client)
    assert await until(partial(gone, desk, order)) is not None


@deribit.fact(REASON)
async def test_an_order_that_went_with_its_connection_says_so(desk: Desk) -> None:
    client = await desk.armed()
    order = await desk.place(client)
    await desk.drop(client)
    await until(partial(gone, desk, order))
    state = await desk.state(order)
    assert (state["order_state"], state["cancel_reason"]) == ("cancelled", "cancel_on_disconnect")


@deribit.fact(ON + ", closed properly")
async def test_a_connection_that_closes_properly_takes_its_orders_too(desk: Desk) -> None:
    client = await desk.armed()
    order = await desk.place(client)
    await client.socket.aclose()
    assert await until(partial(gone, desk, order)) is not None


@deribit.fact(ON + ", heartbeat")
async def test_a_connection_that_answers_no_heartbeat_takes_its_orders_too(desk: Desk) -> None:
    client = await desk.armed()
    order = await desk.place(client)
    await client.call("public/set_heartbeat", interval=10)
    assert await until(partial(gone, desk, order), 60) is not None


@deribit.fact(LOGOUT)
async def test_a_logout_spares_the_connections_orders(desk: Desk) -> None:
    client = await desk.armed()
    order = await desk.place(client)
    await client.send("private/logout")
    await client.close_code()
    await trio.sleep(5)
    assert await desk.is_open(order)


@deribit.fact(ON)
async def test_an_order_of_another_connection_stays(desk: Desk) -> None:
    client, other = await desk.armed(), await desk.logged_in()
    lost, kept = await desk.place(client), await desk.place(other)
    await desk.drop(client)
    await until(partial(gone, desk, lost))
    assert await desk.is_open(kept)


@deribit.fact(OVERVIEW + "HTTP Limitations")
async def test_an_order_placed_over_http_stays(desk: Desk) -> None:
    await desk.switch(True)
    client = await desk.logged_in()
    lost, kept = await desk.place(client), await desk.place()
    await desk.drop(client)
    await until(partial(gone, desk, lost))
    assert await desk.is_open(kept)


@deribit.fact(ON)
async def test_where_it_is_off_an_order_outlives_its_connection(desk: Desk) -> None:
    await desk.switch(False)
    client = await desk.logged_in()
    order = await desk.place(client)
    await desk.drop(client)
    await trio.sleep(5)
    assert await desk.is_open(order)


@deribit.question(NOWHERE)
async def test_how_long_after_a_drop_an_order_is_listed_cancelled(desk: Desk) -> str:
    client = await desk.armed()
    order = await desk.place(client)
    await desk.drop(client)
    took = await until(partial(gone, desk, order), 60)
    return "not within 60 s" if took is None else f"{took:.1f} s"


@deribit.question(NOWHERE)
async def test_whether_an_untriggered_stop_goes_with_its_connection(desk: Desk) -> str:
    client = await desk.armed()
    order = await desk.stop(client)
    await desk.drop(client)
    return "it goes" if await until(partial(gone, desk, order), 30) is not None else "it stays"


@deribit.question(f"{ON}: of connections opened afterwards; elsewhere of the current one too")
async def test_whether_enabling_the_account_covers_the_very_connection(desk: Desk) -> str:
    await desk.switch(False)
    client = await desk.logged_in()
    await client.call(ENABLE, scope="account")
    return f"it is {'' if (await client.call(READ, scope='connection'))['enabled'] else 'not '}covered"


@deribit.question(NOWHERE)
async def test_whether_disabling_the_account_leaves_open_connections_on(desk: Desk) -> str:
    await desk.switch(True)
    client = await desk.logged_in()
    await desk.switch(False)
    return "they stay on" if (await client.call(READ, scope="connection"))["enabled"] else "they are off"


@deribit.question(NOWHERE)
async def test_whether_it_survives_a_second_login_on_its_connection(desk: Desk) -> str:
    client = await desk.armed()
    await client.login()
    return "it stays on" if (await client.call(READ, scope="connection"))["enabled"] else "it is off"


@deribit.question(NOWHERE)
async def test_whether_it_survives_a_refreshed_token(desk: Desk) -> str:
    client = await desk.connect()
    refresh = (await client.login("session:deadman-fact"))["refresh_token"]
    await client.call(ENABLE, scope="connection")
    await client.call("public/auth", grant_type="refresh_token", refresh_token=refresh)
    return "it stays on" if (await client.call(READ, scope="connection"))["enabled"] else "it is off"


@deribit.question(f"{ON}: said to be for WebSockets only, and of the connection's scope alone")
async def test_whether_the_account_can_be_enabled_over_http(desk: Desk) -> str:
    _, answer = await desk.http(ENABLE, scope="account")
    return "it can" if answer.get("result") == "ok" else f"error {answer['error']['code']}"


async def gone(desk: Desk, order: dict[str, object]) -> bool:
    return not await desk.is_open(order)
