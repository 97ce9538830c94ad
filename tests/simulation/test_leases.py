"""Stories of requests that SX Bet carries out later than we waited for them, and of leases nobody has proven."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from deadman.model.guard import Phase
from deadman.model.leases import HEARD_WITHIN
from deadman.model.secret import Secret
from deadman.model.settings import WatchConfig
from deadman.model.trip import Trip
from deadman.status.headline import headline
from deadman.status.report import report
from deadman.status.schema import to_json
from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.world.desk import Desk, open_desk, sxbet_account

QUOTER = WatchConfig("quoter", 2.0)
V3 = sxbet_account()
LAPSE = sxbet_account(watches=("quoter",), on_trip="lapse")
MAKER = sxbet_account(watches=("quoter",), on_trip="cancel")
LEGACY = sxbet_account(api="v2", watches=("quoter",), on_trip="expire")
LEASES, LIST, CANCEL = "POST /heartbeat/v3", "GET /orders-v3", "DELETE /orders-v3/all"


async def carry_out(desk: Desk, seconds: float, at: float) -> None:
    """The venue comes to a request that nobody waits for any more."""
    await trio.sleep_until(at)
    desk.sxbet.leases.grant("maker", seconds)


def trip_of(desk: Desk) -> Trip:
    trip = desk.standing("maker").guard.trip
    assert trip is not None
    return trip


def told(desk: Desk) -> dict[str, Any]:
    answer: dict[str, Any] = to_json(report(desk.board).accounts["maker"])
    return answer


def asked(desk: Desk, seconds: int) -> list[float]:
    return [one.at for one in desk.sxbet.received if one.params.get("timeoutSeconds") == seconds]


async def unanswered(desk: Desk) -> None:
    """Let a renewal be lost on the way, and give it up."""
    desk.sxbet.faults.ignored = {LEASES, "POST /heartbeat"}
    before = len(desk.sxbet.received)
    while len(desk.sxbet.received) == before:
        await trio.sleep(0.01)
    await trio.sleep(V3.timers.reply_timeout + 0.1)
    desk.sxbet.faults.clear()


async def test_a_disarm_is_confirmed_only_when_no_earlier_renewal_may_take_a_lease_any_more(
    autojump_clock: MockClock,
) -> None:
    async with open_desk(V3) as desk:
        await trio.sleep(5)
        desk.sxbet.exchange.place("maker")
        await unanswered(desk)
        answer = await desk.command("disarm", "maker")
        heard_until = desk.standing("maker").guard.leases.heard_until
        desk.nursery.start_soon(carry_out, desk, 30.0, heard_until - 1.0)
        outcome = answer["accounts"]["maker"]
        assert not outcome["done"]
        assert "a lease may run until" in outcome["words"]
        while not desk.standing("maker").guard.disarm_confirmed:
            assert told(desk)["if_host_dies"]["orders"] == "unknown"
            await trio.sleep(0.1)
        assert heard_until <= trio.current_time() < heard_until + 1.0
        assert desk.sxbet.lease("maker") is None
        await trio.sleep(120)
        assert desk.open_orders("maker") == 1, "it was disarmed, and so nothing wipes the book"


async def test_a_disarm_waits_for_the_answer_to_the_renewal_under_way(autojump_clock: MockClock) -> None:
    async with open_desk(V3) as desk:
        desk.sxbet.faults.delay = 0.5
        await trio.sleep(20.25)
        assert any(one.is_open for one in desk.standing("maker").guard.leases.asked)
        answer = await desk.command("disarm", "maker")
        assert answer["accounts"]["maker"]["done"]
        assert desk.sxbet.lease("maker") is None


@pytest.mark.parametrize("account", [V3, sxbet_account(api="v2", on_trip="expire")], ids=["v3", "v2"])
async def test_a_disarm_that_the_venue_answers_with_a_lease_is_not_confirmed(
    account: SxBetAccount, autojump_clock: MockClock
) -> None:
    async with open_desk(account) as desk:
        await trio.sleep(5)
        desk.sxbet.faults.granted = 5
        answer = await desk.command("disarm", "maker")
        assert not answer["accounts"]["maker"]["done"]
        assert told(desk)["if_host_dies"]["orders"] == "unknown"
        desk.sxbet.faults.clear()
        while not desk.standing("maker").guard.disarm_confirmed:
            await trio.sleep(0.1)
        assert desk.sxbet.lease("maker") is None
        assert len(asked(desk, 0)) <= 30


async def test_after_an_unanswered_disarm_nothing_is_claimed_that_it_may_still_undo(autojump_clock: MockClock) -> None:
    async with open_desk(V3) as desk:
        await trio.sleep(5)
        desk.sxbet.faults.ignored = {LEASES}
        await desk.command("disarm", "maker")
        desk.sxbet.faults.clear()
        given_up_at = trio.current_time()
        desk.nursery.start_soon(carry_out, desk, 0.0, given_up_at + 12.0)
        answer = await desk.command("arm", "maker")
        assert "an unanswered request may still end the lease until" in answer["accounts"]["maker"]["words"]
        assert "an unanswered request may still end the lease until" in headline(report(desk.board)).acts[0]
        while not desk.protected("maker"):
            assert len(asked(desk, 30)) > 0
            await trio.sleep(0.05)
        assert desk.sxbet.lease("maker") is not None
        assert given_up_at + HEARD_WITHIN - 1.0 <= trio.current_time() <= given_up_at + HEARD_WITHIN + 1.0
        for _ in range(1000):
            assert not desk.protected("maker") or desk.sxbet.lease("maker") is not None
            await trio.sleep(0.05)


async def test_a_trip_is_presumed_done_only_after_the_lease_that_an_unanswered_renewal_may_bring(
    autojump_clock: MockClock,
) -> None:
    async with trading(LEGACY) as desk:
        desk.sxbet.faults.fail["GET /orders"] = 500
        desk.sxbet.faults.ignored = {"POST /heartbeat"}
        await trio.sleep(12)
        desk.sxbet.faults.ignored = set()
        desk.bots[0].hang()
        await trio.sleep(3)
        heard_until = desk.standing("maker").guard.leases.heard_until
        # A second before the cut lease ends, the venue comes to the renewal that we gave up.
        desk.sxbet.leases.grant("maker", 30.0)
        await until_done(desk, within=120)
        assert trip_of(desk).presumed
        assert trio.current_time() >= heard_until
        assert desk.open_orders("maker") == 0


@asynccontextmanager
async def trading(account: SxBetAccount, orders: int = 3) -> AsyncIterator[Desk]:
    """A bot that is up, an account armed for it, and orders in its book."""
    async with open_desk(account, watches=[QUOTER]) as desk:
        bot = desk.bot("quoter")
        await desk.until(Phase.ARMED, within=5, name="maker")
        bot.place(account, number=orders)
        await trio.sleep(5)
        yield desk


async def until_done(desk: Desk, within: float) -> None:
    with trio.fail_after(within):
        while desk.standing("maker").guard.trip is None or trip_of(desk).done_at is None:
            await trio.sleep(0.05)


@pytest.mark.parametrize("code", [400, 404, 500, 503])
async def test_a_cancel_that_is_answered_with_an_error_over_an_empty_book_ends_the_trip(
    code: int, autojump_clock: MockClock
) -> None:
    async with trading(MAKER, orders=0) as desk:
        desk.sxbet.faults.fail[CANCEL] = code
        desk.bots[0].hang()
        await until_done(desk, within=QUOTER.timeout + 1.0)
        assert not trip_of(desk).presumed


@pytest.mark.parametrize("code", [400, 404, 500])
async def test_a_cancel_that_is_answered_with_an_error_over_orders_is_repeated_soon(
    code: int, autojump_clock: MockClock
) -> None:
    async with trading(MAKER) as desk:
        desk.sxbet.faults.fail[CANCEL] = code
        desk.bots[0].hang()
        await trio.sleep(10)
        assert trip_of(desk).remaining == 3
        assert told(desk)["trouble"] is not None
        desk.sxbet.faults.clear()
        await until_done(desk, within=1.0)
        assert trip_of(desk).cancelled == 3


@pytest.mark.parametrize("account", [LEGACY, sxbet_account(watches=("quoter",), on_trip="expire")], ids=["v2", "v3"])
async def test_a_cut_that_is_answered_with_another_number_ends_with_the_list(
    account: SxBetAccount, autojump_clock: MockClock
) -> None:
    async with trading(account) as desk:
        desk.sxbet.faults.granted = 5
        desk.bots[0].hang()
        await desk.gone("maker", within=10)
        await until_done(desk, within=2)
        assert not trip_of(desk).presumed


@pytest.mark.parametrize("echoed", [3, 20])
async def test_cuts_that_are_always_answered_with_another_number_end_the_trip_though_no_list_can_be_read(
    echoed: int, autojump_clock: MockClock
) -> None:
    async with trading(LEGACY) as desk:
        desk.sxbet.faults.granted = echoed
        desk.sxbet.faults.garbled = {"GET /orders"}
        desk.bots[0].hang()
        await desk.until(Phase.TRIPPING, within=5, name="maker")
        with trio.fail_after(31):
            while desk.phase("maker") is Phase.TRIPPING:
                fate = told(desk)["if_bot_dies"]
                assert fate["orders"] == "cancelling" or (fate["orders"] == "unknown" and fate["within"] is not None)
                await trio.sleep(0.05)
        assert trip_of(desk).presumed
        assert desk.open_orders("maker") == 0


async def test_cuts_that_hang_for_ever_end_the_trip_when_the_lease_is_over(autojump_clock: MockClock) -> None:
    async with trading(LEGACY) as desk:
        desk.sxbet.faults.ignored = {"POST /heartbeat"}
        desk.sxbet.faults.garbled = {"GET /orders"}
        desk.bots[0].hang()
        await desk.until(Phase.TRIPPING, within=5, name="maker")
        await until_done(desk, within=45)
        assert trip_of(desk).presumed
        assert desk.open_orders("maker") == 0


@pytest.mark.parametrize("account", [LAPSE, LEGACY, MAKER], ids=["lapse", "expire", "cancel"])
@pytest.mark.parametrize("trouble", ["clock step", "suspend", "restart", "nothing"])
async def test_a_trip_whose_list_cannot_be_read_ends_when_its_orders_are_gone_and_not_before(
    account: SxBetAccount, trouble: str, autojump_clock: MockClock
) -> None:
    async with trading(account) as desk:
        knobs = desk.sxbet.faults
        knobs.garbled = {LIST, "GET /orders"}
        knobs.ignored = {CANCEL}
        desk.bots[0].hang()
        await trio.sleep(0.5)
        match trouble:
            case "clock step":
                desk.host.stepped -= 3600
            case "suspend":
                desk.host.sleep(60)
                desk.sxbet.exchange.place("maker")
            case "restart":
                await desk.crash()
                await trio.sleep(40)
                desk.sxbet.exchange.place("maker")
                await desk.start()
        with trio.fail_after(150):
            while desk.phase("maker") is not Phase.TRIPPED:
                await trio.sleep(0.05)
        assert desk.open_orders("maker") == 0


async def test_a_key_that_is_replaced_within_a_lapse_lets_its_list_be_read_again(autojump_clock: MockClock) -> None:
    async with trading(LAPSE) as desk:
        fresh = Secret("y" * 40)
        desk.sxbet.set_key("maker", fresh.reveal())
        desk.bots[0].hang()
        await desk.until(Phase.TRIPPING, within=5, name="maker")
        await trio.sleep(1)
        assert trip_of(desk).remaining is None
        before = len(desk.sxbet.received)
        await trio.sleep(5)
        assert len(desk.sxbet.received) < before + 10, "a key that is revoked is not asked with twice a second"
        desk.market.secrets["maker"] = fresh
        await trio.sleep(5)
        assert trip_of(desk).remaining == 3
        await until_done(desk, within=45)
        assert not trip_of(desk).presumed


async def test_a_lapse_with_nothing_left_to_lapse_takes_a_lease_to_end_what_is_open(autojump_clock: MockClock) -> None:
    async with trading(LAPSE) as desk:
        desk.bots[0].hang()
        await desk.crash()
        await trio.sleep(100)
        desk.sxbet.exchange.place("maker")
        await desk.start()
        await desk.gone("maker", within=90)
        await until_done(desk, within=5)


async def test_a_second_trip_soon_after_the_arming_cuts_the_lease_again_at_once(autojump_clock: MockClock) -> None:
    async with trading(LEGACY) as desk:
        bot = desk.bots[0]
        for number in (1, 2):
            bot.hang()
            await until_done(desk, within=10)
            assert len(asked(desk, 1)) == number
            bot.beating = True
            await desk.until(Phase.ARMED, within=2, name="maker")
            bot.place(LEGACY)


async def test_a_restart_inside_an_expiring_trip_cuts_the_lease_again(autojump_clock: MockClock) -> None:
    async with trading(LEGACY) as desk:
        desk.bots[0].hang()
        while not asked(desk, 1):
            await trio.sleep(0.01)
        await desk.crash()
        desk.sxbet.leases.grant("maker", 30.0)
        await desk.start()
        await desk.gone("maker", within=3)
        assert len(asked(desk, 1)) == 2


SHORT = sxbet_account(timeout_seconds=6, renew_interval=2.0)


@pytest.mark.parametrize(
    ("knob", "value", "claimed_until"),
    [("expires_at", "missing", 11), ("expires_at", "past", 8), ("wrong_echo", True, 8)],
)
async def test_a_lease_whose_answer_proves_nothing_is_renewed_all_the_same(
    knob: str, value: object, claimed_until: float, autojump_clock: MockClock
) -> None:
    """What was proven before an answer that only leaves out the end stands until its own."""
    async with open_desk(SHORT) as desk:
        await trio.sleep(5)
        setattr(desk.sxbet.faults, knob, value)
        desk.sxbet.exchange.place("maker")
        for _ in range(300):
            await trio.sleep(1)
            assert not desk.protected("maker") or trio.current_time() < claimed_until
        assert desk.sxbet.leases.fired == []
        assert told(desk)["if_host_dies"]["orders"] == "unknown"
        assert len(desk.sxbet.received) < 500


@pytest.mark.parametrize("code", [401, 403, 429, 503])
async def test_while_a_lease_of_the_last_run_may_stand_it_is_tried_for_at_its_own_pace(
    code: int, autojump_clock: MockClock
) -> None:
    async with open_desk(SHORT) as desk:
        await trio.sleep(60)
        await desk.crash()
        desk.sxbet.faults.fail = {"*": code}
        began = trio.current_time()
        await desk.start()
        await trio.sleep(SHORT.timeout_seconds)
        tries = [began] + [one.at for one in desk.sxbet.received if one.at > began and "timeoutSeconds" in one.params]
        longest = max(later - earlier for earlier, later in zip(tries, [*tries[1:], trio.current_time()], strict=True))
        assert longest <= SHORT.renew_interval + SHORT.timers.reply_timeout


async def test_a_key_refused_after_a_clock_step_is_tried_again_before_the_lease_ends(autojump_clock: MockClock) -> None:
    async with open_desk(sxbet_account(timeout_seconds=15, renew_interval=5.0)) as desk:
        await trio.sleep(60)
        desk.sxbet.faults.fail = {"*": 403}
        desk.host.stepped -= 3600
        await trio.sleep(8)
        desk.sxbet.faults.clear()
        await trio.sleep(6)
        assert desk.sxbet.leases.fired == []


@pytest.mark.parametrize("seed", range(1, 5))
async def test_a_key_that_is_good_again_two_seconds_before_the_lease_ends_saves_it(
    seed: int, autojump_clock: MockClock
) -> None:
    async with open_desk(sxbet_account(timeout_seconds=30, renew_interval=10.0), seed=seed) as desk:
        await trio.sleep(55)
        desk.sxbet.faults.fail = {"*": 403}
        await trio.sleep((desk.standing("maker").guard.lease_end or 0.0) - trio.current_time() - 2.0)
        desk.sxbet.faults.clear()
        await trio.sleep(6)
        assert desk.sxbet.leases.fired == []
        assert desk.protected("maker")


async def test_a_trip_of_an_earlier_run_speaks_for_no_book_while_a_lease_of_it_may_stand(
    autojump_clock: MockClock,
) -> None:
    async with trading(LEGACY) as desk:
        bot = desk.bots[0]
        bot.hang()
        await until_done(desk, within=10)
        await trio.sleep(1)
        desk.host.disk.full = True
        bot.beating = True
        await desk.until(Phase.ARMED, within=2, name="maker")
        bot.place(LEGACY)
        await trio.sleep(12)
        bot.hang()
        await desk.crash()
        desk.sxbet.faults.garbled = {"GET /orders"}
        await desk.start()
        await trio.sleep(0.2)
        assert desk.phase("maker") is Phase.TRIPPED
        while desk.open_orders("maker"):
            assert told(desk)["if_host_dies"]["orders"] == "unknown"
            await trio.sleep(0.5)


async def stop(desk: Desk) -> None:
    """SIGTERM: what has changed is written once more."""
    desk.running = False
    desk.life.scope.cancel()
    await desk.life.ended.wait()


async def test_after_a_crash_a_disarm_waits_for_what_the_last_run_may_have_asked_for(autojump_clock: MockClock) -> None:
    async with open_desk(V3) as desk:
        await trio.sleep(35)
        await desk.crash()
        await desk.start()
        began = trio.current_time()
        desk.nursery.start_soon(carry_out, desk, 30.0, began + 20.0)
        await trio.sleep(5)
        answer = await desk.command("disarm", "maker")
        assert not answer["accounts"]["maker"]["done"]
        while not desk.standing("maker").guard.disarm_confirmed:
            await trio.sleep(0.1)
        assert trio.current_time() >= began + HEARD_WITHIN
        assert desk.sxbet.lease("maker") is None


async def test_after_a_stop_with_every_request_answered_a_disarm_is_confirmed_at_once(
    autojump_clock: MockClock,
) -> None:
    async with open_desk(V3) as desk:
        await trio.sleep(35)
        await stop(desk)
        await desk.start()
        await trio.sleep(5)
        answer = await desk.command("disarm", "maker")
        assert answer["accounts"]["maker"]["done"]


async def test_after_a_stop_with_a_request_under_way_a_disarm_waits(autojump_clock: MockClock) -> None:
    async with open_desk(V3) as desk:
        await trio.sleep(35)
        await unanswered(desk)
        await stop(desk)
        await desk.start()
        answer = await desk.command("disarm", "maker")
        assert not answer["accounts"]["maker"]["done"]


async def test_a_longer_lease_of_an_older_config_counts_after_a_restart(autojump_clock: MockClock) -> None:
    long = sxbet_account(timeout_seconds=300, watches=("quoter",), on_trip="lapse")
    async with trading(long) as desk:
        await stop(desk)
        desk.accounts = {"maker": LAPSE}
        await desk.start()
        end = desk.standing("maker").guard.lease_end
        assert end is not None
        assert end >= trio.current_time() + 299.0


async def test_a_first_disarm_on_a_new_desk_is_confirmed_at_once(autojump_clock: MockClock) -> None:
    async with open_desk(V3) as desk:
        await trio.sleep(1)
        answer = await desk.command("disarm", "maker")
        assert answer["accounts"]["maker"]["done"]


async def test_after_a_crash_in_a_disarm_nothing_is_claimed_that_its_nought_may_undo(autojump_clock: MockClock) -> None:
    async with open_desk(V3) as desk:
        await trio.sleep(5)
        desk.sxbet.faults.ignored = {LEASES}
        await desk.command("disarm", "maker")
        await desk.crash()
        desk.sxbet.faults.clear()
        await desk.start()
        began = trio.current_time()
        desk.nursery.start_soon(carry_out, desk, 0.0, began + 25.0)
        await desk.command("arm", "maker")
        for _ in range(800):
            assert not desk.protected("maker") or desk.sxbet.lease("maker") is not None
            await trio.sleep(0.05)
        assert desk.protected("maker")


async def test_a_disarm_that_is_not_believed_yet_is_asked_again_at_the_pace_of_renewals(
    autojump_clock: MockClock,
) -> None:
    async with open_desk(V3) as desk:
        await trio.sleep(5)
        await unanswered(desk)
        await desk.command("disarm", "maker")
        heard_until = desk.standing("maker").guard.leases.heard_until
        await trio.sleep_until(heard_until + 0.5)
        assert desk.standing("maker").guard.disarm_confirmed
        noughts = asked(desk, 0)
        assert all(later - sooner <= V3.renew_interval + 0.5 for sooner, later in pairwise(noughts))
        assert len(noughts) >= 3
