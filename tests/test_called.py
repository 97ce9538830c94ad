"""Nothing waits out a back-off once somebody wants a try: an operator's word, a reload, a changed secret."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from deadman.config.schema import Account
from deadman.guard import Phase
from deadman.secret import Secret
from tests.swarm.world.desk import Desk, deribit_account, open_desk, sxbet_account

DESK, MAKER = deribit_account("desk"), sxbet_account("maker")
BOTH = pytest.mark.parametrize("account", [DESK, MAKER], ids=["deribit", "sxbet"])


async def refused(desk: Desk, account: Account, seconds: float) -> Secret:
    """The key is rejected for so long; the good one is handed back."""
    good = desk.market.secrets[account.name]
    desk.market.secrets[account.name] = Secret("x" * 40)
    desk.network.cut("deribit.localhost")
    await desk.until(Phase.REFUSED, within=40, name=account.name)
    await trio.sleep(seconds)
    return good


@BOTH
async def test_a_no_that_lasted_twenty_seconds_keeps_nobody_waiting(
    account: Account, autojump_clock: MockClock
) -> None:
    async with open_desk(account) as desk:
        await desk.until(Phase.ARMED, within=5, name=account.name)
        await trio.sleep(30)
        desk.market.faults(account).fail["*"] = 403 if account is MAKER else 13004
        desk.network.cut("deribit.localhost")
        await trio.sleep(20)
        desk.market.faults(account).clear()
        desk.market.faults(account).fail.clear()
        await desk.until(Phase.ARMED, within=6.0, name=account.name)


async def long_refused(desk: Desk) -> Secret:
    """So long that the next try is some half a minute away."""
    await desk.until(Phase.ARMED, within=5)
    good = await refused(desk, DESK, 300)
    seen = len(desk.exchange.received)
    with trio.fail_after(60):
        while len(desk.exchange.received) == seen:
            await trio.sleep(0.01)
    await trio.sleep(1)
    return good


async def test_a_changed_secret_is_tried_at_once(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        good = await long_refused(desk)
        desk.market.secrets["desk"] = good
        await desk.until(Phase.ARMED, within=3)


@pytest.mark.parametrize("word", ["arm", "reload"])
async def test_a_word_is_tried_at_once(word: str, autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await desk.until(Phase.ARMED, within=5)
        desk.exchange.faults.fail["public/auth"] = 13004
        desk.network.cut("deribit.localhost")
        await trio.sleep(300)
        seen = len(desk.exchange.received)
        with trio.fail_after(60):
            while len(desk.exchange.received) == seen:
                await trio.sleep(0.01)
        await trio.sleep(1)
        desk.exchange.faults.fail.clear()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(desk.command, "arm", "desk") if word == "arm" else nursery.start_soon(desk.reload, DESK)
            await desk.until(Phase.ARMED, within=2)


@BOTH
async def test_a_word_to_an_account_that_is_fine_asks_the_venue_nothing(
    account: Account, autojump_clock: MockClock
) -> None:
    async with open_desk(account) as desk:
        received = desk.sxbet.received if account is MAKER else desk.exchange.received
        await desk.until(Phase.ARMED, within=5, name=account.name)
        proven = len(received)
        with trio.fail_after(60):
            while len(received) < proven + 4:
                await trio.sleep(0.01)
        await trio.sleep(0.5)
        quiet = len(received)
        answer = await desk.command("arm", account.name)
        await trio.sleep(0.1)
        assert answer["accounts"][account.name]["done"]
        assert len(received) == quiet
