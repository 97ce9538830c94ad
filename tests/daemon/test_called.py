"""Nothing waits out a back-off once somebody wants a try: an operator's word, a reload, a changed secret."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from deadman.model import facts
from deadman.model.guard import Phase
from deadman.model.secret import Secret
from deadman.model.settings import Account
from tests.swarm.world.accounts import host_of
from tests.swarm.world.desk import Desk, deribit_account, open_desk, sxbet_account

DESK = deribit_account("desk")
MAKER = sxbet_account("maker", timeout_seconds=60, renew_interval=20.0)
"""While its lease may stand it is tried every 20 s whatever is wrong: sooner only by what is tested here."""
BOTH = pytest.mark.parametrize("account", [DESK, MAKER], ids=["deribit", "sxbet"])
NOS = {"desk": 13004, "maker": 403}


def reject(desk: Desk, account: Account) -> None:
    """From now on the venue says no to all that this account asks; the sessions it has are over."""
    desk.market.venue(account).faults.fail["*"] = NOS[account.name]
    desk.network.cut(host_of(account))


def is_well(desk: Desk, account: Account) -> None:
    desk.market.venue(account).faults.fail.clear()


def tries(desk: Desk, account: Account) -> list[float]:
    """When the venue was asked for anything."""
    return [seen.at for seen in desk.market.venue(account).received]


@BOTH
async def test_a_no_that_lasted_twenty_seconds_keeps_nobody_waiting(
    account: Account, autojump_clock: MockClock
) -> None:
    async with open_desk(account) as desk:
        await desk.until(Phase.ARMED, within=5, name=account.name)
        await trio.sleep(30)
        reject(desk, account)
        await desk.until(Phase.REFUSED, within=21, name=account.name)
        began = trio.current_time()
        await trio.sleep(20)
        is_well(desk, account)
        assert desk.phase(account.name) is Phase.REFUSED
        await desk.until(Phase.ARMED, within=6.0, name=account.name)
        tried = [began, *(at for at in tries(desk, account) if at > began)]
        assert max(after - before for before, after in pairwise(tried)) <= 5.2, "as `check` prints: every 5 s"


async def between_tries(desk: Desk, account: Account) -> None:
    """A second after a try that was refused like those before it: the next is far away by itself."""
    await desk.until(Phase.REFUSED, within=40, name=account.name)
    await trio.sleep(340)
    seen = len(tries(desk, account))
    with trio.fail_after(60):
        while len(tries(desk, account)) == seen:
            await trio.sleep(0.01)
    await trio.sleep(1)


@BOTH
async def test_what_calls_for_nothing_hastens_no_try(account: Account, autojump_clock: MockClock) -> None:
    async with open_desk(account) as desk:
        await desk.until(Phase.ARMED, within=5, name=account.name)
        reject(desk, account)
        await between_tries(desk, account)
        seen = len(tries(desk, account))
        desk.board.post(account.name, facts.OrdersCounted(trio.current_time(), 3))
        await trio.sleep(3)
        assert len(tries(desk, account)) == seen


@BOTH
async def test_a_changed_secret_is_tried_at_once(account: Account, autojump_clock: MockClock) -> None:
    async with open_desk(account) as desk:
        await desk.until(Phase.ARMED, within=5, name=account.name)
        good = desk.market.secrets[account.name]
        desk.market.secrets[account.name] = Secret("x" * 40)
        reject(desk, account)
        await between_tries(desk, account)
        is_well(desk, account)
        desk.market.secrets[account.name] = good
        await desk.until(Phase.ARMED, within=3, name=account.name)


@BOTH
@pytest.mark.parametrize("word", ["arm", "reload"])
async def test_a_word_is_tried_at_once(account: Account, word: str, autojump_clock: MockClock) -> None:
    async with open_desk(account) as desk:
        await desk.until(Phase.ARMED, within=5, name=account.name)
        reject(desk, account)
        await between_tries(desk, account)
        is_well(desk, account)
        async with trio.open_nursery() as nursery:
            if word == "arm":
                nursery.start_soon(desk.command, "arm", account.name)
            else:
                nursery.start_soon(desk.reload, account)
            await desk.until(Phase.ARMED, within=2, name=account.name)


@BOTH
async def test_a_no_that_lasts_is_not_asked_for_every_five_seconds_for_ever(
    account: Account, autojump_clock: MockClock
) -> None:
    """What makes the waits above worth cutting short."""
    async with open_desk(account) as desk:
        await desk.until(Phase.ARMED, within=5, name=account.name)
        reject(desk, account)
        await between_tries(desk, account)
        seen = len(tries(desk, account))
        await trio.sleep(15)
        assert len(tries(desk, account)) == seen


@BOTH
async def test_a_word_to_an_account_that_is_fine_asks_the_venue_nothing(
    account: Account, autojump_clock: MockClock
) -> None:
    async with open_desk(account) as desk:
        received = desk.sxbet.received if account is MAKER else desk.exchange.received
        await desk.until(Phase.ARMED, within=5, name=account.name)
        proven = len(received)
        with trio.fail_after(120):
            while len(received) < proven + 4:
                await trio.sleep(0.01)
        await trio.sleep(0.5)
        quiet = len(received)
        answer = await desk.command("arm", account.name)
        await trio.sleep(0.1)
        assert answer["accounts"][account.name]["done"]
        assert len(received) == quiet
