"""Arm, disarm, trip, hold, release: what they do to the board, and when they call it done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from deadman.control.commands import COMMAND_TIMEOUT, end_disarms
from deadman.model import facts
from deadman.model.errors import Reason
from deadman.model.facts import Cause
from deadman.model.guard import Phase
from tests.support.control_desk import desk, gone, later, said


async def test_disarm_answers_when_the_venue_confirmed_and_not_before(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with desk(tmp_path) as made, trio.open_nursery() as nursery:
        made.post("desk", facts.TurnedOn(made.board.clock.now()))
        made.prove("desk")
        nursery.start_soon(later, made, 3.0, "desk", facts.DisarmConfirmed)
        start = trio.current_time()
        answer = await said(made, "disarm", accounts=["desk"], reason="lunch")
        assert answer == {"desk": {"done": True, "words": "disarmed"}}
        assert 3.0 <= trio.current_time() - start < 4.0
        guard = made.board.standing("desk").guard
        assert guard.disarm is not None
        assert (guard.disarm.by, guard.disarm.reason, guard.disarm.until) == ("alice", "lunch", None)
        assert made.board.standing("maker").guard.disarm is None


async def test_who_disarms_is_told_of_a_switch_that_stays_on_since_somebody_else_had_turned_it_on(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Whoever uninstalls believes otherwise that nothing is left behind."""
    async with desk(tmp_path) as made, trio.open_nursery() as nursery:
        made.prove("desk")
        made.prove("maker")
        nursery.start_soon(later, made, 1.0, "desk", facts.DisarmConfirmed)
        nursery.start_soon(later, made, 1.0, "maker", facts.DisarmConfirmed)
        answer = await said(made, "disarm", accounts=["desk", "maker"])
        stays = "disarmed; its cancel-on-disconnect stays on: somebody else had turned it on"
        assert {name: told["words"] for name, told in answer.items()} == {"desk": stays, "maker": "disarmed"}


