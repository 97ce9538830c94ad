"""Stories of SX Bet accounts, told in virtual time against the simulated venue."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from deadman.model.guard import Phase
from deadman.model.promise import promise
from deadman.simulator.sxbet.ledger import Settings
from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.laws.scrapes import scraped
from tests.swarm.world.desk import SXBET_HOST, Desk, open_desk, sxbet_account

V3, V2 = sxbet_account(), sxbet_account(api="v2", on_trip="expire")
BOTH = pytest.mark.parametrize("account", [V3, V2], ids=["v3", "v2"])
HEARTBEATS = ("POST /heartbeat", "POST /heartbeat/v3")


def asked(desk: Desk) -> list[tuple[float, int]]:
    """When a lease was asked for, and of how many seconds."""
    return [(one.at, one.params["timeoutSeconds"]) for one in desk.sxbet.received if one.method in HEARTBEATS]


def shown(desk: Desk, metric: str, name: str = "maker") -> float:
    return scraped(desk, f"deadman_{metric}", name)


@BOTH
async def test_a_lease_is_taken_at_once_and_renewed_three_times_within_each(
    account: SxBetAccount, autojump_clock: MockClock
) -> None:
    async with open_desk(account) as desk:
        assert await desk.until(Phase.ARMED, within=1, name="maker") < 1
        await trio.sleep(600)
        instants = [at for at, _ in asked(desk)]
        assert all(after - before <= account.timeout_seconds / 3 + 0.1 for before, after in pairwise(instants))
        assert {seconds for _, seconds in asked(desk)} == {account.timeout_seconds}
        assert desk.standing("maker").tally.transitions.get(Phase.DEGRADED, 0) == 0


@BOTH
@pytest.mark.parametrize("fault", ["frozen", "dead"])
async def test_a_venue_silent_for_longer_than_the_lease_is_shown_unprotected_in_time(
    account: SxBetAccount, fault: str, autojump_clock: MockClock
) -> None:
    async with open_desk(account) as desk:
        await trio.sleep(100)
        desk.sxbet.exchange.place("maker")
        lease = desk.sxbet.lease("maker")
        assert lease is not None
        setattr(desk.sxbet.faults, fault, True)
        await trio.sleep_until(lease.ends_at - 0.5)
        assert desk.protected("maker"), "the lease stands, and its end cancels"
        assert desk.phase("maker") is Phase.DEGRADED
        await trio.sleep_until(lease.ends_at + 0.1)
        assert (desk.phase("maker"), shown(desk, "account_protected")) == (Phase.EXPIRED, 0)
        assert desk.open_orders("maker") == 0
        desk.sxbet.faults.clear()
        pace = promise(account, {})
        await desk.until(Phase.ARMED, within=pace.redial + 2 * pace.rearm, name="maker")


@BOTH
@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("fail", {"*": 502}),
        ("fail", {"*": 429}),
        ("garbled", {"*"}),
        ("silent", {"*"}),
        ("ignored", {"*"}),
        ("body", "hang"),
        ("body", "drip"),
        ("body", "reset"),
        ("body", "eof"),
        ("delay", 20.0),
        ("refuse", True),
    ],
    ids=str,
)
async def test_no_lease_lapses_for_trouble_that_passes_within_half_of_it(
    account: SxBetAccount, knob: str, value: object, autojump_clock: MockClock
) -> None:
    async with open_desk(account) as desk:
        await trio.sleep(100)
        desk.sxbet.exchange.place("maker")
        setattr(desk.sxbet.faults, knob, value)
        if knob == "refuse":
            desk.network.cut(SXBET_HOST)
        await trio.sleep(16)
        assert desk.protected("maker")
        assert desk.phase("maker") is Phase.DEGRADED
        desk.sxbet.faults.clear()
        await trio.sleep(60)
        assert desk.open_orders("maker") == 1
        assert desk.standing("maker").unprotected < 1
        assert desk.phase("maker") is Phase.ARMED


@BOTH
@pytest.mark.parametrize(
    ("knob", "value"),
    [("wrong_echo", True), ("expires_at", "missing"), ("expires_at", "past"), ("granted", 5)],
    ids=str,
)
async def test_an_answer_that_is_not_what_we_asked_for_is_no_proof(
    account: SxBetAccount, knob: str, value: object, autojump_clock: MockClock
) -> None:
    async with open_desk(account) as desk:
        await desk.until(Phase.ARMED, within=1, name="maker")
        setattr(desk.sxbet.faults, knob, value)
        if account.api == "v3" and value == "missing":  # the lease stands: what was proven of it before runs out
            await desk.until(Phase.EXPIRED, within=account.timeout_seconds + 0.1, name="maker")
        else:
            await desk.until(Phase.EXPOSED, within=account.renew_interval + 0.1, name="maker")
        assert shown(desk, "account_protected") == 0
        desk.sxbet.faults.clear()
        await desk.until(Phase.ARMED, within=21, name="maker")


@BOTH
async def test_a_wrong_clock_of_either_side_costs_no_lease(account: SxBetAccount, autojump_clock: MockClock) -> None:
    async with open_desk(account, sxbet=Settings(clock_skew=400.0)) as desk:
        await trio.sleep(20)
        desk.host.stepped -= 3600
        await trio.sleep(600)
        assert desk.phase("maker") is Phase.ARMED
        assert desk.standing("maker").unprotected < 1


async def test_a_replaced_key_file_is_read_before_the_lease_runs_out(autojump_clock: MockClock) -> None:
    async with open_desk(V3) as desk:
        await trio.sleep(100)
        desk.sxbet.exchange.place("maker")
        fresh = desk.market.rotate_key(V3)
        await desk.until(Phase.REFUSED, within=V3.renew_interval + 0.1, name="maker")
        assert desk.protected("maker"), "the lease taken with the old key stands"
        desk.market.secrets["maker"] = fresh
        await desk.until(Phase.ARMED, within=V3.renew_interval + 0.1, name="maker")
        assert desk.open_orders("maker") == 1


async def test_a_retired_generation_is_told_in_words(autojump_clock: MockClock) -> None:
    async with open_desk(V2, sxbet=Settings(v2="retired")) as desk:
        await desk.until(Phase.REFUSED, within=1, name="maker")
        trouble = desk.standing("maker").guard.trouble
        assert trouble is not None
        assert 'api = "v3"' in trouble.detail


@BOTH
async def test_a_disarm_is_the_only_zero_ever_sent_and_leaves_the_orders(
    account: SxBetAccount, autojump_clock: MockClock
) -> None:
    async with open_desk(account) as desk:
        await trio.sleep(20)
        desk.sxbet.exchange.place("maker")
        answer = await desk.command("disarm", "maker")
        assert answer["accounts"]["maker"]["done"]
        assert desk.sxbet.lease("maker") is None
        await trio.sleep(120)
        assert desk.open_orders("maker") == 1
        assert [seconds for _, seconds in asked(desk)].count(0) == 1
        assert shown(desk, "account_wanted") == 0
        answer = await desk.command("arm", "maker")
        assert answer["accounts"]["maker"]["done"]
        assert desk.sxbet.lease("maker") is not None


async def test_one_accounts_trouble_is_not_its_neighbours(autojump_clock: MockClock) -> None:
    async with open_desk(V3, sxbet_account("other"), sxbet_account("legacy", "v2", on_trip="expire")) as desk:
        await trio.sleep(50)
        desk.market.faults(V3).dead = True
        desk.market.hidden.add("legacy")
        await trio.sleep(300)
        assert desk.phase("maker") is Phase.EXPIRED
        for name in ("other", "legacy"):
            assert desk.standing(name).unprotected < 1


@BOTH
@pytest.mark.parametrize("lease", [5, 6, 30, 300])
async def test_three_tries_fit_into_every_lease_before_it_ends(
    account: SxBetAccount, lease: int, autojump_clock: MockClock
) -> None:
    short = sxbet_account(
        api=account.api, timeout_seconds=lease, renew_interval=lease / 3, on_trip=account.on_trip, watches=()
    )
    async with open_desk(short) as desk:
        await desk.until(Phase.ARMED, within=1, name="maker")
        proof = desk.standing("maker").guard.proof
        assert proof is not None
        desk.sxbet.faults.dead = True
        await trio.sleep_until(proof.expiry)
        tries = [at for at, _ in asked(desk) if at > proof.asked_at]
        assert len(tries) >= 3
        assert all(at + short.timers.reply_timeout <= proof.expiry for at in tries[:3])


async def test_a_retry_after_keeps_no_lease_from_its_next_try(autojump_clock: MockClock) -> None:
    async with open_desk(V3) as desk:
        await trio.sleep(50)
        desk.sxbet.faults.fail["POST /heartbeat/v3"] = 429
        before = len(asked(desk))
        await trio.sleep(25)
        assert len(asked(desk)) - before >= 3


async def test_a_sleep_longer_than_the_lease_ends_the_claim_within_a_tick_of_waking(autojump_clock: MockClock) -> None:
    async with open_desk(V3) as desk:
        await trio.sleep(20)
        desk.sxbet.exchange.place("maker")
        desk.host.sleep(60)
        await trio.sleep(0.15)
        assert desk.open_orders("maker") == 0, "the venue did not sleep"
        assert desk.standing("maker").guard.proof.asked_at > 20  # type: ignore[union-attr]
        assert desk.market.would_cancel(V3)
        assert desk.phase("maker") is Phase.ARMED
