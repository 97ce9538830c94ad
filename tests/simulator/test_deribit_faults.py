"""The simulated Deribit when things go wrong, at each level a fault can be set."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock
from trio_websocket import ConnectionClosed, ConnectionRejected

from deadman.simulator.deribit.connection import Cause
from deadman.simulator.deribit.settings import DERIBIT
from deadman.simulator.faults import Faults
from tests.support.deribit_caller import ENABLE, HOST, READ, Client, World, world


@pytest.fixture
async def desk() -> AsyncIterator[World]:
    async with world() as made:
        yield made


async def asked_in_vain(client: Client, method: str, **params: Any) -> bool:
    """Whether no answer comes within the caller's patience."""
    try:
        await client.ask(method, **params)
    except trio.TooSlowError:
        return True
    return False


def level(desk: World, name: str) -> Faults:
    """The knobs of the venue, of the account, or of the only connection."""
    match name:
        case "venue":
            return desk.venue.faults
        case "account":
            return desk.venue.accounts["desk"].faults
        case _:
            return desk.venue.connections[1].faults


LEVELS = pytest.mark.parametrize("where", ["venue", "account", "connection"])


@LEVELS
async def test_a_dead_application_still_answers_pings_but_nothing_else(
    autojump_clock: MockClock, desk: World, where: str
) -> None:
    client = await desk.logged_in()
    await client.call("public/set_heartbeat", interval=10)
    level(desk, where).dead = True
    assert await asked_in_vain(client, ENABLE, scope="account")
    await trio.sleep(7)
    with trio.fail_after(1):
        await client.socket.ping()
    assert not desk.venue.inherits("desk")
    assert not any(frame.get("method") == "heartbeat" for frame in client.seen)


@LEVELS
async def test_ignored_is_not_done_and_silent_is_done_and_neither_answers(
    autojump_clock: MockClock, desk: World, where: str
) -> None:
    client = await desk.logged_in()
    faults = level(desk, where)
    faults.ignored = {ENABLE}
    assert await asked_in_vain(client, ENABLE, scope="account")
    assert not desk.venue.inherits("desk")
    faults.clear()
    faults.silent = {ENABLE}
    assert await asked_in_vain(client, ENABLE, scope="account")
    assert desk.venue.inherits("desk")


@LEVELS
async def test_a_method_can_fail_with_any_code_and_does_nothing_then(
    autojump_clock: MockClock, desk: World, where: str
) -> None:
    client = await desk.logged_in()
    faults = level(desk, where)
    faults.fail[ENABLE] = 10049
    assert (await client.ask(ENABLE))["error"] == {"code": 10049, "message": "cancel_on_disconnect_failed"}
    faults.fail = {"*": 11051}
    assert await client.code("public/test") == 11051
    assert (await client.code("public/auth", grant_type="client_credentials")) == 11051


async def test_a_venue_can_lie_about_its_switch(autojump_clock: MockClock, desk: World) -> None:
    desk.venue.faults.lying = True
    client = await desk.logged_in()
    assert await client.call(ENABLE, scope="account") == "ok"
    assert (await client.call(READ, scope="account"))["enabled"] is True
    fresh = await desk.logged_in()
    assert (await fresh.call(READ))["enabled"] is False
    assert not desk.venue.inherits("desk")


