"""The simulated SX Bet, held to the venue's documents by a client that speaks plain HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import h11
import pytest
import trio
from trio.testing import MockClock

from deadman.simulator.sxbet.ledger import Settings
from tests.support.http_caller import exchange
from tests.support.sxbet_caller import HOST, MAKER, V3, World, world


@pytest.fixture
async def sx() -> AsyncIterator[World]:
    async with world() as made:
        yield made


async def test_a_lease_runs_out_once_and_takes_the_accounts_orders_with_it(
    autojump_clock: MockClock, sx: World
) -> None:
    order, other = sx.venue.exchange.place("maker"), sx.venue.exchange.place("old-maker")
    assert (await sx.beat(10)).data["timeoutSeconds"] == 10
    begun = trio.current_time()
    await trio.sleep(9.9)
    assert sx.venue.exchange.orders[order.order_id].state == "open"
    await trio.sleep(20)
    late = sx.venue.exchange.place("maker")
    await trio.sleep(100)
    gone = sx.venue.exchange.orders[order.order_id]
    assert (gone.cancel_reason, gone.cancelled_at) == ("heartbeat_expired", begun + 10)
    assert [o.order_id for o in sx.venue.exchange.open_orders()] == [other.order_id, late.order_id]


async def test_the_last_word_wins_and_renewal_keeps_orders(autojump_clock: MockClock, sx: World) -> None:
    order = sx.venue.exchange.place("maker")
    await sx.beat(3600)
    await sx.beat(5)
    lease = sx.venue.lease("maker")
    assert lease is not None
    assert lease.ends_at == trio.current_time() + 5
    for _ in range(10):
        await trio.sleep(4)
        await sx.beat(5)
    assert sx.venue.exchange.open_orders("maker") == [order]


async def test_zero_disarms_and_cancels_nothing(autojump_clock: MockClock, sx: World) -> None:
    order = sx.venue.exchange.place("maker")
    await sx.beat(5)
    assert "expiresAt" in (await sx.beat(0)).data
    await trio.sleep(60)
    assert sx.venue.lease("maker") is None
    assert sx.venue.exchange.open_orders() == [order]


@pytest.mark.parametrize("seconds", [-1, 3601, 1.5, "30", None, True])
@pytest.mark.parametrize("shape", ["nestjs", "documented"])
async def test_a_timeout_out_of_bounds_is_400_and_leaves_the_lease(
    autojump_clock: MockClock, seconds: Any, shape: Any
) -> None:
    async with world(Settings(errors=shape)) as sx:
        await sx.beat(30)
        before = sx.venue.lease("maker")
        answer = await sx.beat(seconds)
        body = json.loads(answer.body)
        assert answer.status == 400
        assert sx.venue.lease("maker") == before
        assert set(body) == ({"status", "errorCode"} if shape == "documented" else {"error", "message", "statusCode"})


async def test_the_instant_named_is_the_venues_clock_plus_the_lease(autojump_clock: MockClock) -> None:
    async with world(Settings(clock_skew=100.0)) as sx:
        answer = await sx.beat(30)
    instant = datetime.fromisoformat(answer.data["expiresAt"]).timestamp()
    assert instant == pytest.approx(1_700_000_000 + trio.current_time() + 130, abs=0.01)
    assert parsedate_to_datetime(answer.headers["date"]).timestamp() == pytest.approx(instant - 30, abs=1)


async def test_a_renewal_before_the_venue_notices_still_saves_the_orders(autojump_clock: MockClock) -> None:
    async with world(Settings(expiry_lag=(2.0, 2.0))) as sx:
        order = sx.venue.exchange.place("maker")
        await sx.beat(5)
        await trio.sleep(6)
        await sx.beat(5)
        assert sx.venue.exchange.open_orders() == [order]
        await trio.sleep(7.1)
        assert sx.venue.exchange.open_orders() == []


async def test_keys_are_of_their_generation_and_a_new_one_revokes_the_old(autojump_clock: MockClock, sx: World) -> None:
    assert (await sx.beat(30, {})).status == 401
    assert (await sx.beat(30, {"x-sx-api-key": "old"})).status == 403
    assert (await sx.beat_v2()).status == 200
    sx.venue.set_key("maker", "newer")
    assert (await sx.beat()).status == 403
    assert (await sx.beat(30, {"x-sx-api-key": "newer"})).status == 200


async def test_v2_echoes_its_requestor_and_refuses_anothers(autojump_clock: MockClock, sx: World) -> None:
    assert (await sx.beat_v2()).data["requestor"] == MAKER
    assert (await sx.beat_v2(30, f"0x{1:040x}")).status == 403
    assert sx.venue.lease("old-maker") is not None


async def test_a_requestor_in_lower_case_gets_a_yes_that_guards_nothing(autojump_clock: MockClock, sx: World) -> None:
    answer = await sx.beat_v2(30, MAKER.lower())
    assert (answer.status, answer.data["requestor"]) == (200, MAKER.lower())
    assert sx.venue.lease("old-maker") is None


@pytest.mark.parametrize(("mode", "status"), [("retired", 400), ("hollow", 200)])
async def test_v2_after_the_cutover_guards_nothing(autojump_clock: MockClock, mode: Any, status: int) -> None:
    async with world(Settings(v2=mode)) as sx:
        answer = await sx.beat_v2()
        assert answer.status == status
        assert (b"OrderBook V2 is no longer supported" in answer.body) == (mode == "retired")
        assert sx.venue.lease("old-maker") is None


async def test_open_orders_of_v2_are_public_and_case_matters(autojump_clock: MockClock, sx: World) -> None:
    order = sx.venue.exchange.place("old-maker")
    listed = (await sx.ask("GET", f"/orders?maker={MAKER}", {})).data
    assert [o["orderHash"] for o in listed] == [order.order_id]
    assert (await sx.ask("GET", f"/orders?maker={MAKER.lower()}", {})).data == []
    assert (await sx.ask("GET", "/orders", {})).status == 400


async def test_open_orders_of_v3_come_in_pages(autojump_clock: MockClock, sx: World) -> None:
    placed = [sx.venue.exchange.place("maker").order_id for _ in range(120)]
    seen, key = [], "0"
    while key:
        data = (await sx.ask("GET", f"/orders-v3?perPage=50&nextKey={key}", V3)).data
        seen += [order["id"] for order in data["orders"]]
        key = data["nextKey"]
    assert seen == placed
    assert (await sx.ask("GET", "/orders-v3?perPage=101", V3)).status == 400


async def test_v3_cancels_by_key_alone(autojump_clock: MockClock, sx: World) -> None:
    one, two, three, four = (sx.venue.exchange.place("maker", event="e1" if n < 2 else "") for n in range(4))
    body = {"orders": [{"orderId": four.order_id}, {"orderId": "nobody"}]}
    named = (await sx.ask("DELETE", "/orders-v3", V3, body)).data
    assert [order["orderId"] for order in named["cancelled"]] == [four.order_id]
    assert named["notCancelled"] == [{"orderId": "nobody", "reason": "not_found_or_inactive"}]
    assert len((await sx.ask("DELETE", "/orders-v3/event?eventId=e1", V3)).data["cancelledSubmitted"]) == 2
    assert sx.venue.exchange.open_orders() == [three]
    assert len((await sx.ask("DELETE", "/orders-v3/all", V3)).data["cancelledSubmitted"]) == 1
    assert sx.venue.exchange.orders[one.order_id].cancel_reason == "user_request"
    assert (await sx.ask("GET", f"/orders-v3/{two.order_id}", V3)).data["order"]["status"] == "INACTIVE"


async def test_one_connection_carries_many_requests(autojump_clock: MockClock, sx: World) -> None:
    async with await sx.network.open_stream(HOST, 443) as stream:
        protocol = h11.Connection(h11.CLIENT)
        for _ in range(3):
            answer = await exchange(stream, protocol, "POST", "/heartbeat/v3", V3, {"timeoutSeconds": 5})
            assert answer.status == 200
            protocol.start_next_cycle()
    assert {received.connection for received in sx.venue.received} == {1}


async def test_more_than_500_heartbeats_a_minute_are_too_many(autojump_clock: MockClock, sx: World) -> None:
    statuses = [(await sx.beat()).status for _ in range(501)]
    assert statuses == [200] * 500 + [429]
    await trio.sleep(1)
    assert (await sx.beat()).status == 200


FAULTS: list[tuple[str, Any]] = [
    ("ignored", {"*"}),
    ("dead", True),
    ("frozen", True),
    ("silent", {"POST /heartbeat/v3"}),
    ("body", "hang"),
    ("body", "drip"),
]


@pytest.mark.parametrize(("knob", "value"), FAULTS)
@pytest.mark.parametrize("level", ["venue", "account"])
async def test_a_fault_that_answers_nothing_holds_the_line(
    autojump_clock: MockClock, sx: World, knob: str, value: Any, level: str
) -> None:
    faults = sx.venue.faults if level == "venue" else sx.venue.accounts["maker"].faults
    setattr(faults, knob, value)
    with trio.move_on_after(20) as waited:
        await sx.beat()
    assert waited.cancelled_caught
    assert (sx.venue.lease("maker") is None) == (knob in ("ignored", "dead", "frozen"))
    faults.clear()
    assert (await sx.beat()).status == 200


async def test_what_was_asked_of_a_frozen_venue_is_done_when_it_thaws(autojump_clock: MockClock, sx: World) -> None:
    sx.venue.faults.frozen = True
    with trio.move_on_after(5):
        await sx.beat(30)
    sx.venue.faults.frozen = False
    await trio.sleep(1)
    lease = sx.venue.lease("maker")
    assert lease is not None
    assert lease.ends_at > trio.current_time() + 28


async def test_what_a_frozen_venue_could_not_do_for_half_a_minute_is_dropped(
    autojump_clock: MockClock, sx: World
) -> None:
    sx.venue.faults.frozen = True
    with trio.move_on_after(5):
        await sx.beat(30)
    await trio.sleep(30)
    sx.venue.faults.frozen = False
    await trio.sleep(1)
    assert sx.venue.lease("maker") is None


@pytest.mark.parametrize("manner", ["reset", "eof"])
async def test_an_answer_can_break_off_half_way_though_the_lease_was_granted(
    autojump_clock: MockClock, sx: World, manner: Any
) -> None:
    sx.venue.faults.body = manner
    with pytest.raises((h11.RemoteProtocolError, trio.BrokenResourceError)):
        await sx.beat()
    assert sx.venue.lease("maker") is not None


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_any_status_can_be_asked_for_and_grants_nothing(
    autojump_clock: MockClock, sx: World, status: int
) -> None:
    sx.venue.faults.fail["POST /heartbeat/v3"] = status
    assert (await sx.beat()).status == status
    assert sx.venue.lease("maker") is None


async def test_echoes_can_lie(autojump_clock: MockClock, sx: World) -> None:
    faults = sx.venue.faults
    faults.expires_at = "missing"
    assert "expiresAt" not in (await sx.beat()).data
    faults.expires_at = "past"
    past = datetime.fromisoformat((await sx.beat()).data["expiresAt"]).timestamp()
    assert past < sx.venue.timestamp()
    faults.clear()
    faults.wrong_echo = True
    assert (await sx.beat_v2()).data["requestor"] != MAKER
    faults.clear()
    faults.granted = 5
    assert (await sx.beat(30)).data["timeoutSeconds"] == 5
    faults.clear()
    faults.garbled.add("*")
    answer = await sx.beat()
    assert (answer.headers["content-type"], answer.body[:9]) == ("text/html", b"<!DOCTYPE")


async def test_everything_asked_is_on_record(autojump_clock: MockClock, sx: World) -> None:
    await sx.beat(30)
    await sx.beat(0)
    asked = [(r.method, r.account, r.params["timeoutSeconds"]) for r in sx.venue.received]
    assert asked == [("POST /heartbeat/v3", "maker", 30), ("POST /heartbeat/v3", "maker", 0)]


async def test_what_is_carried_out_late_is_carried_out_though_nobody_waits_for_it(
    autojump_clock: MockClock, sx: World
) -> None:
    sx.venue.faults.late = {"POST /heartbeat/v3": 7.0}
    with trio.move_on_after(5.0):
        await sx.beat()
    assert sx.venue.lease("maker") is None
    await trio.sleep(2.1)
    assert sx.venue.lease("maker") is not None
