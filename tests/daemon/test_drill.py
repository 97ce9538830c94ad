"""A drill: the switch is seen to fire, or that is said loudly; and nothing of it is left, whatever comes between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from math import inf
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from deadman.model.guard import Phase
from deadman.model.settings import Account
from deadman.simulator.faults import Faults
from tests.support.doors import DOORS, account_of
from tests.swarm.world.desk import Desk, open_desk

SOCKETS, LEASES = ("deribit", "coinbase"), ("sxbet-v2", "sxbet-v3")


def desk_of(name: str) -> Account:
    return replace(account_of(name), on_trip="expire") if name == "sxbet-v2" else account_of(name)


@asynccontextmanager
async def armed(account: Account, orders: int = 3) -> AsyncIterator[Desk]:
    """A desk whose account is proven, with orders of a bot resting where they are what a drill takes."""
    async with open_desk(account) as desk:
        await desk.until(Phase.ARMED, within=5)
        if account.lease is not None:
            for _ in range(orders):
                desk.market.exchange(account).place(desk.market.owner(account))
        await trio.sleep(1)
        yield desk


async def drill(desk: Desk, **given: Any) -> dict[str, Any]:
    answer = await desk.command("drill", "desk", **{"live": True, **given})
    told: dict[str, Any] = answer["drills"][0]
    return told


def faults(desk: Desk) -> Faults:
    return desk.market.faults(desk.accounts["desk"])


@pytest.mark.parametrize("name", DOORS)
async def test_it_passes_where_the_venue_cancels_by_its_switch(name: str, autojump_clock: MockClock) -> None:
    async with armed(desk_of(name)) as desk:
        began = trio.current_time()
        told = await drill(desk)
        assert told["passed"], told
        assert trio.current_time() < began + 60
        assert desk.open_orders() == 0
        assert told["account"] == "desk"
        assert told["seconds"] == pytest.approx(20.5 if name in SOCKETS else 1.0, abs=1.5)
        known = desk.standing().guard.drills
        assert (known.under_way, known.left) == (None, None)
        assert known.passed is not None
        await desk.until(Phase.ARMED, within=5)


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("late", [inf, 45.0])
async def test_it_fails_and_cleans_up_where_the_venue_fires_late_or_never(
    name: str, late: float, autojump_clock: MockClock
) -> None:
    async with armed(desk_of(name)) as desk:
        faults(desk).fires_late = late
        began = trio.current_time()
        told = await drill(desk)
        assert not told["passed"]
        assert trio.current_time() < began + 60
        assert desk.standing().guard.drills.failed
        if name != "sxbet-v2":  # no key of that generation cancels
            assert desk.open_orders() == 0
