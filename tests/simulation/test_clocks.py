"""The clocks' offset tells of clocks: a slow venue does not look like a host without NTP."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from deadman.model.settings import Account
from tests.swarm.laws.scrapes import scraped
from tests.swarm.world.desk import coinbase_account, deribit_account, open_desk, sxbet_account

ACCOUNTS = (
    deribit_account("desk"),
    coinbase_account("gate"),
    sxbet_account("maker"),
    sxbet_account("legacy", "v2", on_trip="expire"),
)
ALERT = 1.0
"""Seconds: DeadmanClockOffset in `deadman rules`."""


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: account.name)
@pytest.mark.parametrize("lateness", [0.9, 2.2, 4.0, 4.6])
async def test_a_venue_that_answers_late_is_no_clock_that_is_wrong(
    account: Account, lateness: float, autojump_clock: MockClock
) -> None:
    async with open_desk(account) as desk:
        desk.market.faults(account).delay = lateness
        for _ in range(120):
            await trio.sleep(1.0)
            assert abs(scraped(desk, "deadman_venue_clock_offset_seconds", account.name)) < ALERT


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: account.name)
@pytest.mark.parametrize("ahead", [-3.0, 3.0])
async def test_a_venue_whose_clock_is_seconds_off_is_told_however_late_some_answers_are(
    account: Account, ahead: float, autojump_clock: MockClock
) -> None:
    async with open_desk(account) as desk:
        await trio.sleep(70.0)
        time = desk.market.time
        desk.market.venue(account).timestamp = lambda: time.timestamp() + ahead
        await trio.sleep(70.0)
        desk.market.faults(account).delay = 4.0
        await trio.sleep(70.0)
        shown = scraped(desk, "deadman_venue_clock_offset_seconds", account.name)
        assert shown == pytest.approx(ahead, abs=0.2)
