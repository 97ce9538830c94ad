"""A reload at every door: what does not matter to an account leaves what was proven; what does proves it anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from deadman.model.guard import Phase
from deadman.model.promise import promise
from deadman.model.settings import Account, WatchConfig
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount
from tests.support import doors
from tests.support.doors import DOORS
from tests.swarm.world.desk import Desk, open_desk

EVERY = pytest.mark.parametrize("name", DOORS)


def account_of(name: str) -> Account:
    """The door's account, as a config may say it: V2 cancels by expiry alone."""
    account = doors.account_of(name)
    return replace(account, on_trip="expire") if name == "sxbet-v2" else account


def claim(desk: Desk) -> dict[str, Any]:
    """All that is claimed of the account, and what was promised for it."""
    guard = desk.standing().guard
    return {
        "phase": desk.phase(),
        "protected": desk.protected(),
        "proof": guard.proof,
        "covered_since": guard.covered_since,
        "session_at": guard.session_at,
        "can_cancel": guard.can_cancel,
        "lease": desk.market.lease_end(desk.accounts["desk"]),
        "promise": promise(desk.accounts["desk"], desk.watches),
    }


def edited(account: Account) -> Account:
    """Another pace of keeping: the same account, over a session of its own."""
    if isinstance(account, SxBetAccount):
        return replace(account, timeout_seconds=account.timeout_seconds * 2)
    assert isinstance(account, DeribitAccount)
    return replace(account, heartbeat_interval=account.heartbeat_interval * 2)


@EVERY
async def test_a_reload_that_changes_nothing_that_matters_leaves_proof_promise_and_coverage(
    name: str, autojump_clock: MockClock
) -> None:
    account = account_of(name)
    async with open_desk(account) as desk:
        await desk.until(Phase.ARMED, within=5)
        await trio.sleep(1.0)
        before = claim(desk)
        for watches in ([], [WatchConfig("nobody", 5.0)], []):
            assert await desk.reload(account, watches=watches)
            assert claim(desk) == before
        await trio.sleep(60.0)
        assert desk.standing().tally.opened == 1
        assert desk.standing().guard.covered_since == before["covered_since"]


@EVERY
async def test_a_reload_that_changes_the_account_proves_it_anew_and_shows_no_gap_as_protected(
    name: str, autojump_clock: MockClock
) -> None:
    account = account_of(name)
    async with open_desk(account) as desk:
        await desk.until(Phase.ARMED, within=5)
        await trio.sleep(1.0)
        before, began = claim(desk), trio.current_time()
        assert await desk.reload(edited(account))
        while desk.standing().guard.proof == before["proof"] or not desk.protected():
            assert trio.current_time() < began + promise(edited(account), {}).rearm
            assert desk.market.would_cancel(account) or not desk.protected()
            await trio.sleep(0.01)
        proof = desk.standing().guard.proof
        assert proof is not None
        assert proof.asked_at >= began
        await desk.until(Phase.ARMED, within=1)
        opened_at = desk.standing().guard.session_at
        assert opened_at is not None
        assert opened_at >= began
        assert claim(desk)["promise"] != before["promise"]
        assert desk.standing().guard.covered_since == before["covered_since"], "the switch was never off meanwhile"


@pytest.mark.parametrize("name", ["deribit", "coinbase"])
async def test_an_account_edited_while_somebody_had_turned_its_switch_off_is_covered_only_since_it_is_on_again(
    name: str, autojump_clock: MockClock
) -> None:
    account = account_of(name)
    assert isinstance(account, DeribitAccount)
    async with open_desk(account) as desk:
        await desk.until(Phase.ARMED, within=5)
        await trio.sleep(1.0)
        desk.market.drift(account)
        began = trio.current_time()
        assert await desk.reload(edited(account))
        await trio.sleep(promise(edited(account), {}).rearm)
        assert desk.market.would_cancel(account)
        assert desk.phase() is Phase.ARMED
        since = desk.standing().guard.covered_since
        assert since is not None
        assert since >= began
