"""The simulated SX Bet's orders, held to the rows and answers that clients recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from deadman.simulator.sxbet.ledger import Settings
from tests.support.sxbet_caller import V3, World, world

ROW = {
    *("id", "marketHash", "userAddress", "wallet", "isBettingOutcomeOne", "percentageOdds", "totalBetSize"),
    *("remainingSize", "expiry", "status", "inactiveReason", "eventId", "createdAt", "updatedAt"),
}
"""The fields of a row that was recorded in July 2026."""

POSTED = {
    "marketHash": f"0x{7:064x}",
    "maker": f"0x{1:040x}",
    "totalBetSize": "3000000",
    "percentageOdds": "40000000000000000000",
    "isMakerBettingOutcomeOne": True,
    "timeInForce": "GTC",
    "orderSignature": "0x",
}


@pytest.fixture
async def sx() -> AsyncIterator[World]:
    async with world() as made:
        yield made


async def post(sx: World, **changes: Any) -> Any:
    return await sx.ask("POST", "/orders-v3", V3, {"orders": [POSTED | changes], "waitForOutcome": True})


async def test_an_order_is_posted_unsigned_and_read_as_it_was_recorded(autojump_clock: MockClock, sx: World) -> None:
    posted = (await post(sx)).data["orders"][0]
    assert posted["outcome"]["state"] == "RESTED"
    row = (await sx.ask("GET", f"/orders-v3/{posted['orderId']}", V3)).data["order"]
    assert set(row) == ROW
    assert (row["totalBetSize"], row["percentageOdds"]) == ("3000000", "40000000000000000000")
    assert (row["status"], row["inactiveReason"], len(row["id"])) == ("ACTIVE", None, 66)
    assert row["createdAt"] == "2023-11-14T22:13:20.000Z"
    listing = (await sx.ask("GET", "/orders-v3", V3)).data
    assert listing == {"orders": [row], "nextKey": None}


async def test_what_an_order_cannot_be_without_is_named(autojump_clock: MockClock, sx: World) -> None:
    body = {name: value for name, value in POSTED.items() if name != "marketHash"}
    answer = await sx.ask("POST", "/orders-v3", V3, {"orders": [body]})
    assert (answer.status, b"marketHash should not be empty" in answer.body) == (400, True)
    assert (await post(sx, timeInForce="IOC")).data["orders"][0]["outcome"]["cancelReason"] == "NO_LIQUIDITY"
    assert sx.venue.exchange.open_orders() == []


@pytest.mark.parametrize(("way", "reason"), [("lease", "HEARTBEAT_TIMEOUT"), ("cancel", "USER_REQUESTED")])
async def test_an_order_that_is_gone_says_why(autojump_clock: MockClock, sx: World, way: str, reason: str) -> None:
    order_id = (await post(sx)).data["orders"][0]["orderId"]
    if way == "lease":
        await sx.beat(1)
        await trio.sleep(2)
    else:
        await sx.ask("DELETE", "/orders-v3/all", V3)
    row = (await sx.ask("GET", f"/orders-v3/{order_id}", V3)).data["order"]
    assert (row["status"], row["inactiveReason"]) == ("INACTIVE", reason)


async def test_a_cancel_of_all_takes_a_page_and_says_that_there_is_more(autojump_clock: MockClock) -> None:
    async with world(replace(Settings(), cancel_page=2, cancel_lag=(3.0, 3.0))) as sx:
        for _ in range(3):
            await post(sx)
        first = (await sx.ask("DELETE", "/orders-v3/all", V3)).data
        assert (len(first["cancelledSubmitted"]), first["hasMore"]) == (2, True)
        assert len(sx.venue.exchange.open_orders()) == 3  # submitted is not cancelled
        await trio.sleep(3)
        rest = (await sx.ask("DELETE", "/orders-v3/all", V3)).data
        assert (len(rest["cancelledSubmitted"]), rest["hasMore"]) == (1, False)


async def test_markets_and_terms_are_told_to_everybody_and_money_to_its_owner(
    autojump_clock: MockClock, sx: World
) -> None:
    assert len((await sx.ask("GET", "/markets/active", {})).data["markets"]) == 2
    assert (await sx.ask("GET", "/metadata/obv3", {})).data["oddsLadderStepSize"] == 125
    assert (await sx.ask("GET", "/user/proxy", {})).status == 401
    assert (await sx.ask("GET", "/user/balance-v3", V3)).data["balances"]


@pytest.mark.parametrize("junk", [{"totalBetSize": "much"}, {"percentageOdds": None}, {"totalBetSize": -1}])
async def test_an_order_of_no_size_is_400_and_not_placed(
    autojump_clock: MockClock, sx: World, junk: dict[str, Any]
) -> None:
    assert (await post(sx, **junk)).status == 400
    assert sx.venue.exchange.open_orders() == []
