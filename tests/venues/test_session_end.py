"""A session's end is told whatever ended it, and a venue's no to one request is not the session's end."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Literal

import pytest
import trio
from trio.testing import MockClock

from deadman.model.facts import Cause, Tripped
from deadman.model.guard import Phase
from deadman.model.promise import promise
from deadman.model.settings import STABLE
from deadman.venues.deribit.session import FIRED_CHANNEL
from tests.support.unhurried import unhurried
from tests.swarm.laws.scrapes import scraped
from tests.swarm.world.desk import DERIBIT_HOST, SXBET_HOST, Desk, deribit_account, lay_out, open_desk, sxbet_account

DESK = deribit_account()
LOGIN = "public/auth"
RETRY = DESK.timers.retry
TURN_OFF = "private/disable_cancel_on_disconnect"
UNLISTED = (11094, 13028, 10066, 99999)


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No bot is watched here, and every instant that is asked for is a session's own."""
    unhurried(monkeypatch, 0.5)


def connected(desk: Desk, name: str = "desk") -> bool:
    return any(one.account and one.account.name == name for one in desk.exchange.connections.values())


def can_cancel(desk: Desk, name: str = "desk") -> bool:
    """As a scrape shows it, which must be as the guard has it."""
    shown = scraped(desk, "deadman_account_can_cancel", name) == 1
    assert shown is (desk.standing(name).guard.session_at is not None)
    return shown


async def agrees(desk: Desk, seconds: float) -> int:
    """How often in so many seconds `can_cancel` was shown while no logged-in connection was open, or the reverse."""
    wrong = 0
    for _ in range(int(seconds)):
        await trio.sleep(1)
        wrong += can_cancel(desk) is not connected(desk)
    return wrong


@asynccontextmanager
async def short_token(refresh_tokens: Literal["given", "none"] = "given") -> AsyncIterator[Desk]:
    async with lay_out(DESK) as desk:
        settings = replace(desk.exchange.settings, token_lifetime=60, refresh_tokens=refresh_tokens)
        desk.exchange.settings = desk.exchange.vault.settings = settings
        await desk.start()
        await desk.until(Phase.ARMED, within=3)
        yield desk


@pytest.mark.parametrize("code", UNLISTED)
async def test_a_refresh_that_is_not_answered_with_a_token_never_leaves_can_cancel_without_a_session(
    code: int, autojump_clock: MockClock
) -> None:
    async with short_token() as desk:
        desk.exchange.faults.fail[LOGIN] = code
        assert await agrees(desk, 300) <= 1
        desk.exchange.faults.clear()
        await desk.until(Phase.ARMED, within=promise(DESK, {}).redial + promise(DESK, {}).rearm)
        assert can_cancel(desk)


@pytest.mark.parametrize("code", UNLISTED)
async def test_a_refresh_that_fails_once_is_tried_again_on_the_same_session(
    code: int, autojump_clock: MockClock
) -> None:
    async with short_token() as desk:
        await trio.sleep(40)
        desk.exchange.faults.fail[LOGIN] = code
        await trio.sleep(12)
        assert desk.phase() is Phase.ARMED
        assert can_cancel(desk)
        desk.exchange.faults.clear()
        await trio.sleep(60)
        assert (desk.standing().tally.opened, desk.standing().tally.lost) == (1, {})
        logins = [one for one in desk.exchange.received if one.method == LOGIN]
        assert len(logins) <= 8


@pytest.mark.parametrize("code", [*UNLISTED, 10049])
async def test_a_disarm_answered_with_a_passing_no_keeps_its_session_and_is_sent_again(
    code: int, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK) as desk:
        await desk.until(Phase.ARMED, within=3)
        desk.exchange.faults.fail[TURN_OFF] = code
        told = await desk.command("disarm", "desk", reason="lunch")
        assert not told["accounts"]["desk"]["done"]
        assert await agrees(desk, 60) == 0
        desk.exchange.faults.clear()
        await trio.sleep(promise(DESK, {}).redial + 0.5)
        assert desk.standing().guard.disarm_confirmed
        assert not desk.exchange.inherits("desk")
        assert desk.standing().tally.opened == 1


