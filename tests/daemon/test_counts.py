"""Open orders are counted in every phase in which they can be read, by nothing that renews or cancels."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
import trio
from trio.testing import MockClock

from deadman.model.guard import Phase
from deadman.model.settings import Account, WatchConfig
from deadman.status.headline import Verdict, headline
from deadman.status.report import report
from tests.swarm.world.desk import Desk, deribit_account, open_desk, sxbet_account

QUOTER = WatchConfig("quoter", 5.0)
MAKER = sxbet_account(watches=("quoter",))
DESK = deribit_account()


def told(desk: Desk, name: str) -> tuple[int | None, float]:
    """The count that `status` shows, and its age in seconds; endless where there is none."""
    answer = report(desk.board)
    account = answer.accounts[name]
    at = account.open_orders_at
    return account.open_orders, inf if at is None else answer.timestamp - at


def first_word(desk: Desk) -> Verdict:
    return headline(report(desk.board)).verdict


async def test_orders_of_a_lease_that_waits_for_its_bot_are_counted(autojump_clock: MockClock) -> None:
    async with open_desk(MAKER, watches=[QUOTER]) as desk:
        await trio.sleep(1)
        assert desk.phase("maker") is Phase.WAITING
        assert (told(desk, "maker")[0], first_word(desk)) == (0, Verdict.FINE)
        for _ in range(3):
            desk.sxbet.exchange.place("maker")
        await trio.sleep(30)
        count, age = told(desk, "maker")
        assert (count, first_word(desk)) == (3, Verdict.LOOK)
        assert age <= 30
        assert desk.standing("maker").guard.session_at is None
        assert desk.sxbet.lease("maker") is None
        assert not [one for one in desk.sxbet.received if not one.method.startswith("GET ")]


@pytest.mark.parametrize("account", [DESK, sxbet_account()], ids=["deribit", "sxbet"])
async def test_orders_of_a_disarmed_account_are_counted_by_a_look_that_arms_nothing(
    account: Account, autojump_clock: MockClock
) -> None:
    async with open_desk(account) as desk:
        await desk.until(Phase.ARMED, within=5, name=account.name)
        await desk.command("disarm", account.name)
        before = desk.standing(account.name).tally
        exchange = desk.exchange.exchange if account is DESK else desk.sxbet.exchange
        exchange.place(account.name)
        await trio.sleep(70)
        count, age = told(desk, account.name)
        assert count == 1
        assert age <= 61
        after = desk.standing(account.name).tally
        assert (after.attempted, after.opened) == (before.attempted, before.opened)
        assert not desk.standing(account.name).guard.can_cancel
        assert desk.open_orders(account.name) == 1


async def test_a_count_that_cannot_be_made_grows_old_and_ends_fine(autojump_clock: MockClock) -> None:
    async with open_desk(MAKER, watches=[QUOTER]) as desk:
        await trio.sleep(1)
        desk.sxbet.faults.dead = True
        await trio.sleep(200)
        count, age = told(desk, "maker")
        assert count == 0
        assert age > 150
        assert first_word(desk) is Verdict.LOOK


@pytest.mark.parametrize(
    "account",
    [replace(DESK, verify_interval=300.0), sxbet_account(timeout_seconds=900, renew_interval=300.0)],
    ids=["deribit", "sxbet"],
)
async def test_a_long_wait_between_two_proofs_leaves_no_old_count(account: Account, autojump_clock: MockClock) -> None:
    async with open_desk(account) as desk:
        await desk.until(Phase.ARMED, within=5, name=account.name)
        await trio.sleep(2)
        for _ in range(20):
            await trio.sleep(17)
            _, age = told(desk, account.name)
            assert age <= 30