async def test_a_disarm_the_venue_does_not_confirm_is_told_as_outstanding_after_ten_seconds(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with desk(tmp_path) as made:
        made.prove("maker")
        made.post("maker", facts.Lost(made.board.clock.now(), Reason.SILENT, "no answer"))
        start = trio.current_time()
        answer = await said(made, "disarm", accounts=["maker"])
        assert trio.current_time() - start == pytest.approx(COMMAND_TIMEOUT, abs=0.1)
        assert not answer["maker"]["done"]
        assert "not confirmed by the venue; the lease ends at" in answer["maker"]["words"]
        assert "no answer" in answer["maker"]["words"]


@pytest.mark.parametrize("method", ["disarm", "trip", "arm"])
async def test_a_change_that_a_restart_would_forget_says_so(
    tmp_path: Path, autojump_clock: MockClock, method: str
) -> None:
    async with desk(tmp_path) as made, trio.open_nursery() as nursery:
        nursery.start_soon(later, made, 1.0, "desk", facts.DisarmConfirmed)
        made.board.state_fault = "No space left on device"
        answer = await said(made, method, accounts=["desk"])
        assert answer["desk"]["words"].endswith(
            "; a restart would forget this: the state cannot be written (No space left on device)"
        )


@pytest.mark.parametrize(("method", "given"), [("hold", {"for": 60}), ("release", {})])
async def test_a_hold_that_a_restart_would_forget_says_so(tmp_path: Path, method: str, given: dict[str, int]) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        assert "forget" not in (await client.ask(method, watch="quoter", **given))["result"]["words"]
        made.board.state_fault = "No space left on device"
        assert "a restart would forget this" in (await client.ask(method, watch="quoter", **given))["result"]["words"]


async def test_a_disarm_with_a_time_ends_by_itself(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made, trio.open_nursery() as nursery:
        nursery.start_soon(end_disarms, made.board)
        nursery.start_soon(later, made, 1.0, "desk", facts.DisarmConfirmed)
        await said(made, "disarm", accounts=["desk"], **{"for": 60})
        await trio.sleep(57)
        assert made.board.standing("desk").phase is Phase.DISARMED
        await trio.sleep(5)
        assert made.board.standing("desk").phase is not Phase.DISARMED
        nursery.cancel_scope.cancel()


async def test_a_disarm_without_a_time_never_ends_by_itself(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made, trio.open_nursery() as nursery:
        nursery.start_soon(end_disarms, made.board)
        made.post("desk", facts.Disarmed(made.board.clock.now(), "alice"))
        await trio.sleep(3600)
        assert made.board.standing("desk").phase is Phase.DISARMED
        nursery.cancel_scope.cancel()


async def test_trip_answers_when_the_orders_are_gone_and_counts_them(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made, trio.open_nursery() as nursery:
        made.prove("desk")
        nursery.start_soon(later, made, 1.0, "desk", lambda at: facts.RoundDone(at, 3, 1))
        nursery.start_soon(later, made, 2.0, "desk", lambda at: facts.RoundDone(at, 1, 0), gone)
        answer = await said(made, "trip", accounts=["desk"], reason="fat finger")
        assert answer == {"desk": {"done": True, "words": "orders gone, 4 cancelled by deadman"}}
        trip = made.board.standing("desk").guard.trip
        assert trip is not None
        assert (trip.cause, trip.by, trip.reason) == (Cause.OPERATOR, "alice", "fat finger")


async def test_a_trip_that_does_not_come_to_zero_says_what_is_open_for_each_account(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with desk(tmp_path) as made, trio.open_nursery() as nursery:
        for account in ("desk", "maker"):
            made.prove(account)
        nursery.start_soon(later, made, 1.0, "desk", lambda at: facts.RoundDone(at, 3, 2))
        nursery.start_soon(later, made, 1.0, "maker", lambda at: facts.TripDone(at, presumed=True))
        answer = await said(made, "trip", accounts="all")
        assert not answer["desk"]["done"]
        assert answer["desk"]["words"].startswith("2 open after round 1")
        assert answer["maker"]["done"]
        assert "presumed gone" in answer["maker"]["words"]


async def test_arm_answers_when_the_venue_proved_it(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made, trio.open_nursery() as nursery:
        made.post("desk", facts.Disarmed(made.board.clock.now(), "alice"))

        async def prove() -> None:
            await trio.sleep(2)
            made.prove("desk")

        nursery.start_soon(prove)
        answer = await said(made, "arm", accounts=["desk"])
        assert answer == {"desk": {"done": True, "words": "armed, good for 60 s"}}


async def test_arm_is_done_with_an_account_that_waits_for_its_bot(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made:
        now = made.board.clock.now()
        made.post("maker", facts.Awaited(now), facts.Disarmed(now, "alice"))
        answer = await said(made, "arm", accounts=["maker"])
        assert answer == {"maker": {"done": True, "words": "no bot yet: armed once it checks in"}}


async def test_arm_waits_for_a_trip_to_come_to_zero_and_then_re_arms(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made, trio.open_nursery() as nursery:
        made.prove("desk")
        made.post("desk", facts.Tripped(made.board.clock.now(), Cause.OPERATOR, "bob"))
        nursery.start_soon(later, made, 4.0, "desk", lambda at: facts.RoundDone(at, 3, 0), gone)
        answer = await said(made, "arm", accounts=["desk"])
        assert answer["desk"]["done"]
        assert made.board.standing("desk").guard.trip is None


async def test_arm_of_a_trip_that_does_not_end_says_so_and_leaves_it_tripping(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with desk(tmp_path) as made:
        now = made.board.clock.now()
        made.post("desk", facts.Tripped(now, Cause.SILENCE, "quoter"), facts.RoundDone(now, 1, 5))
        answer = await said(made, "arm", accounts=["desk"])
        assert not answer["desk"]["done"]
        assert "still being cancelled (5 open after round 1): arm it again" in answer["desk"]["words"]
        assert made.board.standing("desk").phase is Phase.TRIPPING


async def test_arm_does_not_overrule_a_disarm_that_came_after_it(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made, trio.open_nursery() as nursery:
        made.post("desk", facts.Disarmed(made.board.clock.now(), "alice"))
        nursery.start_soon(later, made, 1.0, "desk", lambda at: facts.Disarmed(at, "bob"))
        answer = await said(made, "arm", accounts=["desk"])
        assert answer["desk"] == {"done": False, "words": "disarmed again meanwhile"}
        assert made.board.standing("desk").phase is Phase.DISARMED


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (lambda at: facts.FoundOff(at, "disabled by another key"), "the switch is off: disabled by another key"),
        (lambda at: facts.TurnedAway(at, Reason.CREDENTIALS, "13004"), "rejected by the venue: 13004"),
        (lambda at: facts.Lost(at, Reason.DNS, "no such host"), "not proven yet: no such host; deadman keeps trying"),
    ],
)
async def test_arm_says_why_it_is_not_proven(tmp_path: Path, autojump_clock: MockClock, fact: Any, words: str) -> None:
    async with desk(tmp_path) as made:
        made.post("desk", fact(made.board.clock.now()))
        assert (await said(made, "arm", accounts=["desk"]))["desk"] == {"done": False, "words": words}


async def test_an_account_that_a_reload_removed_meanwhile_is_told(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made, trio.open_nursery() as nursery:

        async def forget() -> None:
            await trio.sleep(1)
            made.board.forget("desk")

        nursery.start_soon(forget)
        assert (await said(made, "disarm", accounts=["desk"]))["desk"]["words"] == "no longer in the config"


async def test_two_commands_wait_side_by_side_and_leave_no_listener(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made:
        async with trio.open_nursery() as nursery:
            for account in ("desk", "maker"):
                nursery.start_soon(lambda name: said(made, "disarm", accounts=[name]), account)
                nursery.start_soon(later, made, 2.0, account, facts.DisarmConfirmed)
        assert not any(made.board._listeners.values())
