"""Stories of our own end: crashes, restarts, disks that fail, and reloads, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
import trio
from trio.testing import MockClock

from deadman.daemon.state import REMEMBER_TIMEOUT
from deadman.model.guard import Phase
from deadman.model.leases import HEARD_WITHIN
from deadman.model.settings import Account, WatchConfig
from deadman.simulator.deribit.connection import Connection
from deadman.status.report import report
from tests.swarm.world.bot import Bot
from tests.swarm.world.desk import DERIBIT_HOST, Desk, coinbase_account, deribit_account, open_desk, sxbet_account

QUOTER = WatchConfig("quoter", 2.0)
DESK = deribit_account("desk", watches=("quoter",), on_trip="cancel")
MAKER = sxbet_account("maker", watches=("quoter",), on_trip="cancel")
LAPSE = sxbet_account("lapse", watches=("quoter",), on_trip="lapse")
LEGACY = sxbet_account("legacy", "v2", watches=("quoter",), on_trip="expire")
ALL = (DESK, MAKER, LAPSE, LEGACY)
NAMED = pytest.mark.parametrize("account", ALL, ids=lambda account: account.name)


async def trading(desk: Desk, *accounts: Account) -> Bot:
    bot = desk.bot("quoter")
    for account in accounts:
        await desk.until(Phase.ARMED, within=5, name=account.name)
        bot.place(account, number=3)
    await trio.sleep(10)
    return bot


async def restart(desk: Desk, after: float = 1.0) -> None:
    await desk.crash()
    await trio.sleep(after)
    await desk.start()


def ours(desk: Desk) -> list[Connection]:
    return [one for one in desk.exchange.connections_of() if one.address != "bots"]


@NAMED
async def test_a_bot_that_died_with_us_is_tripped_after_our_restart(
    account: Account, autojump_clock: MockClock
) -> None:
    async with open_desk(account, watches=[QUOTER]) as desk:
        bot = await trading(desk, account)
        bot.hang()
        await restart(desk)
        began = trio.current_time()
        await desk.gone(account.name, within=QUOTER.timeout + 0.25 + 35.0)
        if account in (DESK, MAKER):
            assert trio.current_time() - began <= QUOTER.timeout + 0.5


@pytest.mark.parametrize("absence", [0.0, 1.0, 15.0])
async def test_a_restart_with_living_bots_trips_nothing_and_lets_no_lease_lapse(
    absence: float, autojump_clock: MockClock
) -> None:
    async with open_desk(*ALL, watches=[QUOTER]) as desk:
        await trading(desk, *ALL)
        await restart(desk, absence)
        await trio.sleep(60)
        assert all(desk.standing(one.name).tally.trips == {} for one in ALL)
        assert all(desk.open_orders(one.name) == 3 for one in ALL)
        assert all(desk.phase(one.name) is Phase.ARMED for one in ALL)
        assert desk.sxbet.leases.fired == []


async def test_a_crash_sends_nothing_to_any_venue(autojump_clock: MockClock) -> None:
    async with open_desk(*ALL, watches=[QUOTER]) as desk:
        await trading(desk, *ALL)
        before = (len(desk.exchange.received), len(desk.sxbet.received))
        await desk.crash()
        await trio.sleep(5)
        assert (len(desk.exchange.received), len(desk.sxbet.received)) == before
        assert desk.exchange.inherits("desk"), "the switch outlives us"


@NAMED
@pytest.mark.parametrize("cause", ["silence", "operator"])
async def test_a_trip_that_we_did_not_survive_is_finished_by_our_next_run(
    account: Account, cause: str, autojump_clock: MockClock
) -> None:
    async with open_desk(account, watches=[QUOTER]) as desk:
        bot = await trading(desk, account)
        desk.market.faults(account).dead = True
        if cause == "operator":
            answer = await desk.command("trip", account.name)
            assert not answer["accounts"][account.name]["done"]
        else:
            bot.hang()
            await trio.sleep(3)
        await restart(desk)
        assert desk.phase(account.name) is Phase.TRIPPING
        bot.beating = True
        await trio.sleep(1)
        assert desk.phase(account.name) is Phase.TRIPPING
        desk.market.faults(account).clear()
        await desk.gone(account.name, within=45)
        if cause == "operator":
            await trio.sleep(20)
            assert desk.phase(account.name) is Phase.TRIPPED, "it is latched until somebody arms"
        else:
            # The cut that the dead venue did not answer may be carried out yet, and would undo what is armed before.
            unanswered = HEARD_WITHIN if account is LEGACY else 0.0
            await desk.until(Phase.ARMED, within=20 + unanswered, name=account.name)


@NAMED
async def test_disarmed_is_remembered_and_undone_by_nobody_but_an_operator(
    account: Account, autojump_clock: MockClock
) -> None:
    async with open_desk(account, watches=[QUOTER]) as desk:
        await trading(desk, account)
        await desk.command("disarm", account.name)
        for _ in range(3):
            await restart(desk)
            await trio.sleep(10)
            assert desk.phase(account.name) is Phase.DISARMED
        assert desk.open_orders(account.name) == 3
        answer = await desk.command("arm", account.name)
        assert answer["accounts"][account.name]["done"]


async def test_an_operators_trip_is_latched_across_restarts(autojump_clock: MockClock) -> None:
    async with open_desk(*ALL, watches=[QUOTER]) as desk:
        await trading(desk, *ALL)
        await desk.command("trip", *desk.accounts)
        await restart(desk)
        await trio.sleep(30)
        assert all(desk.phase(one.name) is Phase.TRIPPED for one in ALL)


async def test_a_hold_is_remembered_to_its_end(autojump_clock: MockClock) -> None:
    async with open_desk(*ALL, watches=[QUOTER]) as desk:
        bot = await trading(desk, *ALL)
        await desk.command("hold", watch="quoter", **{"for": 60.0})
        bot.hang()
        await trio.sleep(20)
        await restart(desk)
        await trio.sleep(38)
        assert all(desk.open_orders(one.name) == 3 for one in ALL)
        await trio.sleep(6)
        assert all(desk.standing(one.name).guard.trip is not None for one in ALL)


async def test_a_damaged_state_takes_every_bot_for_one_that_was_alive(autojump_clock: MockClock) -> None:
    async with open_desk(*ALL, watches=[QUOTER]) as desk:
        bot = await trading(desk, *ALL)
        bot.hang()
        await desk.crash()
        assert desk.host.disk.data is not None
        desk.host.disk.data = desk.host.disk.data[:-20]
        await desk.start()
        await trio.sleep(QUOTER.timeout + 0.5)
        assert all(desk.standing(one.name).guard.trip is not None for one in ALL)
        assert desk.host.disk.aside != []


async def test_a_damaged_state_may_have_known_of_a_lease_that_is_yet_to_be_cut(autojump_clock: MockClock) -> None:
    async with open_desk(LEGACY, watches=[QUOTER]) as desk:
        bot = await trading(desk, LEGACY)
        desk.sxbet.faults.late["POST /heartbeat"] = 20.0
        bot.hang()
        await trio.sleep(5)
        await desk.crash()
        assert desk.host.disk.data is not None
        desk.host.disk.data = desk.host.disk.data[:-20]
        desk.sxbet.faults.clear()
        desk.bot("quoter")
        await desk.start()
        for _ in range(400):
            await trio.sleep(0.1)
            assert not desk.protected("legacy") or desk.market.would_cancel(LEGACY)
        assert desk.protected("legacy")


async def test_a_cut_that_may_yet_be_carried_out_is_remembered_over_the_end_of_its_trip(
    autojump_clock: MockClock,
) -> None:
    legacy = replace(LEGACY, timeout_seconds=15, renew_interval=5.0)
    async with open_desk(legacy, watches=[QUOTER]) as desk:
        bot = await trading(desk, legacy)
        desk.sxbet.faults.late["POST /heartbeat"] = 25.0
        bot.hang()
        await trio.sleep(4)
        desk.sxbet.faults.clear()
        await desk.until(Phase.TRIPPED, within=30, name="legacy")
        bot.beating = True
        await trio.sleep(1)
        await desk.crash()
        await desk.start()
        for _ in range(500):
            await trio.sleep(0.1)
            end, proof = desk.market.lease_end(legacy), desk.standing("legacy").guard.proof
            claimed = proof.expiry if proof and desk.protected("legacy") else 0.0
            assert (end or 0.0) >= claimed - 0.01
        assert desk.protected("legacy")


@pytest.mark.parametrize("disk", ["full", "hung"])
async def test_a_trip_never_waits_for_the_disk(disk: str, autojump_clock: MockClock) -> None:
    async with open_desk(DESK, MAKER, watches=[QUOTER]) as desk:
        bot = await trading(desk, DESK, MAKER)
        desk.host.disk.full, desk.host.disk.seconds = disk == "full", inf if disk == "hung" else 0.0
        bot.hang()
        await trio.sleep_until(bot.beats[-1] + QUOTER.timeout + 0.3)
        assert [desk.open_orders(one) for one in ("desk", "maker")] == [0, 0]


@pytest.mark.parametrize("disk", ["full", "hung"])
async def test_a_bots_first_lease_waits_for_the_disk_but_not_for_long(disk: str, autojump_clock: MockClock) -> None:
    async with open_desk(MAKER, watches=[QUOTER]) as desk:
        await trio.sleep(1)
        desk.host.disk.full, desk.host.disk.seconds = disk == "full", inf if disk == "hung" else 0.0
        desk.bot("quoter")
        await desk.until(Phase.ARMED, within=REMEMBER_TIMEOUT + 0.2, name="maker")


async def test_a_living_bot_is_on_the_disk_before_its_first_lease(autojump_clock: MockClock) -> None:
    async with open_desk(MAKER, watches=[QUOTER]) as desk:
        await trio.sleep(1)
        desk.host.disk.seconds = 1.0
        began = trio.current_time()
        bot = desk.bot("quoter")
        await desk.until(Phase.ARMED, within=3, name="maker")
        assert trio.current_time() - began >= 1.0
        bot.place(MAKER)
        bot.hang()
        await restart(desk, 0.0)
        await desk.until(Phase.TRIPPED, within=QUOTER.timeout + 1, name="maker")
        assert desk.open_orders("maker") == 0


async def test_a_reload_leaves_an_unchanged_account_its_very_connection(autojump_clock: MockClock) -> None:
    gate, spare = coinbase_account(), deribit_account("spare")
    async with open_desk(DESK, gate, spare, MAKER, watches=[QUOTER]) as desk:
        await trading(desk, DESK, MAKER)
        before, session = ours(desk), desk.standing("gate").guard.session_at
        await desk.reload(DESK, gate, replace(spare, verify_interval=7.0), MAKER, watches=[QUOTER])
        await trio.sleep(30)
        kept = [one for one in before if one.ended is None]
        assert {one.account.name for one in kept if one.account} == {"desk"}
        assert desk.standing("gate").guard.session_at == session
        assert all(desk.standing(name).unprotected < 4 for name in desk.accounts)


async def test_a_changed_account_keeps_its_guard_its_lease_and_its_bots_last_check_in(
    autojump_clock: MockClock,
) -> None:
    async with open_desk(MAKER, watches=[QUOTER]) as desk:
        bot = await trading(desk, MAKER)
        bot.hang()
        await trio.sleep_until(bot.beats[-1] + 1.0)
        await desk.reload(replace(MAKER, renew_interval=4.0), watches=[QUOTER])
        assert desk.protected("maker")
        await trio.sleep_until(bot.beats[-1] + 2.3)
        assert desk.open_orders("maker") == 0


async def test_a_removed_account_falls_silent_and_its_lease_runs_out(autojump_clock: MockClock) -> None:
    async with open_desk(DESK, MAKER, watches=[QUOTER]) as desk:
        await trading(desk, DESK, MAKER)
        await desk.reload(DESK, watches=[QUOTER])
        heard = [one for one in desk.sxbet.received if one.at >= trio.current_time()]
        await trio.sleep(35)
        assert [one for one in desk.sxbet.received if one.at > trio.current_time() - 34] == heard == []
        assert len(desk.sxbet.exchange.open_orders("maker")) == 0
        assert desk.phase() is Phase.ARMED


async def test_an_account_of_a_dead_bot_is_taken_up_without_a_lease(autojump_clock: MockClock) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        bot = await trading(desk, DESK)
        bot.hang()
        await desk.until(Phase.TRIPPED, within=3)
        await desk.reload(DESK, MAKER, LEGACY, watches=[QUOTER])
        await trio.sleep(10)
        asked = [one.params["timeoutSeconds"] for one in desk.sxbet.received if "timeoutSeconds" in one.params]
        assert set(asked) <= {1}, "but the lease that expire cuts"


async def test_an_account_that_was_dropped_and_taken_up_again_starts_anew_for_good(autojump_clock: MockClock) -> None:
    async with open_desk(DESK, MAKER, watches=[QUOTER]) as desk:
        await trading(desk, DESK, MAKER)
        await desk.command("disarm", "maker")
        await desk.reload(DESK, watches=[QUOTER])
        await trio.sleep(1)
        await desk.reload(DESK, MAKER, watches=[QUOTER])
        await desk.until(Phase.ARMED, within=1, name="maker")
        await restart(desk)
        await desk.until(Phase.ARMED, within=1, name="maker")


async def test_orders_of_a_bot_that_traded_on_while_we_were_away_are_not_called_gone(
    autojump_clock: MockClock,
) -> None:
    async with open_desk(MAKER, watches=[QUOTER]) as desk:
        bot = await trading(desk, MAKER)
        await desk.command("trip", "maker")
        await trio.sleep(1)
        await desk.crash()
        bot.place(MAKER)
        await desk.start()
        fate = report(desk.board).accounts["maker"].if_host_dies
        assert fate.orders != "gone"


async def test_a_shorter_lease_that_went_unanswered_bounds_the_claim(autojump_clock: MockClock) -> None:
    async with open_desk(MAKER, watches=[QUOTER]) as desk:
        await trading(desk, MAKER)
        desk.sxbet.faults.silent.add("*")
        await desk.reload(replace(MAKER, timeout_seconds=5, renew_interval=1.5), watches=[QUOTER])
        await trio.sleep(0.1)
        desk.sxbet.faults.dead = True
        while desk.protected("maker"):
            assert desk.market.would_cancel(MAKER)
            await trio.sleep(0.1)
        assert desk.sxbet.leases.fired == [] or desk.sxbet.leases.fired[-1][0] >= trio.current_time() - 5


async def test_bots_that_outlive_our_host_are_covered_by_the_venue_alone(autojump_clock: MockClock) -> None:
    async with open_desk(DESK, MAKER, watches=[QUOTER]) as desk:
        bot = await trading(desk, DESK, MAKER)
        desk.network.freeze(DERIBIT_HOST)
        await desk.crash()
        await trio.sleep(31)
        assert desk.open_orders("maker") == 0, "the lease ran out"
        assert desk.open_orders("desk") == 3, "the bot's own connection lives"
        bot.die(DESK)
        assert desk.open_orders("desk") == 0, "and its orders die with it, since they were placed after the arming"
