"""A drill: the switch is seen to fire, or that is said loudly; and nothing of it is left, whatever comes between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from math import inf
from typing import Any

import pytest
import trio
from prometheus_client import generate_latest
from trio.testing import MockClock

from deadman.model.drill import Drills
from deadman.model.guard import Phase
from deadman.model.settings import Account
from deadman.simulator.faults import Faults
from deadman.status.headline import Verdict, headline
from deadman.status.report import report
from deadman.status.schema import to_json
from deadman.status.screen import Paper, screen
from deadman.telemetry.scrape import registry
from tests.support.doors import DOORS, account_of
from tests.swarm.world.desk import Desk, deribit_account, open_desk, sxbet_account
from tests.swarm.world.life import Refused

SOCKETS, LEASES = ("deribit", "coinbase"), ("sxbet-v2", "sxbet-v3")


def desk_of(name: str) -> Account:
    return replace(account_of(name), on_trip="expire") if name == "sxbet-v2" else account_of(name)


@asynccontextmanager
async def armed(account: Account, orders: int = 3) -> AsyncIterator[Desk]:
    """A desk whose account is proven, with orders of a bot resting where they are what a drill takes."""
    async with open_desk(account) as desk:
        await desk.until(Phase.ARMED, within=5)
        if account.lease is not None:
            for _ in range(orders):
                desk.market.exchange(account).place(desk.market.owner(account))
        await trio.sleep(1)
        yield desk


async def drill(desk: Desk, **given: Any) -> dict[str, Any]:
    answer = await desk.command("drill", "desk", **{"live": True, **given})
    told: dict[str, Any] = answer["drills"][0]
    return told


def faults(desk: Desk) -> Faults:
    return desk.market.faults(desk.accounts["desk"])


@pytest.mark.parametrize("name", DOORS)
async def test_it_passes_where_the_venue_cancels_by_its_switch(name: str, autojump_clock: MockClock) -> None:
    async with armed(desk_of(name)) as desk:
        began = trio.current_time()
        told = await drill(desk)
        assert told["passed"], told
        assert trio.current_time() < began + 60
        assert desk.open_orders() == 0
        assert told["account"] == "desk"
        assert told["seconds"] == pytest.approx(20.5 if name in SOCKETS else 1.0, abs=1.5)
        known = desk.standing().guard.drills
        assert (known.under_way, known.left) == (None, None)
        assert known.passed is not None
        await desk.until(Phase.ARMED, within=5)


@pytest.mark.parametrize(("name", "late"), [*((name, inf) for name in DOORS), ("deribit", 45.0), ("sxbet-v3", 45.0)])
async def test_it_fails_and_cleans_up_where_the_venue_fires_late_or_never(
    name: str, late: float, autojump_clock: MockClock
) -> None:
    async with armed(desk_of(name)) as desk:
        faults(desk).fires_late = late
        began = trio.current_time()
        told = await drill(desk)
        assert not told["passed"]
        assert trio.current_time() < began + 60
        assert desk.standing().guard.drills.failed
        assert desk.standing().guard.drills.left is None
        await desk.until(Phase.ARMED, within=5)
        told_of = report(desk.board).accounts["desk"].if_host_dies
        assert (told_of.orders, "That was not seen in the drill of" in told_of.because) == ("unknown", True)
        assert headline(report(desk.board)).tones["desk"] == "bad"
        if name == "sxbet-v2":  # no key of that generation cancels
            assert "3 orders did not go: cancel by hand" in told["why"]
        else:
            assert desk.open_orders() == 0


async def test_it_fails_and_cleans_up_where_the_list_lies(autojump_clock: MockClock) -> None:
    async with armed(deribit_account("desk")) as desk:
        for lie in ("nothing", "gone"):
            faults(desk).lists = lie
            assert not (await drill(desk))["passed"]
            assert desk.open_orders() == 0
            assert desk.standing().guard.drills.failed
        faults(desk).lists = None
        assert (await drill(desk))["passed"]
        assert not desk.standing().guard.drills.failed


@pytest.mark.parametrize("name", LEASES)
async def test_a_lease_is_not_believed_to_have_fired_where_the_list_goes_on_naming_the_orders(
    name: str, autojump_clock: MockClock
) -> None:
    async with armed(desk_of(name)) as desk:
        faults(desk).lists = "gone"
        assert not (await drill(desk))["passed"]
        assert desk.standing().guard.drills.failed


async def test_a_lease_that_ends_by_an_operators_drill_is_missed_by_nobody(autojump_clock: MockClock) -> None:
    async with armed(sxbet_account("desk")) as desk:
        alarms: list[Phase] = []
        desk.board.listen(lambda name, before, after: alarms.append(after.phase) if after.alarming else None)
        assert (await drill(desk))["passed"]
        await trio.sleep(10)
        assert alarms == []
        assert desk.standing().tally.gone_unseen == 0
        assert desk.phase() is Phase.ARMED


async def test_a_lease_that_cannot_be_taken_again_after_a_drill_is_missed_soon(autojump_clock: MockClock) -> None:
    async with armed(sxbet_account("desk")) as desk:

        async def hang_up() -> None:
            await trio.sleep(0.9)
            faults(desk).fail = {"POST /heartbeat/v3": 503}

        desk.nursery.start_soon(hang_up)
        assert (await drill(desk))["passed"]
        await trio.sleep(6)
        assert desk.standing().alarming


async def test_orders_that_the_list_leaves_out_are_asked_for_one_by_one(autojump_clock: MockClock) -> None:
    async with armed(sxbet_account("desk")) as desk:

        async def lie() -> None:
            await trio.sleep(1.2)
            faults(desk).lists = "nothing"

        faults(desk).fires_late = inf
        desk.nursery.start_soon(lie)
        told = await drill(desk)
        assert not told["passed"]
        assert "calls them active" in told["why"]
        assert desk.open_orders() == 0


async def test_orders_that_somebody_else_cancels_prove_nothing(autojump_clock: MockClock) -> None:
    async with armed(sxbet_account("desk")) as desk:

        async def cancel() -> None:
            await trio.sleep(0.3)
            account = desk.accounts["desk"]
            desk.market.exchange(account).cancel(desk.market.open_orders(account), "user_request")

        desk.nursery.start_soon(cancel)
        told = await drill(desk)
        assert not told["passed"]
        assert not desk.standing().guard.drills.failed
        assert "somebody else" in told["why"]


STEPS = [
    ("public/ticker", 1),
    ("private/buy", 1),
    ("private/get_order_state", 1),
    ("private/buy", 2),
    ("private/cancel_by_label", 1),
]


async def seen(desk: Desk, method: str, times: int) -> None:
    """Return once the venue was asked that so often."""
    while sum(one.method == method for one in desk.market.venue(desk.accounts["desk"]).received) < times:
        await trio.sleep(0.01)


@pytest.mark.parametrize(("method", "times"), STEPS)
async def test_a_kill_in_any_step_leaves_no_order_after_the_restart(
    method: str, times: int, autojump_clock: MockClock
) -> None:
    async with armed(deribit_account("desk")) as desk:
        if times == 1:
            faults(desk).fires_late = inf  # so that nobody cleans up but us
        desk.nursery.start_soon(killed, desk)
        await seen(desk, method, times)
        faults(desk).fires_late = inf
        await desk.crash()
        await desk.start()
        await trio.sleep(100)
        assert desk.open_orders() == 0
        drills = desk.standing().guard.drills
        assert (drills.under_way, drills.left) == (None, None)
        assert desk.phase() is Phase.ARMED


async def killed(desk: Desk) -> None:
    with suppress(Refused):
        await drill(desk)


async def test_a_kill_after_the_lease_is_cut_arms_again_and_forgets_the_drill(autojump_clock: MockClock) -> None:
    async with armed(sxbet_account("desk")) as desk:
        desk.nursery.start_soon(killed, desk)
        await trio.sleep(0.6)
        await desk.crash()
        await trio.sleep(3)
        assert desk.open_orders() == 0
        await desk.start()
        await desk.until(Phase.ARMED, within=40)
        await trio.sleep(70)
        assert desk.standing().guard.drills == Drills()
        assert desk.standing().tally.gone_unseen == 0, "they went by an operator's word"


@pytest.mark.parametrize("name", ["deribit", "sxbet-v3"])
@pytest.mark.parametrize("word", ["trip", "disarm"])
async def test_a_trip_or_a_disarm_breaks_it_off_at_once(name: str, word: str, autojump_clock: MockClock) -> None:
    async with armed(desk_of(name)) as desk:
        faults(desk).fires_late = inf
        told: list[dict[str, Any]] = []

        async def begin() -> None:
            told.append(await drill(desk))

        desk.nursery.start_soon(begin)
        await trio.sleep(0.6)
        outcome = (await desk.command(word, "desk"))["accounts"]["desk"]
        await trio.sleep(10)
        assert not told[0]["passed"]
        assert "broken off" in told[0]["why"]
        assert not desk.standing().guard.drills.failed
        if word == "trip":
            assert outcome["done"]
        if word == "trip" or name == "deribit":
            assert desk.open_orders() == 0
        else:
            assert desk.open_orders() == 3, "a disarm keeps orders"
            assert not desk.market.would_cancel(desk.accounts["desk"]) or desk.phase() is Phase.DISARMED


async def test_a_reload_that_takes_the_account_away_breaks_it_off_and_nothing_rests(autojump_clock: MockClock) -> None:
    async with armed(deribit_account("desk")) as desk:
        faults(desk).fires_late = inf
        account = desk.accounts["desk"]
        desk.nursery.start_soon(drill, desk)
        await seen(desk, "private/buy", 1)
        await desk.reload(deribit_account("other"))
        await trio.sleep(15)
        assert desk.market.open_orders(account) == []


async def test_an_order_whose_placing_is_not_answered_is_cancelled_all_the_same(autojump_clock: MockClock) -> None:
    async with armed(deribit_account("desk")) as desk:
        faults(desk).fires_late, faults(desk).silent = inf, {"private/buy"}
        told = await drill(desk)
        assert not told["passed"]
        await trio.sleep(130)
        assert desk.open_orders() == 0
        assert desk.standing().guard.drills.left is None


async def test_while_no_list_can_be_had_it_is_not_called_cleaned_up(autojump_clock: MockClock) -> None:
    async with armed(deribit_account("desk")) as desk:
        faults(desk).fail = {"private/get_open_orders": 10041, "private/cancel_by_label": 10041}
        faults(desk).fires_late = inf
        told = await drill(desk)
        assert "NOT OVER yet" in told["why"]
        left = desk.standing().guard.drills.left
        assert left is not None
        assert left.remains in headline(report(desk.board)).looks[0]
        assert "an earlier one is not over" in (await drill(desk))["why"]
        faults(desk).fail = {}
        await trio.sleep(120)
        assert desk.open_orders() == 0
        assert desk.standing().guard.drills.left is None
        assert headline(report(desk.board)).verdict is Verdict.FINE
        assert desk.board.events[-1].event == "drill_cleaned"


async def test_what_could_not_be_cleaned_up_is_told_until_it_is(autojump_clock: MockClock) -> None:
    async with armed(deribit_account("desk")) as desk:
        faults(desk).fail = {"private/cancel": 11094, "private/cancel_by_label": 11094}
        faults(desk).fires_late = inf
        assert "1 order labelled" in (await drill(desk))["why"]
        assert "An order of a drill may rest" in headline(report(desk.board)).acts[0]
        faults(desk).fail = {}
        await trio.sleep(120)
        (act,) = headline(report(desk.board)).acts
        assert "not seen to fire" in act
        assert "rest, labelled" not in act
        assert "NOT OVER" not in act


async def test_where_nobody_is_left_to_clean_up_people_are_told(autojump_clock: MockClock) -> None:
    async with armed(deribit_account("desk")) as desk:
        faults(desk).fires_late = inf
        told: list[dict[str, Any]] = []

        async def begin() -> None:
            told.append(await drill(desk))

        desk.nursery.start_soon(begin)
        await seen(desk, "private/buy", 1)
        desk.network.freeze("deribit.localhost")
        await desk.reload(sxbet_account("other"))
        await trio.sleep(20)
        assert "NOT CLEANED UP" in told[0]["why"]
        assert "look for what is labelled deadman-drill-" in told[0]["why"]


async def test_a_cut_that_is_not_answered_may_take_the_orders_yet(autojump_clock: MockClock) -> None:
    async with armed(sxbet_account("desk")) as desk:
        faults(desk).silent = {"POST /heartbeat/v3"}
        told = await drill(desk)
        faults(desk).silent = set()
        assert not told["passed"]
        assert "did not say whether it has cut the lease" in told["why"]
        assert "a drill may cut its lease yet" in headline(report(desk.board)).looks[0]
        await trio.sleep(100)
        assert desk.open_orders() == 0
        assert desk.standing().guard.drills.left is None
        assert desk.standing().tally.gone_unseen == 0, "they went by an operator's word"
        assert desk.phase() is Phase.ARMED


async def test_a_connection_that_is_cut_with_all_others_tells_nothing_of_silence(autojump_clock: MockClock) -> None:
    async with armed(deribit_account("desk")) as desk:
        told: list[dict[str, Any]] = []

        async def begin() -> None:
            told.append(await drill(desk))

        desk.nursery.start_soon(begin)
        await seen(desk, "private/buy", 2)
        await trio.sleep(2)
        desk.network.cut("deribit.localhost")
        await trio.sleep(30)
        assert not told[0]["passed"]
        assert "other connections were lost" in told[0]["why"]
        assert not desk.standing().guard.drills.failed
        assert desk.open_orders() == 0


async def test_a_lease_that_a_drill_lets_end_is_told_as_that(autojump_clock: MockClock) -> None:
    async with armed(sxbet_account("desk")) as desk:
        before = len(desk.board.events)
        assert (await drill(desk))["passed"]
        texts = [one.text for one in desk.board.events[before:] if one.event == "transition"]
        assert "ARMED -> DEGRADED: renewals rest for a drill by" in texts[0]
        assert "by a drill of" in texts[1]


async def test_it_is_refused_in_words(autojump_clock: MockClock) -> None:
    async with armed(sxbet_account("desk", network="mainnet"), orders=0) as desk:
        assert "--live" in (await drill(desk, live=False))["why"]
        assert "no order is open" in (await drill(desk))["why"]
        await desk.command("disarm", "desk")
        assert "disarmed" in (await drill(desk))["why"]
        await desk.command("trip", "desk")
        assert "tripped" in (await drill(desk))["why"]
        assert desk.standing().tally.drills == {"refused": 4}
        desk.host.disk.full = True
    async with armed(deribit_account("desk")) as desk:
        desk.host.disk.full = True
        assert "the state cannot be written" in (await drill(desk))["why"]
        assert not any(one.method == "private/buy" for one in desk.exchange.received)
        await desk.reload(deribit_account("desk", observe=True))
        assert "observes" in (await drill(desk))["why"]


async def test_what_passed_is_known_after_a_restart(autojump_clock: MockClock) -> None:
    async with armed(sxbet_account("desk")) as desk:
        await drill(desk)
        known = desk.standing().guard.drills.passed
        await trio.sleep(2)
        await desk.crash()
        await desk.start()
        after = desk.standing().guard.drills.passed
        assert known is not None
        assert after is not None
        assert after.seconds == known.seconds
        assert after.at == pytest.approx(known.at, abs=1.0)


async def test_a_switch_that_did_not_fire_is_told_everywhere_until_a_drill_passes(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with armed(deribit_account("desk")) as desk:
        faults(desk).fires_late = inf
        await drill(desk)
        told = headline(report(desk.board))
        assert told.verdict is Verdict.ACT
        assert "its switch was not seen to fire in the drill" in told.acts[0]
        assert any(one.levelname == "ERROR" and "NOT SEEN TO FIRE" in one.getMessage() for one in caplog.records)
        assert metric(desk, "deadman_drill_failed") == 1
        assert metric(desk, "deadman_drill_success_timestamp_seconds") == 0
        assert desk.board.events[-1].event == "drill_failed"
        faults(desk).fires_late = 0.0
        again = await drill(desk)
        assert again["passed"], again
        assert headline(report(desk.board)).acts == ()
        assert metric(desk, "deadman_drill_failed") == 0
        now = desk.board.clock.timestamp()
        assert metric(desk, "deadman_drill_success_timestamp_seconds") == pytest.approx(now, abs=2)
        assert metric(desk, "deadman_drill_seconds") == pytest.approx(20.5, abs=1.5)
        assert metric(desk, "deadman_venue_fired_orders_total") == 0, "that order was meant to go"
        answered = to_json(report(desk.board))["accounts"]["desk"]["drill"]
        assert answered["passed"] is True
        assert any("its switch was seen to fire" in line for line in screen(report(desk.board), Paper(200)))


def metric(desk: Desk, name: str) -> float:
    lines = generate_latest(registry(desk.board)).decode().splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f'{name}{{account="desk"}}'))