@pytest.mark.parametrize("method", ["private/subscribe", "private/get_open_orders"])
@pytest.mark.parametrize("code", [*UNLISTED, 10049, 11051, 13021])
async def test_what_is_asked_for_people_only_costs_neither_proof_nor_session(
    method: str, code: int, autojump_clock: MockClock
) -> None:
    async with lay_out(DESK) as desk:
        desk.exchange.faults.fail[method] = code
        await desk.start()
        await trio.sleep(120)
        tally = desk.standing().tally
        assert (tally.opened, tally.lost, desk.phase()) == (1, {}, Phase.ARMED)
        assert desk.standing().unprotected < 1


async def test_too_many_requests_in_answer_to_a_listing_leaves_the_venue_alone_for_a_while(
    autojump_clock: MockClock,
) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(50)
        dialled, began = len(desk.network.dials), trio.current_time()
        desk.exchange.faults.fail["private/get_open_orders"] = 10028
        await desk.until(Phase.DEGRADED, within=60)
        lost_at = trio.current_time()
        desk.exchange.faults.clear()
        await desk.until(Phase.ARMED, within=30)
        assert trio.current_time() - lost_at >= 14.9
        assert len(desk.network.dials) == dialled + 1
        assert began < lost_at


@pytest.mark.parametrize("code", [*UNLISTED, 10049])
async def test_a_cancel_answered_with_a_passing_no_goes_on_over_the_same_session(
    code: int, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK) as desk:
        await desk.until(Phase.ARMED, within=3)
        desk.exchange.exchange.place("desk")
        desk.exchange.faults.fail |= {"private/cancel_all": code, "private/cancel": code}
        desk.board.post("desk", Tripped(desk.board.clock.now(), Cause.OPERATOR, "alice"))
        assert await agrees(desk, 30) == 0
        assert desk.phase() is Phase.TRIPPING
        desk.exchange.faults.clear()
        await desk.gone("desk", within=6)
        assert desk.standing().tally.opened == 1


async def test_a_key_that_may_no_longer_cancel_is_told_when_its_token_is_renewed(autojump_clock: MockClock) -> None:
    async with short_token("none") as desk:
        secret = desk.market.secrets["desk"].reveal()
        desk.exchange.add_key("id-desk", "desk", secret=secret, scope="account:read_write trade:read")
        await trio.sleep(120)
        assert scraped(desk, "deadman_account_can_cancel", "desk") == 0
        assert desk.phase() is Phase.ARMED


