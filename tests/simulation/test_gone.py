"""Orders that vanish while nobody looks are told and counted; what a bot itself does is not called that."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from deadman.model.guard import Phase
from deadman.model.settings import Account, WatchConfig
from deadman.status.headline import Verdict, headline
from deadman.status.report import report
from deadman.venues.sxbet.settings import SxBetAccount
from tests.support.unhurried import unhurried
from tests.swarm.laws.scrapes import scraped
from tests.swarm.world.bot import Bot
from tests.swarm.world.desk import SXBET_HOST, Desk, deribit_account, open_desk, sxbet_account

QUOTER = WatchConfig("quoter", 2.0)
DESK = deribit_account("desk", watches=("quoter",), on_trip="cancel")
MAKER = sxbet_account("maker", watches=("quoter",), on_trip="cancel")
LEGACY = sxbet_account("legacy", "v2", watches=("quoter",), on_trip="expire")
LEASED = pytest.mark.parametrize("account", [MAKER, LEGACY], ids=lambda account: account.name)
MANY = 39


async def trading(desk: Desk, account: Account, number: int = MANY, rest: float = 10.0) -> Bot:
    """A bot that is up, with so many orders resting for some seconds."""
    bot = desk.bot("quoter")
    await desk.until(Phase.ARMED, within=5, name=account.name)
    await trio.sleep(30.0)
    bot.place(account, number=number)
    await trio.sleep(rest)
    return bot


def missed(desk: Desk, account: Account) -> float:
    return scraped(desk, "deadman_orders_gone_unseen_total", account.name)


def said(desk: Desk) -> str:
    shown = headline(report(desk.board))
    return "" if shown.verdict is Verdict.FINE else " ".join((*shown.acts, *shown.looks))


@pytest.mark.parametrize("rest", [6.0, 45.0])
async def test_a_venue_that_resets_all_connections_takes_orders_that_are_missed(
    rest: float, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        await trading(desk, DESK, rest=rest)
        with caplog.at_level(logging.WARNING):
            desk.exchange.reset()
            await trio.sleep(15.0)
        assert missed(desk, DESK) == MANY
        assert f"{MANY} orders gone, and not by us" in said(desk)
        told = [one for one in caplog.records if getattr(one, "event", "") == "orders_gone_unseen"]
        assert [getattr(one, "orders", None) for one in told] == [MANY]
        unhurried(monkeypatch, 0.9)
        await trio.sleep(3600.0)
        assert (missed(desk, DESK), said(desk)) == (MANY, "")


async def test_orders_that_no_connection_carries_stay_and_the_others_are_missed(autojump_clock: MockClock) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        for _ in range(5):
            desk.exchange.exchange.place(DESK.name)
        await trading(desk, DESK)
        desk.exchange.reset()
        await trio.sleep(15.0)
        assert desk.open_orders() == 5
        assert missed(desk, DESK) == MANY


@pytest.mark.parametrize("kept", [0, 5])
async def test_a_bot_that_cancels_its_own_while_we_are_away_is_not_missed(kept: int, autojump_clock: MockClock) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        await trading(desk, DESK, number=20)
        for connection in desk.exchange.connections_of("desk"):
            if connection.address != "bots":
                desk.exchange.end(connection)
        orders = desk.market.open_orders(DESK)
        desk.exchange.exchange.cancel(orders[kept:], "user_request")
        await trio.sleep(30.0)
        assert (missed(desk, DESK), said(desk)) == (0, "")


@LEASED
async def test_a_lease_that_runs_out_while_the_venue_is_away_takes_orders_that_are_missed(
    account: Account, autojump_clock: MockClock
) -> None:
    async with open_desk(account, watches=[QUOTER]) as desk:
        await trading(desk, account, rest=45.0)
        desk.network.freeze(SXBET_HOST)
        await trio.sleep(60.0)
        desk.network.thaw(SXBET_HOST)
        await trio.sleep(60.0)
        assert missed(desk, account) == MANY
        assert "its lease ran out" in said(desk)


@LEASED
async def test_a_lease_that_runs_out_while_we_are_stopped_takes_orders_that_are_missed(
    account: Account, autojump_clock: MockClock
) -> None:
    async with open_desk(account, watches=[QUOTER]) as desk:
        await trading(desk, account, rest=130.0)
        await desk.crash()
        await trio.sleep(90.0)
        await desk.start()
        await trio.sleep(30.0)
        assert missed(desk, account) == MANY
        assert f"{MANY} orders gone, and not by us" in said(desk)


@pytest.mark.parametrize("account", [DESK, MAKER, LEGACY], ids=lambda account: account.name)
async def test_a_trip_takes_orders_that_nobody_misses(account: Account, autojump_clock: MockClock) -> None:
    async with open_desk(account, watches=[QUOTER]) as desk:
        bot = await trading(desk, account, rest=45.0)
        bot.hang()
        await desk.until(Phase.TRIPPED, within=10, name=account.name)
        await desk.crash()
        await desk.start()
        bot.beating = True
        await trio.sleep(90.0)
        assert missed(desk, account) == 0


@pytest.mark.parametrize("account", [DESK, MAKER, LEGACY], ids=lambda account: account.name)
async def test_orders_that_rest_over_a_restart_of_ours_are_not_missed(
    account: Account, autojump_clock: MockClock
) -> None:
    async with open_desk(account, watches=[QUOTER]) as desk:
        await trading(desk, account, rest=130.0)
        await desk.crash()
        await trio.sleep(2.0)
        await desk.start()
        await trio.sleep(60.0)
        assert (desk.open_orders(account.name), missed(desk, account)) == (MANY, 0)


async def test_a_goodbye_lets_a_lease_run_out_and_nobody_misses_its_orders(autojump_clock: MockClock) -> None:
    async with open_desk(MAKER, watches=[WatchConfig("quoter", 2.0, "release")]) as desk:
        bot = await trading(desk, MAKER, rest=45.0)
        bot.hang()
        bot.say("STOPPING=1")
        await trio.sleep(90.0)
        bot.beating = True
        await trio.sleep(60.0)
        assert (desk.open_orders("maker"), missed(desk, MAKER)) == (0, 0)


@LEASED
async def test_once_the_venue_is_back_nothing_is_called_fine_before_the_orders_are_listed_anew(
    account: SxBetAccount, autojump_clock: MockClock
) -> None:
    short = replace(account, timeout_seconds=5, renew_interval=1.5)
    async with open_desk(short, watches=[QUOTER]) as desk:
        await trading(desk, short, rest=25.0)
        counted_at = desk.standing(account.name).guard.open_orders_at
        while desk.standing(account.name).guard.open_orders_at == counted_at:
            await trio.sleep(0.1)
        desk.network.freeze(SXBET_HOST)
        await trio.sleep(7.0)
        desk.network.thaw(SXBET_HOST)
        await desk.until(Phase.ARMED, within=10, name=account.name)
        with trio.fail_after(3.0):
            while not missed(desk, account):
                assert said(desk)
                await trio.sleep(0.01)
        assert missed(desk, account) == MANY


async def test_while_the_list_cannot_be_read_the_orders_of_before_are_a_doubt_and_not_fine(
    autojump_clock: MockClock,
) -> None:
    async with open_desk(MAKER, watches=[QUOTER]) as desk:
        await trading(desk, MAKER, rest=45.0)
        assert not said(desk)
        desk.sxbet.faults.garbled = {"GET /orders-v3"}
        desk.network.freeze(SXBET_HOST)
        await trio.sleep(45.0)
        desk.network.thaw(SXBET_HOST)
        await desk.until(Phase.ARMED, within=30, name="maker")
        for _ in range(30):
            await trio.sleep(1.0)
            assert "nobody knows what rests" in said(desk)
            assert report(desk.board).accounts["maker"].open_orders == MANY
        desk.sxbet.faults.clear()
        await trio.sleep(12.0)
        assert f"{MANY} orders gone, and not by us" in said(desk)
