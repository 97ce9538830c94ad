"""Stories of bots that die, hang, stop and come back, and of the operator's hand, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from deadman.model.guard import Phase
from deadman.model.promise import promise
from deadman.model.settings import Account, Selection, WatchConfig
from deadman.simulator.sxbet.ledger import Settings
from deadman.status.report import report
from deadman.venues.deribit.settings import DeribitAccount
from tests.swarm.laws.scrapes import scraped
from tests.swarm.world.bot import Bot
from tests.swarm.world.desk import (
    DERIBIT_HOST,
    SXBET_HOST,
    Desk,
    coinbase_account,
    deribit_account,
    open_desk,
    sxbet_account,
)

QUOTER = WatchConfig("quoter", 2.0)
HEDGER = WatchConfig("hedger", 2.0)
WATCHED: dict[str, Any] = {"watches": ("quoter",), "on_trip": "cancel"}
DESK = deribit_account("desk", **WATCHED)
GATE = coinbase_account("gate", **WATCHED)
MAKER = sxbet_account("maker", **WATCHED)
LAPSE = sxbet_account("lapse", watches=("quoter",), on_trip="lapse")
LEGACY = sxbet_account("legacy", "v2", watches=("quoter",), on_trip="expire")
LONG = replace(MAKER, timeout_seconds=300)
ALL = (DESK, GATE, MAKER, LAPSE, LEGACY)
CUT = 1.0 + 1.0 + 0.5
"""Seconds an SX Bet lease that is cut takes to end, and to be seen ended."""


def shown(desk: Desk, metric: str, name: str) -> float:
    return scraped(desk, f"deadman_{metric}", name)


def renewals(desk: Desk, name: str) -> list[float]:
    """When a whole lease was asked for."""
    return [one.at for one in desk.sxbet.received if one.account == name and one.params.get("timeoutSeconds", 0) > 1]


async def trading(desk: Desk, *accounts: Account) -> Bot:
    """A bot that is up, with orders on all its accounts; all of them armed."""
    bot = desk.bot("quoter")
    for account in accounts:
        await desk.until(Phase.ARMED, within=5, name=account.name)
        bot.place(account, number=3)
    await trio.sleep(10)
    return bot


@pytest.mark.parametrize("account", ALL, ids=lambda account: account.name)
@pytest.mark.parametrize("end", ["hang", "die"])
async def test_a_bots_silence_takes_its_orders_within_the_promise(
    account: Account, end: str, autojump_clock: MockClock
) -> None:
    async with open_desk(account, watches=[QUOTER]) as desk:
        bot = await trading(desk, account)
        getattr(bot, end)()
        bound = promise(account, {"quoter": QUOTER}).bot
        assert bound is not None
        await trio.sleep_until(bot.beats[-1] + bound)
        assert desk.open_orders(account.name) == 0
        await desk.until(Phase.TRIPPED, within=2, name=account.name)
        assert not desk.protected(account.name)
        assert shown(desk, "account_wanted", account.name) == 0


@pytest.mark.parametrize("account", [DESK, GATE, MAKER], ids=lambda account: account.name)
async def test_an_active_cancel_comes_within_three_seconds_of_the_last_check_in(
    account: Account, autojump_clock: MockClock
) -> None:
    async with open_desk(account, watches=[QUOTER]) as desk:
        bot = await trading(desk, account)
        bot.hang()
        await trio.sleep_until(bot.beats[-1] + 1.99)
        assert desk.open_orders(account.name) == 3
        await trio.sleep_until(bot.beats[-1] + 3.0)
        assert desk.open_orders(account.name) == 0


@pytest.mark.parametrize("account", [MAKER, LAPSE, LEGACY], ids=lambda account: account.name)
async def test_nothing_is_renewed_for_a_silent_bot(account: Account, autojump_clock: MockClock) -> None:
    async with open_desk(account, watches=[QUOTER]) as desk:
        bot = await trading(desk, account)
        bot.hang()
        await trio.sleep(120)
        assert renewals(desk, account.name)[-1] <= bot.beats[-1] + 2.0 + 0.25
        assert desk.open_orders(account.name) == 0


async def test_a_lease_waits_for_the_bot_and_deribit_does_not(autojump_clock: MockClock) -> None:
    async with open_desk(*ALL, watches=[QUOTER]) as desk:
        await trio.sleep(60)
        assert [desk.phase(one.name) for one in ALL] == [Phase.ARMED, Phase.ARMED, *[Phase.WAITING] * 3]
        assert not [one for one in desk.sxbet.received if "timeoutSeconds" in one.params]
        desk.bot("quoter")
        for one in ALL:
            await desk.until(Phase.ARMED, within=1, name=one.name)


@pytest.mark.parametrize("account", ALL, ids=lambda account: account.name)
async def test_a_trigger_trips_within_a_second_and_a_later_check_in_arms_again(
    account: Account, autojump_clock: MockClock
) -> None:
    async with open_desk(account, watches=[QUOTER]) as desk:
        bot = await trading(desk, account)
        bot.hang()
        bot.say("WATCHDOG=trigger")
        await trio.sleep(0.99)
        assert desk.standing(account.name).guard.trip is not None
        assert account.on_trip != "cancel" or desk.open_orders(account.name) == 0
        await desk.until(Phase.TRIPPED, within=40, name=account.name)
        bot.beating = True
        await desk.until(Phase.ARMED, within=2, name=account.name)


@pytest.mark.parametrize("lag", [1.4, 3.0, 8.0])
async def test_a_cut_lease_is_left_to_end_however_slow_the_venue_is_to_notice(
    lag: float, autojump_clock: MockClock
) -> None:
    async with open_desk(LEGACY, watches=[QUOTER], sxbet=Settings(expiry_lag=(lag, lag))) as desk:
        bot = await trading(desk, LEGACY)
        bot.hang()
        await trio.sleep_until(bot.beats[-1] + QUOTER.timeout + 0.25 + 1.0 + lag)
        assert desk.open_orders("legacy") == 0
        await desk.until(Phase.TRIPPED, within=2, name="legacy")
        bot.beating = True
        await desk.until(Phase.ARMED, within=2, name="legacy")
        bot.place(LEGACY)
        bot.hang()
        await desk.gone("legacy", within=QUOTER.timeout + 0.5 + 1.0 + lag)


async def test_a_second_bots_orders_outside_the_selection_are_untouched(autojump_clock: MockClock) -> None:
    narrow = replace(DESK, cancel=Selection(label="quotes"))
    async with open_desk(narrow, watches=[QUOTER]) as desk:
        bot = await trading(desk)
        await desk.until(Phase.ARMED, within=3)
        bot.place(narrow, label="quotes", number=4)
        bot.place(narrow, label="hedge", number=2)
        bot.hang()
        await desk.until(Phase.TRIPPED, within=4)
        assert [order.label for order in desk.market.open_orders(narrow)] == ["hedge", "hedge"]


@pytest.mark.parametrize(
    ("type_", "stay"),
    [
        ("stop", ["limit", "take", "trailing_stop"]),
        ("take", ["limit", "stop", "trailing_stop"]),
        ("trailing_stop", ["limit", "stop", "take"]),
        ("trigger_all", ["limit"]),
        ("limit", ["stop", "take", "trailing_stop"]),
        ("all", []),
    ],
)
async def test_a_trip_of_one_type_ends_whatever_rests_of_the_others(
    type_: str, stay: list[str], autojump_clock: MockClock
) -> None:
    narrow = replace(DESK, cancel=Selection(type=type_))
    async with open_desk(narrow, watches=[QUOTER]) as desk:
        bot = await trading(desk, narrow)
        for order in desk.market.open_orders(narrow):
            desk.market.deribit.exchange.cancel([order], "autoliquidation")
        for resting in ("limit", "stop", "take", "trailing_stop"):
            desk.market.deribit.exchange.place(narrow.name, type=resting)
        bot.hang()
        await desk.until(Phase.TRIPPED, within=5)
        assert sorted(order.type for order in desk.market.open_orders(narrow)) == stay


@pytest.mark.parametrize("number", [1, 60])
@pytest.mark.parametrize("latency", [0.15, 2.0])
async def test_orders_that_go_one_by_one_are_gone_within_the_bound_that_status_prints(
    number: int, latency: float, autojump_clock: MockClock
) -> None:
    narrow = replace(DESK, cancel=Selection(label="quotes", type="limit"))
    async with open_desk(narrow, watches=[QUOTER]) as desk:
        bot = await trading(desk)
        await desk.until(Phase.ARMED, within=3)
        bot.place(narrow, label="quotes", number=number)
        bot.place(narrow, label="hedge", number=2)
        desk.market.faults(narrow).delay = latency
        await trio.sleep(30)
        fate = report(desk.board).accounts["desk"].if_bot_dies
        assert fate.because.endswith(f"one by one: {number} were open when last counted.")
        bot.hang()
        await trio.sleep_until(bot.beats[-1] + (fate.within or 0.0))
        assert {order.label for order in desk.market.open_orders(narrow)} == {"hedge"}
        await desk.until(Phase.TRIPPED, within=2 * latency + 1)
        assert not any(code == "10028" for code in desk.standing("desk").tally.errors)


@pytest.mark.parametrize(
    ("account", "cancel"), [(DESK, "private/cancel_all"), (LONG, "DELETE /orders-v3/all")], ids=["deribit", "sxbet"]
)
@pytest.mark.parametrize("fault", ["fail", "ignored", "silent", "cancel_leaves"])
async def test_a_cancel_that_goes_wrong_is_repeated_to_zero_and_called_unfinished_until_then(
    account: Account, cancel: str, fault: str, autojump_clock: MockClock
) -> None:
    async with open_desk(account, watches=[QUOTER]) as desk:
        bot = await trading(desk, account)
        knobs, code = desk.market.faults(account), 500 if account is LONG else 11051
        setattr(
            knobs,
            fault,
            {"fail": {cancel: code}, "cancel_leaves": 1}.get(fault, {cancel, "private/cancel"}),
        )
        bot.hang()
        await trio.sleep(20)
        if fault == "silent":
            assert desk.phase(account.name) is Phase.TRIPPED, "carried out though not answered, and the list says so"
            return
        assert desk.open_orders(account.name) > 0
        assert desk.phase(account.name) is Phase.TRIPPING
        assert shown(desk, "trip_unfinished", account.name) == 1
        bot.beating = True
        await trio.sleep(5)
        assert desk.phase(account.name) is Phase.TRIPPING, "whoever checks in meanwhile"
        knobs.clear()
        await desk.gone(account.name, within=10)
        await desk.until(Phase.ARMED, within=10, name=account.name)
        assert shown(desk, "trip_unfinished", account.name) == 0


@pytest.mark.parametrize("account", ALL, ids=lambda account: account.name)
async def test_an_operators_trip_cancels_and_stays_until_he_arms(account: Account, autojump_clock: MockClock) -> None:
    async with open_desk(account, watches=[QUOTER]) as desk:
        await trading(desk, account)
        answer = await desk.command("trip", account.name)
        assert answer["accounts"][account.name]["done"]
        assert desk.open_orders(account.name) == 0
        await trio.sleep(60)
        assert desk.phase(account.name) is Phase.TRIPPED, "though the bot beats"
        answer = await desk.command("arm", account.name)
        assert answer["accounts"][account.name]["done"]
        assert desk.phase(account.name) is Phase.ARMED


@pytest.mark.parametrize("host", [DERIBIT_HOST, SXBET_HOST])
async def test_our_own_networks_trouble_trips_nothing(host: str, autojump_clock: MockClock) -> None:
    async with open_desk(DESK, MAKER, watches=[QUOTER]) as desk:
        await trading(desk, DESK, MAKER)
        desk.network.freeze(host)
        await trio.sleep(200)
        desk.network.thaw(host)
        await trio.sleep(60)
        for name in desk.accounts:
            assert desk.standing(name).tally.trips == {}
            assert desk.phase(name) is Phase.ARMED


async def test_a_trip_that_cannot_reach_the_venue_is_carried_out_when_it_can(autojump_clock: MockClock) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        bot = await trading(desk, DESK)
        desk.network.freeze(DERIBIT_HOST)
        await trio.sleep(20)
        bot.hang()
        await trio.sleep(60)
        assert (desk.phase(), desk.open_orders()) == (Phase.TRIPPING, 3)
        desk.network.thaw(DERIBIT_HOST)
        pace = promise(DESK, desk.watches)
        await desk.gone("desk", within=pace.redial + pace.rearm)


@pytest.mark.parametrize("account", ALL, ids=lambda account: account.name)
async def test_a_hold_lets_a_bot_be_silent_and_ends_by_itself(account: Account, autojump_clock: MockClock) -> None:
    async with open_desk(account, watches=[QUOTER]) as desk:
        bot = await trading(desk, account)
        await desk.command("hold", watch="quoter", **{"for": 60.0})
        held_until = trio.current_time() + 60
        bot.hang()
        await trio.sleep_until(held_until - 0.1)
        assert (desk.open_orders(account.name), desk.protected(account.name)) == (3, True)
        await trio.sleep(0.4)
        assert desk.standing(account.name).guard.trip is not None


async def test_a_bot_that_is_back_before_its_hold_ends_is_never_tripped(autojump_clock: MockClock) -> None:
    async with open_desk(*ALL, watches=[QUOTER]) as desk:
        bot = await trading(desk, *ALL)
        await desk.command("hold", watch="quoter", **{"for": 60.0})
        bot.hang()
        await trio.sleep(50)
        bot.beating = True
        await trio.sleep(100)
        assert all(desk.standing(one.name).tally.trips == {} for one in ALL)


@pytest.mark.parametrize(("on_stopping", "left"), [("trip", (0, 0)), ("release", (3, 0))])
async def test_a_goodbye_does_what_the_config_says(
    on_stopping: str, left: tuple[int, int], autojump_clock: MockClock
) -> None:
    async with open_desk(DESK, MAKER, watches=[replace(QUOTER, on_stopping=on_stopping)]) as desk:  # type: ignore[arg-type]
        bot = await trading(desk, DESK, MAKER)
        bot.hang()
        bot.say("STOPPING=1")
        await trio.sleep(1)
        assert (desk.open_orders("desk"), desk.open_orders("maker")) == ((0, 0) if on_stopping == "trip" else (3, 3))
        await trio.sleep(35)
        assert (desk.open_orders("desk"), desk.open_orders("maker")) == left
        assert desk.phase("maker") is (Phase.TRIPPED if on_stopping == "trip" else Phase.WAITING)


async def test_any_one_of_several_watches_trips_and_a_watch_trips_all_of_its_accounts(
    autojump_clock: MockClock,
) -> None:
    both = replace(DESK, watches=("quoter", "hedger"))
    async with open_desk(both, MAKER, deribit_account("spare"), watches=[QUOTER, HEDGER]) as desk:
        quoter, hedger = desk.bot("quoter"), desk.bot("hedger")
        await trio.sleep(5)
        hedger.hang()
        await desk.until(Phase.TRIPPED, within=3)
        assert desk.phase("maker") is Phase.ARMED
        hedger.beating = True
        await desk.until(Phase.ARMED, within=2)
        quoter.hang()
        await desk.until(Phase.TRIPPED, within=3)
        await desk.until(Phase.TRIPPED, within=3, name="maker")
        assert desk.phase("spare") is Phase.ARMED


@pytest.mark.parametrize("seconds", [0.9, 20.0])
async def test_a_stop_of_our_own_process_trips_no_living_bot(seconds: float, autojump_clock: MockClock) -> None:
    async with open_desk(*ALL, watches=[QUOTER]) as desk:
        bot = await trading(desk, *ALL)
        began = trio.current_time()
        autojump_clock.jump(seconds)
        for beat in range(1, int(seconds / bot.every)):
            bot.say("WATCHDOG=1", at=began + beat * bot.every)
        await trio.sleep(30)
        assert all(desk.standing(one.name).tally.trips == {} for one in ALL)
        assert all(desk.phase(one.name) is Phase.ARMED for one in ALL)


async def test_a_stop_of_our_own_process_lets_no_dead_bot_live_for_longer_than_its_timeout(
    autojump_clock: MockClock,
) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        bot = await trading(desk, DESK)
        bot.hang()
        autojump_clock.jump(20)
        await trio.sleep(QUOTER.timeout + 0.5)
        assert desk.open_orders() == 0


async def test_a_suspended_machine_trips_nobody_who_slept_with_it(autojump_clock: MockClock) -> None:
    async with open_desk(*ALL, watches=[QUOTER]) as desk:
        await trading(desk, *ALL)
        desk.host.sleep(600)
        desk.exchange.reset()
        await trio.sleep(30)
        assert all(desk.standing(one.name).tally.trips == {} for one in ALL)
        assert all(desk.phase(one.name) is Phase.ARMED for one in ALL)


async def test_a_disarm_with_an_end_ends_by_itself_and_a_dead_bot_then_trips(autojump_clock: MockClock) -> None:
    async with open_desk(*ALL, watches=[QUOTER]) as desk:
        bot = await trading(desk, *ALL)
        await desk.command("disarm", *desk.accounts, **{"for": 30.0})
        await trio.sleep(20)
        assert all(desk.phase(one.name) is Phase.DISARMED for one in ALL)
        assert all(desk.open_orders(one.name) == 3 for one in ALL)
        bot.hang()
        await trio.sleep(14)
        assert all(desk.standing(one.name).guard.trip is not None for one in ALL)


async def test_a_disarm_leaves_a_switch_on_that_was_on_before_us(autojump_clock: MockClock) -> None:
    async with open_desk(deribit_account("ours"), deribit_account("theirs")) as desk:
        await desk.crash()
        desk.exchange.switch("theirs", on=True)
        desk.host.disk.data = None
        desk.exchange.switch("ours", on=False)
        await desk.start()
        await trio.sleep(3)
        answer = await desk.command("disarm", "ours", "theirs")
        assert all(one["done"] for one in answer["accounts"].values())
        assert (desk.exchange.inherits("ours"), desk.exchange.inherits("theirs")) == (False, True)


async def test_something_that_keeps_placing_orders_is_cancelled_again_and_again_but_not_hammered(
    autojump_clock: MockClock,
) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        bot = await trading(desk, DESK)
        desk.network.delay(DERIBIT_HOST, 0.1, 0.2)
        bot.hang()
        for _ in range(1200):
            bot.place(DESK)
            await trio.sleep(0.1)
        assert desk.phase() is Phase.TRIPPING
        cancels = [one.at for one in desk.exchange.received if one.method == "private/cancel_all"]
        assert sum(at > trio.current_time() - 50 for at in cancels) <= 11
        await desk.until(Phase.TRIPPED, within=6)
        assert desk.open_orders() == 0


@pytest.mark.parametrize("pause", [1.8, 1.99])
async def test_a_bot_that_checks_in_late_but_in_time_is_never_tripped(pause: float, autojump_clock: MockClock) -> None:
    async with open_desk(*ALL, watches=[QUOTER]) as desk:
        desk.bot("quoter", pause)
        await trio.sleep(200)  # ten times every phase between check-ins and our looks at them
        assert all(desk.standing(one.name).tally.trips == {} for one in ALL)
        assert all(desk.phase(one.name) is Phase.ARMED for one in ALL)


async def test_a_bot_that_flaps_is_tripped_once_for_each_silence_and_armed_once_for_each_return(
    autojump_clock: MockClock,
) -> None:
    async with open_desk(DESK, MAKER, watches=[QUOTER]) as desk:
        bot = await trading(desk, DESK, MAKER)
        for _ in range(5):
            bot.hang()
            await trio.sleep(5)
            bot.beating = True
            await trio.sleep(5)
        for name in desk.accounts:
            assert desk.standing(name).tally.trips == {"silence": 5}
            assert desk.phase(name) is Phase.ARMED


async def test_an_account_told_not_to_trip_keeps_its_orders(autojump_clock: MockClock) -> None:
    calm: DeribitAccount = replace(DESK, on_trip="none")
    async with open_desk(calm, watches=[QUOTER]) as desk:
        bot = await trading(desk, calm)
        bot.hang()
        await trio.sleep(60)
        assert (desk.open_orders(), desk.phase()) == (3, Phase.ARMED)


async def test_a_flood_of_check_ins_delays_no_answer(autojump_clock: MockClock) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        bot = await trading(desk, DESK)
        for _ in range(1000):
            for _ in range(20):
                bot.say("WATCHDOG=trigger" if trio.current_time() > 60 else "WATCHDOG=1")
            await trio.sleep(0.1)
        assert desk.standing().tally.opened == 1
        assert Phase.TRIPPED in desk.standing().tally.transitions
