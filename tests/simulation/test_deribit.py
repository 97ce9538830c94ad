"""Stories of Deribit accounts, told in virtual time against the simulated venue."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from deadman.model.guard import Phase
from deadman.model.promise import promise
from deadman.simulator.deribit.connection import Cause
from deadman.simulator.deribit.settings import DERIBIT
from deadman.simulator.deribit.venue import Deribit
from deadman.venues.deribit.settings import DeribitAccount
from tests.swarm.laws.scrapes import scraped
from tests.swarm.world.desk import DERIBIT_HOST, Desk, coinbase_account, deribit_account, lay_out, open_desk

DESK, SPARE = deribit_account(), deribit_account("spare")
LOGIN = "public/auth"
ENABLE = "private/enable_cancel_on_disconnect"


def logins(desk: Desk) -> list[float]:
    return [one.at for one in desk.exchange.received if one.method == LOGIN]


def shown(desk: Desk, metric: str, name: str = "desk") -> float:
    return scraped(desk, f"deadman_{metric}", name)


def ended(desk: Desk) -> list[Cause]:
    return [cause for _, _, cause in desk.exchange.ended]


@pytest.mark.parametrize("account", [DESK, coinbase_account("desk")], ids=["deribit", "coinbase"])
async def test_a_bare_account_is_armed_and_proven_within_three_seconds(
    account: DeribitAccount, autojump_clock: MockClock
) -> None:
    async with open_desk(account) as desk:
        assert await desk.until(Phase.ARMED, within=3) < 3
        assert desk.market.would_cancel(account)
        assert shown(desk, "account_protected") == 1


async def test_a_healthy_quiet_session_is_never_reopened(autojump_clock: MockClock) -> None:
    async with open_desk(DESK, coinbase_account()) as desk:
        await trio.sleep(1200)
        for name in desk.accounts:
            tally = desk.standing(name).tally
            assert (tally.opened, tally.lost) == (1, {})
            assert tally.test_requests > 100


@pytest.mark.parametrize("fault", ["frozen", "dead"])
async def test_a_frozen_peer_and_a_dead_application_are_replaced_within_eight_seconds(
    fault: str, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK, SPARE) as desk:
        await trio.sleep(100)
        for connection in desk.exchange.connections_of("desk"):
            setattr(connection.faults, fault, True)
        dialled = len(desk.network.dials)
        await desk.until(Phase.DEGRADED, within=promise(DESK, {}).detect + 0.2)
        assert desk.protected(), "the proof stands: what we claim is the switch, not the session"
        assert await desk.until(Phase.ARMED, within=promise(DESK, {}).rearm) < 1.5
        assert len(desk.network.dials) == dialled + 1
        assert desk.standing("spare").tally.opened == 1


async def test_a_reset_is_armed_and_proven_again_within_a_second_and_a_half(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(100)
        desk.exchange.reset("desk")
        await desk.until(Phase.DEGRADED, within=0.1)
        assert await desk.until(Phase.ARMED, within=1.5) < 1.5


async def test_ten_seconds_of_refused_dials_cost_at_most_fourteen_tries(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(100)
        desk.network.refuse(DERIBIT_HOST)
        desk.network.cut(DERIBIT_HOST)
        dialled = len(desk.network.dials)
        await trio.sleep(10)
        assert 5 <= len(desk.network.dials) - dialled <= 14
        desk.network.allow(DERIBIT_HOST)
        pace = promise(DESK, {})
        await desk.until(Phase.ARMED, within=pace.redial + pace.rearm)


async def test_a_switch_turned_off_behind_us_is_repaired(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(100)
        desk.exchange.switch("desk", on=False)
        await trio.sleep(32)
        assert desk.exchange.inherits("desk")
        assert desk.phase() is Phase.ARMED
        assert shown(desk, "cancel_on_disconnect_repairs_total") == 1


async def test_a_switch_that_cannot_be_repaired_is_shown_within_two_seconds_of_its_reading(
    autojump_clock: MockClock,
) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(100)
        desk.exchange.faults.fail[ENABLE] = 10049
        desk.exchange.switch("desk", on=False)
        await desk.until(Phase.EXPOSED, within=DESK.verify_interval + 2)
        assert shown(desk, "account_protected") == 0
        desk.exchange.faults.clear()
        await desk.until(Phase.ARMED, within=21)
        assert desk.exchange.inherits("desk")


@pytest.mark.parametrize("reaches_us", [False, True], ids=["later connections", "this connection too"])
async def test_a_venue_that_lets_new_connections_start_bare_is_exposed(
    reaches_us: bool, autojump_clock: MockClock
) -> None:
    async with lay_out(DESK) as desk:
        desk.exchange.settings = replace(DERIBIT, account_scope_covers_current=reaches_us)
        await desk.start()
        desk.exchange.faults.lying = True
        await trio.sleep(60)
        assert desk.phase() is Phase.EXPOSED
        assert shown(desk, "account_protected") == 0
        desk.exchange.faults.clear()
        await desk.until(Phase.ARMED, within=21)


async def test_a_silent_venue_leaves_the_claim_standing_no_longer_than_we_vouch(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(100)
        asked_at = desk.standing().guard.proof.asked_at  # type: ignore[union-attr]
        desk.network.freeze(DERIBIT_HOST)
        await desk.until(Phase.UNVERIFIED, within=DESK.timers.vouch)
        assert trio.current_time() == pytest.approx(asked_at + DESK.timers.vouch, abs=0.02)
        assert not desk.protected()
        desk.network.thaw(DERIBIT_HOST)
        await desk.until(Phase.ARMED, within=promise(DESK, {}).redial + promise(DESK, {}).rearm)


async def test_refused_credentials_are_told_and_tried_slowly_and_for_ever(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await desk.until(Phase.ARMED, within=3)
        desk.exchange.faults.fail[LOGIN] = 13004
        began = trio.current_time()
        desk.exchange.reset()
        await desk.until(Phase.REFUSED, within=2)
        await trio.sleep(600)
        tries = [at for at in logins(desk) if at > began]
        assert sum(at < began + 8 for at in tries) <= 4
        assert all(after - before <= 60 for before, after in pairwise(tries))
        assert ended(desk).count(Cause.HEARTBEAT) == 0
        desk.exchange.faults.clear()
        await desk.until(Phase.ARMED, within=60)


async def test_a_key_without_trading_arms_and_cannot_cancel(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        secret = desk.market.secrets["desk"].reveal()
        desk.exchange.add_key("id-desk", "desk", secret=secret, scope="account:read_write trade:read")
        desk.exchange.reset()
        await trio.sleep(3)
        assert desk.phase() is Phase.ARMED
        assert (shown(desk, "account_protected"), shown(desk, "account_can_cancel")) == (1, 0)


async def test_a_key_that_may_not_arm_is_refused_in_words(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        secret = desk.market.secrets["desk"].reveal()
        desk.exchange.add_key("id-desk", "desk", secret=secret, scope="account:read trade:read_write")
        desk.exchange.reset()
        await desk.until(Phase.REFUSED, within=3)
        trouble = desk.standing().guard.trouble
        assert trouble is not None
        assert "account:read_write" in trouble.detail


async def test_a_burst_that_the_venue_ends_is_left_alone_for_a_while(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(50)
        desk.exchange.faults.fail["private/get_cancel_on_disconnect"] = 10028
        await desk.until(Phase.DEGRADED, within=31)
        dialled, began = len(desk.network.dials), trio.current_time()
        desk.exchange.faults.clear()
        await desk.until(Phase.ARMED, within=30)
        assert trio.current_time() - began >= 14.9
        assert len(desk.network.dials) == dialled + 1


async def test_answers_slower_than_the_promise_allows_alone_raise_an_alarm(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(20)
        desk.network.delay(DERIBIT_HOST, 0.0, promise(DESK, {}).false_alarm / 2 - 0.05)
        await trio.sleep(600)
        tally = desk.standing().tally
        assert (tally.opened, tally.lost, tally.transitions.get(Phase.DEGRADED, 0)) == (1, {}, 0)


@pytest.mark.parametrize("account", [DESK, coinbase_account("desk")], ids=["deribit", "coinbase"])
async def test_a_token_is_renewed_in_band_and_the_switch_proven_after_it(
    account: DeribitAccount, autojump_clock: MockClock
) -> None:
    async with lay_out(account) as desk:
        venue = desk.market.venue(account)
        assert isinstance(venue, Deribit)
        venue.vault.settings = replace(venue.settings, token_lifetime=60)
        await desk.start()
        await trio.sleep(150)
        asked = [(one.at, one.method) for one in venue.received if one.connection == venue.received[-1].connection]
        again = [at for at, method in asked if method == LOGIN][1:]
        assert len(again) == 3, "at four fifths of its life"
        for at in again:
            after = (method for when, method in asked if when >= at and method != LOGIN)
            assert "private/get_cancel_on_disconnect" in [next(after), next(after)]
        assert (desk.standing().tally.opened, desk.standing().tally.lost) == (1, {})


async def test_a_jump_of_the_clocks_is_answered_with_a_proof_at_once(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(20)
        asked_at = desk.standing().guard.proof.asked_at  # type: ignore[union-attr]
        desk.host.stepped += 7
        await trio.sleep(0.2)
        assert desk.phase() is Phase.ARMED
        assert desk.standing().guard.proof.asked_at > asked_at  # type: ignore[union-attr]


async def test_no_trouble_of_a_venue_ever_leaves_a_test_request_unanswered(autojump_clock: MockClock) -> None:
    async with open_desk(DESK, SPARE) as desk:
        await trio.sleep(30)
        for code in (10041, 10066, 11051, 13009, 99999):
            desk.exchange.faults.fail["private/get_cancel_on_disconnect"] = code
            await trio.sleep(40)
            desk.exchange.faults.clear()
            await desk.until(Phase.ARMED, within=30)
        assert Cause.HEARTBEAT not in ended(desk)
        assert Cause.RATE not in ended(desk)


async def test_a_listing_that_hangs_costs_neither_proof_nor_session(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        desk.exchange.faults.silent.add("private/get_open_orders")
        await trio.sleep(300)
        tally = desk.standing().tally
        assert (tally.opened, tally.lost, desk.phase()) == (1, {}, Phase.ARMED)
        assert desk.standing().unprotected < 1


async def test_an_observed_account_is_looked_at_and_nothing_of_it_changed(autojump_clock: MockClock) -> None:
    async with open_desk(deribit_account(observe=True)) as desk:
        await desk.until(Phase.EXPOSED, within=3)
        await trio.sleep(60)
        assert not desk.exchange.inherits("desk")
        assert ENABLE not in {one.method for one in desk.exchange.received}
        desk.exchange.switch("desk", on=True)
        await desk.until(Phase.ARMED, within=21)