@pytest.mark.parametrize("host", [DERIBIT_HOST, SXBET_HOST])
async def test_a_bug_in_the_middle_of_a_session_leaves_no_session_behind(
    host: str, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = DESK if host == DERIBIT_HOST else sxbet_account("desk", watches=())

    async def bug(*_: object) -> None:
        raise RuntimeError("a bug")

    async with open_desk(account) as desk:
        await desk.until(Phase.ARMED, within=3)
        desk.network.refuse(host)
        monkeypatch.setattr("deadman.daemon.keeper.Keeper._prove", bug)
        await trio.sleep(40)
        assert not can_cancel(desk)
        assert desk.standing().guard.session_at is None
        assert desk.standing().tally.lost == {"crash": 1}


async def test_a_reload_tells_the_end_of_the_old_session_before_the_new_one_opens(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await desk.until(Phase.ARMED, within=3)
        for interval in (20.0, 25.0, 30.0, 35.0):
            await desk.reload(replace(DESK, verify_interval=interval))
            assert not can_cancel(desk)
            await trio.sleep(3)
            assert can_cancel(desk)
            assert connected(desk)


@pytest.mark.parametrize("weather", ["refused", "hanging", "10041", "11051", "99999"])
async def test_a_session_that_can_cancel_outlives_a_fresh_connection_that_cannot_be_opened(
    weather: str, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(10)
        desk.exchange.exchange.place("desk")
        match weather:
            case "refused":
                desk.network.refuse(DERIBIT_HOST)
            case "hanging":
                desk.exchange.faults.upgrade = "hang"
            case _:
                desk.exchange.faults.fail[LOGIN] = int(weather)
        desk.exchange.switch("desk", on=False)
        await desk.until(Phase.EXPOSED, within=32)
        assert await agrees(desk, 60) == 0
        assert can_cancel(desk)
        assert not desk.protected()
        desk.board.post("desk", Tripped(desk.board.clock.now(), Cause.OPERATOR, "alice"))
        await desk.gone("desk", within=1)
        desk.network.allow(DERIBIT_HOST)
        desk.exchange.faults.clear()
        await trio.sleep(10)
        assert desk.standing().guard.proof is not None
        assert desk.standing().tally.opened == 1


async def test_a_session_subscribes_once_and_renews_its_token_by_its_refresh_token(autojump_clock: MockClock) -> None:
    async with short_token() as desk:
        await trio.sleep(150)
        asked = [(one.method, one.params) for one in desk.exchange.received if one.connection == 1]
        assert [params["channels"] for method, params in asked if method == "private/subscribe"] == [[FIRED_CHANNEL]]
        grants = [params["grant_type"] for method, params in asked if method == LOGIN]
        assert grants == ["client_signature", "refresh_token", "refresh_token", "refresh_token"]
        assert all(("access_token" in params) is method.startswith("private/") for method, params in asked)


async def test_a_session_that_was_stable_is_opened_again_at_once_however_often_it_is_lost(
    autojump_clock: MockClock,
) -> None:
    async with open_desk(DESK) as desk:
        for _ in range(6):
            await trio.sleep(STABLE + 2)
            dialled = len(desk.network.dials)
            desk.network.cut(DERIBIT_HOST)
            await trio.sleep(RETRY.first / 4 + 0.05)
            assert len(desk.network.dials) == dialled + 1


async def test_a_session_that_is_lost_before_it_is_stable_is_opened_again_ever_more_slowly(
    autojump_clock: MockClock,
) -> None:
    async with open_desk(DESK) as desk:
        await desk.until(Phase.ARMED, within=3)
        for _ in range(6):
            desk.network.cut(DERIBIT_HOST)
            await desk.until(Phase.DEGRADED, within=1)
            lost_at = trio.current_time()
            await desk.until(Phase.ARMED, within=3)
        assert trio.current_time() - lost_at > RETRY.first


async def test_a_key_that_may_not_list_orders_is_never_asked_to(autojump_clock: MockClock) -> None:
    async with lay_out(DESK) as desk:
        secret = desk.market.secrets["desk"].reveal()
        desk.exchange.add_key("id-desk", "desk", secret=secret, scope="account:read_write")
        await desk.start()
        await trio.sleep(90)
        asked = {one.method for one in desk.exchange.received}
        assert desk.phase() is Phase.ARMED
        assert not asked & {"private/subscribe", "private/get_open_orders"}


async def test_what_becomes_of_one_account_makes_no_other_ask_anything(autojump_clock: MockClock) -> None:
    async with open_desk(DESK, deribit_account("other")) as desk:
        await trio.sleep(25)
        heard = len(desk.exchange.received)
        desk.board.post("other", Tripped(desk.board.clock.now(), Cause.OPERATOR, "alice"))
        await desk.until(Phase.TRIPPED, within=1, name="other")
        later, open_ = list(desk.exchange.received)[heard:], desk.exchange.connections.items()
        ours = {number for number, one in open_ if one.account and one.account.name == "desk"}
        assert later
        assert ours
        assert not [one.method for one in later if one.connection in ours]


async def test_only_the_first_listing_of_a_session_asks_what_became_of_orders(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        exchange = desk.exchange.exchange

        def asked() -> int:
            return sum(one.method == "private/get_order_state" for one in desk.exchange.received)

        for _ in range(3):
            exchange.place("desk")
        await trio.sleep(60)
        exchange.cancel(exchange.open_orders("desk")[:1], "user_request")
        await trio.sleep(60)
        assert asked() == 0, "what comes and goes under our eyes is the bots' own"
        desk.network.cut(DERIBIT_HOST)
        exchange.cancel(exchange.open_orders("desk")[:1], "user_request")
        await trio.sleep(60)
        assert asked() == 1


async def test_a_trip_long_after_our_start_is_carried_on_at_its_own_pace(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(200)
        desk.exchange.exchange.place("desk")
        desk.exchange.faults.cancel_leaves = 1
        desk.board.post("desk", Tripped(desk.board.clock.now(), Cause.OPERATOR, "alice"))
        await trio.sleep(20)
        trip = desk.standing().guard.trip
        assert trip is not None
        assert trip.rounds > 30


async def test_a_quiet_desk_is_listed_three_times_a_minute_and_repaired_once(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(182)
        methods = Counter(one.method for one in desk.exchange.received)
        assert 7 <= methods["private/get_open_orders"] <= 10
        assert methods["private/enable_cancel_on_disconnect"] == 1
        assert methods[LOGIN] == len(desk.network.dials) == 2, "the second to see that it is inherited"
