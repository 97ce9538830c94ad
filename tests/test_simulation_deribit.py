"""Stories of one Deribit account, told in virtual time against the simulated venue."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from deadman.guard import Phase
from tests.desk import deribit_account, open_desk


async def test_a_bare_account_is_armed_and_proven_within_three_seconds(autojump_clock: MockClock) -> None:
    async with open_desk(deribit_account()) as desk:
        assert await desk.until(Phase.ARMED, within=3) < 3
        assert desk.exchange.inherits("desk")


async def test_a_healthy_quiet_session_is_never_reopened(autojump_clock: MockClock) -> None:
    async with open_desk(deribit_account()) as desk:
        await trio.sleep(3600)
        tally = desk.standing().tally
        assert (tally.opened, tally.lost) == (1, {})
        assert tally.test_requests > 300


async def test_a_frozen_peer_is_replaced_within_eight_seconds(autojump_clock: MockClock) -> None:
    async with open_desk(deribit_account()) as desk:
        await trio.sleep(100)
        for connection in desk.exchange.connections_of("desk"):
            connection.faults.frozen = True
        await desk.until(Phase.DEGRADED, within=8)
        assert await desk.until(Phase.ARMED, within=2) < 1.5


async def test_a_switch_turned_off_behind_us_is_repaired(autojump_clock: MockClock) -> None:
    async with open_desk(deribit_account()) as desk:
        await trio.sleep(100)
        desk.exchange.switch("desk", on=False)
        await trio.sleep(32)
        assert desk.exchange.inherits("desk")
        assert desk.phase() is Phase.ARMED
        assert desk.standing().tally.repairs == 1


async def test_a_venue_that_lets_new_connections_start_bare_is_exposed(autojump_clock: MockClock) -> None:
    async with open_desk(deribit_account()) as desk:
        desk.exchange.faults.lying = True
        await trio.sleep(60)
        assert desk.phase() is Phase.EXPOSED
        desk.exchange.faults.clear()
        await desk.until(Phase.ARMED, within=21)