async def test_a_second_login_can_disarm_a_connection(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    await client.call(ENABLE, scope="connection")
    await client.login()
    assert (await client.call(READ))["enabled"] is True
    desk.venue.faults.reauth_disarms = True
    await client.login()
    assert (await client.call(READ))["enabled"] is False


async def test_answers_can_be_late_out_of_order_wrong_or_rubbish(autojump_clock: MockClock, desk: World) -> None:
    client, faults = await desk.logged_in(), desk.venue.faults
    faults.delay = 2.0
    begun = trio.current_time()
    await client.call("public/test")
    assert trio.current_time() - begun == 2.0
    faults.clear()
    faults.jitter = 1.0
    asked = [await client.send("public/test") for _ in range(8)]
    answered = [(await client.next())["id"] for _ in asked]
    assert sorted(answered) == asked
    assert answered != asked
    faults.clear()
    faults.wrong_id = {"public/test"}
    await client.send("public/test")
    assert (await client.next())["id"] not in range(client.number + 1)
    faults.clear()
    faults.wrong_echo = True
    assert (await client.call(READ, scope="account"))["scope"] == "connection"
    faults.clear()
    faults.garbled = {"public/test"}
    await client.send("public/test")
    with pytest.raises(json.JSONDecodeError):
        await client.next()


async def test_a_late_answer_holds_up_no_test_request(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    await client.call("public/set_heartbeat", interval=10)
    desk.venue.faults.delay = 30.0
    await client.send("public/get_time")
    assert (await client.next())["method"] == "heartbeat"


async def test_what_is_carried_out_late_is_carried_out_though_its_connection_has_ended(
    autojump_clock: MockClock, desk: World
) -> None:
    client = await desk.logged_in()
    desk.venue.faults.late = {ENABLE: 7.0}
    begun = trio.current_time()
    await client.send(ENABLE, scope="account")
    await client.call(READ, scope="account")
    assert trio.current_time() == begun
    desk.venue.drop()
    await trio.sleep(6.9)
    assert not desk.venue.inherits("desk")
    await trio.sleep(0.2)
    assert desk.venue.inherits("desk")


async def test_a_cancel_can_leave_orders_standing(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    for _ in range(3):
        desk.venue.exchange.place("desk")
    desk.venue.faults.cancel_leaves = 1
    assert await client.call("private/cancel_all") == 2
    assert len(await client.call("private/get_open_orders")) == 1
    desk.venue.faults.clear()
    assert await client.call("private/cancel_all") == 1


async def test_an_order_can_resist_every_cancel(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    stuck, *_ = (desk.venue.exchange.place("desk").order_id for _ in range(3))
    desk.venue.faults.stuck[stuck] = 11044
    assert await client.call("private/cancel_all") == 2
    assert await client.code("private/cancel", order_id=stuck) == 11044
    assert [order["order_id"] for order in await client.call("private/get_open_orders")] == [stuck]


async def test_tokens_can_run_out_at_once(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in("session:deadman")
    await trio.sleep(1)
    desk.venue.expire_tokens("desk")
    assert await client.code(READ) == 13009
    await client.login()
    assert await client.call(READ)


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_the_upgrade_can_be_refused_with_a_status(autojump_clock: MockClock, desk: World, status: int) -> None:
    desk.venue.faults.upgrade = status
    assert await rejected(desk) == status


async def rejected(desk: World, path: str = "/ws/api/v2") -> int:
    """The HTTP status an upgrade is answered with."""
    try:
        async with trio.open_nursery() as nursery:
            await World(desk.network, desk.venue, nursery).connect(path)
    except* ConnectionRejected as group:
        statuses = [error.status_code for error in group.exceptions if isinstance(error, ConnectionRejected)]
    return int(statuses[0])


@pytest.mark.parametrize("way", ["reset", "eof", "hang"])
async def test_the_upgrade_can_break_off_or_hang(autojump_clock: MockClock, desk: World, way: Any) -> None:
    desk.venue.faults.upgrade = way
    with trio.move_on_after(30) as waited:
        await desk.connect()
    assert waited.cancelled_caught  # the library under the caller cannot tell these apart
    assert desk.venue.connections == {}
    stream = await desk.network.open_stream(HOST, 443)
    await stream.send_all(b"GET /ws/api/v2 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    await stream.send_all(b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
    assert await outcome(stream) == {"reset": "reset", "eof": "eof", "hang": "hang"}[way]


async def outcome(stream: trio.abc.Stream) -> str:
    try:
        with trio.fail_after(5):
            return "eof" if await stream.receive_some() == b"" else "answer"
    except trio.BrokenResourceError:
        return "reset"
    except trio.TooSlowError:
        return "hang"


async def test_another_path_is_not_found_and_another_protocol_is_hung_up_on(
    autojump_clock: MockClock, desk: World
) -> None:
    assert await rejected(desk, "/ws/api/v1") == 404
    stream = await desk.network.open_stream(HOST, 443)
    await stream.send_all(b"\x16\x03\x01 this is TLS, or nothing at all\r\n\r\n")
    with trio.fail_after(5):
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 400")


async def test_the_thirty_third_connection_of_an_address_gets_429(autojump_clock: MockClock, desk: World) -> None:
    clients = [await desk.connect() for _ in range(32)]
    assert await rejected(desk) == 429
    await clients[0].socket.aclose()
    await trio.lowlevel.checkpoint()
    assert await desk.connect()


async def test_a_burst_of_requests_ends_the_session_after_10028(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    for _ in range(100):
        assert "result" in await client.ask("public/test")
    assert await client.code("public/test") == 10028
    with pytest.raises(ConnectionClosed):
        await client.next()
    assert desk.venue.ended[-1][2] is Cause.RATE


async def test_twenty_requests_a_second_are_within_the_limit(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    for _ in range(400):
        assert "result" in await client.ask("public/test")
        await trio.sleep(0.05)


async def test_account_scope_may_reach_the_current_connection_as_some_documents_say(autojump_clock: MockClock) -> None:
    async with world(replace(DERIBIT, account_scope_covers_current=True)) as desk:
        client = await desk.logged_in()
        await client.call(ENABLE, scope="account")
        assert (await client.call(READ))["enabled"] is True


async def test_a_request_may_have_to_carry_its_connection_token(autojump_clock: MockClock) -> None:
    async with world(replace(DERIBIT, token_in_every_request=True)) as desk:
        client = await desk.connect()
        token = (await client.login())["access_token"]
        assert await client.code(READ) == 13009
        assert await client.call(READ, access_token=token)
        await client.login("session:deadman")
        assert await client.call(READ)


async def test_everything_asked_is_on_record_even_of_the_dead(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    desk.venue.faults.dead = True
    await client.send(READ, scope="account")
    await trio.sleep(1)
    last = desk.venue.received[-1]
    assert (last.method, last.account, last.params) == (READ, "desk", {"scope": "account"})
    assert [r.method for r in desk.venue.received] == ["public/auth", READ]


async def test_an_answer_can_be_no_frame_at_all(autojump_clock: MockClock, desk: World) -> None:
    client = await desk.logged_in()
    desk.venue.faults.no_frame = {"public/test"}
    await client.send("public/test")
    with trio.fail_after(5), pytest.raises(ConnectionClosed):
        await client.next()


async def test_maintenance_is_announced_ends_every_connection_and_answers_nothing_else(
    autojump_clock: MockClock, desk: World
) -> None:
    client = await desk.logged_in()
    await client.call(ENABLE, scope="connection")
    await client.call("public/subscribe", channels=["platform_state"])
    await client.place()
    desk.venue.maintain(True)
    assert await client.news("platform_state") == {"maintenance": True}
    assert await client.close_code() == 1012
    assert desk.venue.exchange.open_orders() == []
    assert await (await desk.connect()).code("public/test") == 11051
    desk.venue.maintain(False)
    assert await desk.logged_in()
