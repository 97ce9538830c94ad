"""A venue that answers as late as it may is not dead; one that answers no more is found out in time."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from deadman.model.facts import Cause, Tripped
from deadman.model.guard import Phase
from deadman.model.promise import promise
from tests.swarm.world.desk import coinbase_account, deribit_account, open_desk

DESK = deribit_account()
SLOW = 4.9


@pytest.mark.parametrize("account", [DESK, coinbase_account("desk")], ids=["deribit", "coinbase"])
@pytest.mark.parametrize("seconds", [4.0, SLOW])
async def test_answers_as_late_as_they_may_be_cost_neither_session_nor_claim_nor_cancel(
    account: object, seconds: float, autojump_clock: MockClock
) -> None:
    async with open_desk(account) as desk:  # type: ignore[arg-type]
        await trio.sleep(20)
        venue = desk.market.venue(desk.accounts["desk"])
        venue.faults.delay = seconds
        await trio.sleep(600)
        tally = desk.standing().tally
        assert (tally.opened, tally.lost, desk.phase()) == (1, {}, Phase.ARMED)
        for _ in range(5):
            venue.exchange.place("desk")
        desk.board.post("desk", Tripped(desk.board.clock.now(), Cause.OPERATOR, "alice"))
        await desk.until(Phase.TRIPPED, within=30)
        assert desk.open_orders() == 0
        assert (desk.standing().tally.opened, desk.standing().tally.lost) == (1, {})


async def test_a_venue_that_is_slow_from_the_start_is_armed_over_its_first_session(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        desk.exchange.faults.delay = SLOW
        await desk.until(Phase.ARMED, within=60)
        assert (desk.standing().tally.opened, desk.standing().tally.lost) == (1, {})


@pytest.mark.parametrize("silent_after", [20.0 + 0.25 * step for step in range(16)])
@pytest.mark.parametrize("delay", [0.0, 2.0])
async def test_a_venue_that_falls_silent_at_any_instant_is_found_out_within_the_promise(
    silent_after: float, delay: float, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK) as desk:
        await desk.until(Phase.ARMED, within=3)
        desk.exchange.faults.delay = delay
        await trio.sleep_until(silent_after)
        desk.exchange.faults.silent.add("*")
        began = trio.current_time()
        await desk.until(Phase.DEGRADED, within=delay + promise(DESK, {}).detect + 0.1)
        assert trio.current_time() - began <= 8.0 + delay


async def test_an_answer_that_overtakes_a_probe_does_not_put_off_the_finding_of_a_silence(
    autojump_clock: MockClock,
) -> None:
    pace = DESK.timers
    async with open_desk(DESK) as desk:
        await desk.until(Phase.ARMED, within=3)
        desk.exchange.faults.silent.add("public/test")
        proven_at = desk.standing().guard.proof.asked_at  # type: ignore[union-attr]
        await trio.sleep_until(proven_at + pace.probe_interval + 0.5)
        desk.board.post("desk", Tripped(desk.board.clock.now(), Cause.OPERATOR, "alice"))
        await trio.sleep(0.1)
        desk.exchange.faults.silent.add("*")
        began = trio.current_time()
        while not desk.standing().tally.lost:
            await trio.sleep(0.01)
        assert trio.current_time() - began <= promise(DESK, {}).detect + 0.1
