"""What is claimed of Deribit's switch after it read off, whoever read it; and who is blamed for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from deadman.model.facts import Cause, Disarmed, Rearmed, Tripped
from deadman.model.guard import Phase
from tests.swarm.laws.scrapes import scraped
from tests.swarm.world.desk import Desk, deribit_account, lay_out, open_desk

DESK = deribit_account()
TURN_ON, TURN_OFF = "private/enable_cancel_on_disconnect", "private/disable_cancel_on_disconnect"


def shown(desk: Desk, metric: str) -> float:
    return scraped(desk, f"deadman_{metric}", "desk")


def exposures(desk: Desk) -> int:
    return desk.standing().tally.transitions.get(Phase.EXPOSED, 0)


async def false_claims(desk: Desk, seconds: float, may: float = 0.0) -> float:
    """For how long protection was shown while a bot connecting now would not have had it, after `may` seconds."""
    wrong, ends = 0.0, trio.current_time() + seconds
    while trio.current_time() < ends:
        await trio.sleep(0.05)
        wrong += 0.05 if desk.protected() and not desk.exchange.inherits("desk") else 0.0
    return max(0.0, round(wrong - may, 2))


async def by_reload(desk: Desk) -> None:
    await desk.reload(replace(DESK, verify_interval=31.0))


async def by_reset(desk: Desk) -> None:
    desk.exchange.reset("desk")


ANEW = pytest.mark.parametrize("anew", [by_reload, by_reset])


@ANEW
@pytest.mark.parametrize("trouble", [11094, 10049, 13021, "silent"])
async def test_a_switch_turned_off_behind_us_is_never_claimed_again_while_it_cannot_be_turned_on(
    anew: Callable[[Desk], Awaitable[None]], trouble: int | str, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(10)
        if isinstance(trouble, int):
            desk.exchange.faults.fail[TURN_ON] = trouble
        else:
            desk.exchange.faults.ignored.add(TURN_ON)
        desk.exchange.switch("desk", on=False)
        await anew(desk)
        assert await false_claims(desk, 120, may=3.0) == 0
        assert desk.phase() in (Phase.EXPOSED, Phase.REFUSED)
        assert shown(desk, "account_protected") == 0
        desk.exchange.faults.clear()
        await desk.until(Phase.ARMED, within=61)
        assert (exposures(desk), shown(desk, "cancel_on_disconnect_repairs_total")) == (1, 1)


@ANEW
async def test_coverage_starts_anew_where_connections_in_between_were_bare(
    anew: Callable[[Desk], Awaitable[None]], autojump_clock: MockClock
) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(10)
        desk.exchange.switch("desk", on=False)
        off_at = trio.current_time()
        await anew(desk)
        await trio.sleep(5)
        assert desk.phase() is Phase.ARMED
        since = desk.standing().guard.covered_since
        assert since is not None
        assert since >= off_at


async def test_a_switch_that_was_off_when_we_came_has_not_come_undone(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await desk.until(Phase.ARMED, within=3)
        await desk.crash()
        desk.exchange.switch("desk", on=False)
        await desk.start()
        await desk.until(Phase.ARMED, within=3)
        assert (exposures(desk), shown(desk, "cancel_on_disconnect_repairs_total")) == (0, 0)


async def test_a_disarm_and_then_an_arm_is_no_drift(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await desk.until(Phase.ARMED, within=3)
        await desk.command("disarm", "desk", reason="lunch")
        off_at = trio.current_time()
        assert not desk.exchange.inherits("desk")
        told = await desk.command("arm", "desk")
        assert told["accounts"]["desk"]["done"]
        await trio.sleep(60)
        assert (exposures(desk), shown(desk, "cancel_on_disconnect_repairs_total")) == (0, 0)
        assert (desk.standing().guard.covered_since or 0) >= off_at
        desk.exchange.switch("desk", on=False)
        await trio.sleep(32)
        assert shown(desk, "cancel_on_disconnect_repairs_total") == 1, "a stranger's hand is told again"


async def test_a_drift_that_stood_when_the_operator_disarmed_is_over(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(10)
        desk.exchange.faults.fail[TURN_ON] = 10049
        desk.exchange.switch("desk", on=False)
        await desk.until(Phase.EXPOSED, within=32)
        await desk.command("disarm", "desk", reason="lunch")
        desk.exchange.faults.clear()
        await desk.command("arm", "desk")
        assert desk.phase() is Phase.ARMED
        assert (exposures(desk), shown(desk, "cancel_on_disconnect_repairs_total")) == (1, 0)


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("after", ["arm", "trip"])
async def test_a_turn_off_that_is_not_answered_blames_nobody_once_the_account_is_armed_again(
    carried_out: bool, after: str, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK) as desk:
        await desk.until(Phase.ARMED, within=3)
        (desk.exchange.faults.silent if carried_out else desk.exchange.faults.ignored).add(TURN_OFF)
        told = await desk.command("disarm", "desk", reason="lunch")
        assert not told["accounts"]["desk"]["done"]
        now = desk.board.clock.now()
        desk.board.post("desk", Rearmed(now, "alice") if after == "arm" else Tripped(now, Cause.OPERATOR, "alice"))
        assert await false_claims(desk, 40) == 0
        assert desk.standing().guard.proof is not None
        assert desk.exchange.inherits("desk")
        assert (exposures(desk), shown(desk, "cancel_on_disconnect_repairs_total")) == (0, 0)


@pytest.mark.parametrize("late", [3.0, 6.0, 9.5])
@pytest.mark.parametrize("armed_after", [0.5, 5.5, 8.0])
async def test_a_turn_off_carried_out_after_we_stopped_waiting_finds_no_claim(
    late: float, armed_after: float, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK) as desk:
        await desk.until(Phase.ARMED, within=3)
        desk.exchange.faults.ignored.add(TURN_OFF)
        sent_at = trio.current_time()
        desk.board.post("desk", Disarmed(desk.board.clock.now(), "alice"))

        async def carry_out() -> None:
            await trio.sleep_until(sent_at + late)
            desk.exchange.switch("desk", on=False)

        desk.nursery.start_soon(carry_out)
        await trio.sleep(armed_after)
        desk.board.post("desk", Rearmed(desk.board.clock.now(), "alice"))
        assert await false_claims(desk, 60) == 0
        assert desk.phase() is Phase.ARMED
        assert exposures(desk) == 0


async def test_a_disarm_is_not_confirmed_while_an_older_request_may_yet_turn_it_on(autojump_clock: MockClock) -> None:
    async with lay_out(DESK) as desk:
        desk.exchange.faults.ignored.add(TURN_ON)
        await desk.start()
        await trio.sleep(1)
        desk.board.post("desk", Disarmed(desk.board.clock.now(), "alice"))
        await trio.sleep(6)
        assert not desk.standing().guard.disarm_confirmed
        desk.exchange.switch("desk", on=True)
        await trio.sleep(6)
        assert desk.standing().guard.disarm_confirmed
        assert not desk.exchange.inherits("desk")


async def test_an_observed_switch_that_came_undone_and_was_mended_by_others_is_no_repair_of_ours(
    autojump_clock: MockClock,
) -> None:
    async with lay_out(deribit_account(observe=True)) as desk:
        desk.exchange.switch("desk", on=True)
        await desk.start()
        await desk.until(Phase.ARMED, within=3)
        desk.exchange.switch("desk", on=False)
        await desk.until(Phase.EXPOSED, within=32)
        desk.exchange.switch("desk", on=True)
        await desk.until(Phase.ARMED, within=25)
        assert shown(desk, "cancel_on_disconnect_repairs_total") == 0


async def test_a_switch_that_reads_off_on_a_fresh_connection_alone_is_no_longer_claimed(
    autojump_clock: MockClock,
) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(10)
        desk.exchange.faults.lying = True
        desk.exchange.faults.fail[TURN_ON] = 11094
        desk.exchange.reset("desk")
        assert await false_claims(desk, 60, may=3.0) == 0
        assert desk.phase() is Phase.EXPOSED


async def test_a_venue_that_says_ok_to_turning_off_and_reads_on_is_asked_again_and_exposes_nobody(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_desk(DESK) as desk:
        await desk.until(Phase.ARMED, within=3)
        monkeypatch.setattr(type(desk.exchange), "switch", lambda *_, **__: None)
        await desk.command("disarm", "desk")
        assert not desk.standing().guard.disarm_confirmed
        desk.board.post("desk", Rearmed(desk.board.clock.now(), "alice"))
        await desk.until(Phase.ARMED, within=11)
        assert exposures(desk) == 0
