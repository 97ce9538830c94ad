"""Who runs drills, before drills that do as a test says: what is refused, broken off, told, and cleaned up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from math import inf
from random import Random
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from deadman.daemon.drill import AT_ONCE, CLEAN_UP_TIMEOUT, FIRE_TIMEOUT, LONGEST, DrillRunner, refusal
from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.drill import LABEL, DrillBegun, DrillEnded, Drills
from deadman.model.errors import NotFired, Reason, Setback
from deadman.model.facts import Cause
from deadman.model.guard import Guard
from deadman.model.identity import Identity
from deadman.model.proof import Coverage, Proof
from deadman.model.settings import Account
from deadman.venues.venue import Door, Fired
from tests.support.boards import deribit, sxbet
from tests.support.histories import fold

DESK = replace(deribit("desk"), network="testnet", on_trip="cancel")
REAL = replace(DESK, network="mainnet")
LEFT = DrillBegun(50.0, "d-0", "bob", 110.0)
OPEN = facts.SessionOpened(90.0, can_cancel=True)
ON = facts.Proven(90.0, Proof(90.0, 600.0, Coverage.INHERITED))
READY = fold((OPEN, ON), Guard(1000.0))


@pytest.mark.parametrize(
    ("account", "guard", "live", "why"),
    [
        (DESK, READY, False, ""),
        (REAL, READY, True, ""),
        (REAL, READY, False, "network mainnet is real money: say --live"),
        (replace(DESK, witness_of="alpha/desk"), READY, True, "it is a witness, which arms nothing: drill at its desk"),
        (replace(DESK, observe=True), READY, True, "deadman only observes it (observe = true)"),
        (DESK, fold([facts.Tripped(99.0, Cause.OPERATOR, "bob")], READY), True, "it is tripping"),
        (
            DESK,
            fold([facts.Tripped(99.0, Cause.OPERATOR, "bob"), facts.TripDone(99.0, False)], READY),
            True,
            "it is tripped",
        ),
        (DESK, fold([facts.Disarmed(99.0, "bob")], READY), True, "it is disarmed"),
        (DESK, replace(READY, drills=Drills(under_way=LEFT)), True, "a drill is under way"),
        (DESK, replace(READY, drills=Drills(left=LEFT)), True, f"an earlier one is not over: {LEFT.remains}"),
        (DESK, fold((OPEN,)), True, "its switch is not proven now (arming): there is nothing to be tried"),
        (
            DESK,
            fold((facts.SessionClosed(95.0),), READY),
            True,
            "its switch is not proven now (degraded): there is nothing to be tried",
        ),
    ],
)
def test_a_drill_begins_only_where_a_switch_is_proven_and_nothing_speaks_against_it(
    account: Account, guard: Guard, live: bool, why: str
) -> None:
    assert refusal(account, guard, 100.0, live=live) == why


@dataclass
class Script:
    """A drill. `fires` and `cleans`: an error to raise, seconds to take, or what is told."""

    label: str
    fires: Any = None
    cleans: list[Any] = field(default_factory=list)
    unsettled_until: float = -inf
    did: list[tuple[float, str]] = field(default_factory=list)

    async def fire(self) -> Fired:
        said = await self._do("fire", self.fires)
        return said if isinstance(said, Fired) else Fired(0.4, "cancelled by its switch")

    async def clean_up(self) -> str:
        said = await self._do("clean up", self.cleans.pop(0) if self.cleans else "")
        return said if isinstance(said, str) else ""

    async def _do(self, name: str, said: Any) -> Any:
        self.did.append((trio.current_time(), name))
        if isinstance(said, Exception):
            raise said
        if isinstance(said, float):
            await trio.sleep(said)
        return said


@dataclass
class Desk:
    """A board with one account that is proven, and its runner; `scripts` are the drills in turn, the last for all."""

    board: Board
    runner: DrillRunner
    nursery: trio.Nursery
    scripts: list[Script] = field(default_factory=list)

    def door(self, account: Account) -> Door:
        return cast(Door, self)

    def drill(self, label: str) -> Script:
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        script.label = label
        return script

    async def run(self, live: bool = True) -> DrillEnded:
        assert self.board.drill is not None
        return await self.board.drill("desk", "alice", live)

    def told(self) -> list[tuple[str, str]]:
        return [(one.event, one.text) for one in self.board.events if one.event.startswith("drill")]


@asynccontextmanager
async def desk_of(
    *scripts: Script, account: Account = DESK, before: Callable[[Board], None] = lambda board: None
) -> AsyncIterator[Desk]:
    await trio.sleep(100.0)
    board = Board.new(Clock(trio.current_time, trio.current_time))
    board.add(account)
    now = trio.current_time()
    proof = Proof(now, 6000.0, Coverage.INHERITED if account.lease is None else Coverage.LEASE)
    board.post("desk", facts.SessionOpened(now, can_cancel=True))
    board.post("desk", facts.Proven(now, proof))
    before(board)
    async with trio.open_nursery() as nursery:
        desk = Desk(board, cast(DrillRunner, None), nursery, list(scripts))
        desk.runner = DrillRunner(board, Random(1), desk.door)
        await nursery.start(desk.runner.run)
        yield desk
        nursery.cancel_scope.cancel()


SLOW = f"not seen to cancel within {FIRE_TIMEOUT:.0f} s"
LATER = Setback(Reason.VENUE_ERROR, "10041")


@pytest.mark.parametrize(
    ("fires", "outcome", "why", "seconds", "event"),
    [
        (Fired(0.4, "cancelled by its switch"), "passed", "cancelled by its switch", 0.4, "drill passed: cancelled by"),
        (
            NotFired(Reason.VENUE_ERROR, "still listed"),
            "failed",
            "still listed",
            None,
            "drill failed, THE SWITCH WAS NOT SEEN TO FIRE: still listed",
        ),
        (LATER, "refused", "nothing is proven: 10041", None, "drill refused: nothing is proven: 10041"),
        (60.0, "failed", SLOW, None, f"drill failed, THE SWITCH WAS NOT SEEN TO FIRE: {SLOW}"),
    ],
)
async def test_a_drill_ends_by_what_was_seen_and_that_is_told(
    fires: Any, outcome: str, why: str, seconds: float | None, event: str, autojump_clock: MockClock
) -> None:
    script = Script("", fires)
    async with desk_of(script) as desk:
        ended = await desk.run()
        assert (ended.outcome, ended.why, ended.seconds, ended.left) == (outcome, why, seconds, "")
        assert ended.label == script.label
        assert script.label.startswith(LABEL)
        assert [name for _, name in script.did] == ["fire", "clean up"]
        ((kind, text),) = desk.told()
        assert kind == f"drill_{outcome}"
        assert text.startswith(f"desk: {event}")
        assert desk.board.events[-1].account == "desk"
        drills = desk.board.guard("desk").drills
        assert (drills.under_way, drills.left) == (None, None)
        assert desk.board.standing("desk").tally.drills == {outcome: 1}


async def test_what_is_not_to_be_begun_is_refused_and_counted_and_places_nothing(autojump_clock: MockClock) -> None:
    script = Script("")
    async with desk_of(script, account=REAL) as desk:
        ended = await desk.run(live=False)
        assert (ended.outcome, ended.why) == ("refused", "network mainnet is real money: say --live")
        assert script.did == []
        assert desk.board.standing("desk").tally.drills == {"refused": 1}
        desk.board.forget("desk")
        assert (await desk.run()).why == "no longer in the config"


@pytest.mark.parametrize(("account", "lapses"), [(DESK, False), (replace(sxbet("desk"), network="testnet"), True)])
async def test_a_drill_that_is_under_way_is_a_fact_until_it_has_ended(
    account: Account, lapses: bool, autojump_clock: MockClock
) -> None:
    async with desk_of(Script("", 5.0), account=account) as desk:
        desk.nursery.start_soon(desk.run)
        await trio.sleep(1.0)
        begun = desk.board.guard("desk").drills.under_way
        assert begun is not None
        assert (begun.by, begun.lapses) == ("alice", lapses)
        assert begun.until == pytest.approx(trio.current_time() - 1.0 + LONGEST + 2 * account.timers.reply_timeout)
        assert (await desk.run()).why == "a drill is under way"


def tripped(board: Board) -> None:
    board.post("desk", facts.Tripped(trio.current_time(), Cause.OPERATOR, "bob"))


def disarmed(board: Board) -> None:
    board.post("desk", facts.Disarmed(trio.current_time(), "bob"))


def changed(board: Board) -> None:
    board.add(replace(DESK, verify_interval=12.0))


def another(board: Board) -> None:
    guard = board.guard("desk")
    board._replace("desk", replace(board.standing("desk"), guard=replace(guard, drills=Drills())))


@pytest.mark.parametrize(
    ("trouble", "why", "within"),
    [
        (tripped, "a trip came in between", 0.0),
        (disarmed, "it was disarmed", 0.0),
        (lambda board: board.forget("desk"), "the account was taken out of the config", 0.5),
        (another, "its name came to stand for another account", 0.5),
        (changed, "its config was changed", 0.5),
    ],
)
async def test_whatever_concerns_its_account_breaks_a_drill_off_and_it_is_cleaned_up(
    trouble: Callable[[Board], None], why: str, within: float, autojump_clock: MockClock
) -> None:
    script, ended = Script("", 30.0), list[DrillEnded]()
    async with desk_of(script) as desk:

        async def begin() -> None:
            ended.append(await desk.run())

        desk.nursery.start_soon(begin)
        await trio.sleep(1.25)
        at = trio.current_time()
        trouble(desk.board)
        await trio.sleep(2.0)
        assert [(one.outcome, one.why) for one in ended] == [("refused", f"broken off: {why}")]
        cleaned_at = script.did[-1][0]
        assert 0.0 <= cleaned_at - at <= within


async def test_what_concerns_another_account_breaks_nothing_off(autojump_clock: MockClock) -> None:
    async with desk_of(Script("")) as desk:
        desk.board.add(deribit("other"))
        desk.scripts[0].fires = 3.0
        desk.nursery.start_soon(desk.run)
        await trio.sleep(1.0)
        desk.board.post("other", facts.Tripped(trio.current_time(), Cause.OPERATOR, "bob"))
        await trio.sleep(1.0)
        assert desk.board.guard("desk").drills.under_way is not None


@pytest.mark.parametrize(
    ("fault", "seconds", "why"),
    [
        (None, 0.0, ""),
        (None, 1.9, ""),
        (None, 2.1, "the state cannot be written (the disk has not answered): after a crash nobody would know"),
        ("No space left", 0.0, "the state cannot be written (No space left): after a crash nobody would know what it"),
    ],
)
async def test_nothing_is_placed_before_the_disk_knows_of_it(
    fault: str | None, seconds: float, why: str, autojump_clock: MockClock
) -> None:
    async def written() -> str | None:
        await trio.sleep(seconds)
        return fault

    script = Script("")
    async with desk_of(script) as desk:
        desk.board.written = written
        began_at = trio.current_time()
        ended = await desk.run()
        assert ended.why.startswith(why or "cancelled by its switch")
        assert [name for _, name in script.did] == (["clean up"] if why else ["fire", "clean up"])
        assert script.did[0][0] == pytest.approx(began_at + min(seconds, 2.0))
        desk.board.written, desk.board.state_fault = None, "full"
        assert "the state cannot be written (full)" in (await desk.run()).why


@pytest.mark.parametrize(("answered_after", "fires"), [(0.5, True), (1.9, True), (None, False)])
async def test_a_renewal_under_way_is_waited_for_and_one_that_is_not_answered_forbids_it(
    answered_after: float | None, fires: bool, autojump_clock: MockClock
) -> None:
    script = Script("")
    async with desk_of(script, account=replace(sxbet("desk"), network="testnet")) as desk:
        asked_at = trio.current_time()
        desk.board.post("desk", facts.Attempted(asked_at, 30.0))
        ended: list[DrillEnded] = []

        async def begin() -> None:
            ended.append(await desk.run())

        desk.nursery.start_soon(begin)
        if answered_after is not None:
            await trio.sleep(answered_after)
            desk.board.post("desk", facts.LeaseGranted(trio.current_time(), asked_at, 30.0, 30.0))
        await trio.sleep(5.0)
        assert [name for _, name in script.did] == (["fire", "clean up"] if fires else ["clean up"])
        if not fires:
            assert ended[0].why.startswith("a renewal was not answered and may be carried out yet: try again in ")


UNANSWERED = "the venue may yet do what it has not answered"


@pytest.mark.parametrize(
    ("cleans", "unsettled", "why", "left"),
    [
        ("", -inf, "cancelled by its switch", ""),
        ("a note", -inf, "cancelled by its switch; a note", ""),
        (LATER, -inf, "cancelled by its switch", "10041"),
        (CLEAN_UP_TIMEOUT + 1.0, -inf, "cancelled by its switch", "the venue has not answered"),
        ("", 50.0, "cancelled by its switch", UNANSWERED),
        ("", -50.0, "cancelled by its switch", ""),
    ],
)
async def test_what_may_be_left_of_a_drill_is_told(
    cleans: Any, unsettled: float, why: str, left: str, autojump_clock: MockClock
) -> None:
    script = Script("", cleans=[cleans])
    async with desk_of(script) as desk:
        script.unsettled_until = trio.current_time() + unsettled
        ended = await desk.run()
        assert (ended.outcome, ended.why, ended.left) == ("passed", why, left)
        known = desk.board.guard("desk").drills.left
        assert (known.label if known else "") == (script.label if left else "")


async def test_where_the_account_is_gone_people_are_told_what_to_look_for(autojump_clock: MockClock) -> None:
    script, ended = Script("", 30.0, [LATER]), list[DrillEnded]()
    async with desk_of(script) as desk:

        async def begin() -> None:
            ended.append(await desk.run())

        desk.nursery.start_soon(begin)
        await trio.sleep(1.0)
        desk.board.forget("desk")
        await trio.sleep(2.0)
        words = f"NOT CLEANED UP (10041): look for what is labelled {script.label}"
        assert (ended[0].why, ended[0].left) == (
            f"broken off: the account was taken out of the config; {words}",
            "",
        )


@pytest.mark.parametrize("before_us", [True, False])
async def test_what_is_left_is_cleaned_up_until_the_venue_carries_out_nothing_of_it_any_more(
    before_us: bool, autojump_clock: MockClock
) -> None:
    begun = DrillBegun(0.0, "d-0", "bob", 0.0)

    def leave(board: Board) -> None:
        now = trio.current_time()
        board.post("desk", replace(begun, at=now, until=now + 20.0))
        board.post("desk", DrillEnded(now, "failed", "still listed", None, "d-0", "no answer"))

    script = Script("", cleans=[LATER, CLEAN_UP_TIMEOUT + 1.0])
    async with desk_of(script, before=leave if before_us else lambda board: None) as desk:
        began_at = trio.current_time()
        if not before_us:
            leave(desk.board)
        await trio.sleep(60.0)
        tried = [at - began_at for at, _ in script.did]
        assert script.label == "d-0"
        assert desk.board.guard("desk").drills.left is None
        assert tried[-1] >= 20.0
        assert tried[-2] < 20.0
        assert tried[-1] < 22.5
        assert desk.told()[-1] == ("drill_cleaned", "desk: nothing is left of the drill d-0")
        assert desk.board.events[-1].account == "desk"


async def test_of_an_account_that_may_be_another_nothing_is_cleaned_up_before_the_venue_tells(
    autojump_clock: MockClock,
) -> None:
    def leave(board: Board) -> None:
        board.post("desk", facts.Identified(trio.current_time(), "42"))
        board.post("desk", facts.TurnedOn(trio.current_time()))
        board.post("desk", facts.TakenOn(trio.current_time(), Identity(DESK.place, "another"), DESK.terms))
        guard = replace(board.guard("desk"), drills=Drills(left=LEFT))
        board._replace("desk", replace(board.standing("desk"), guard=guard))

    script = Script("")
    async with desk_of(script, before=leave) as desk:
        assert desk.board.guard("desk").stranger
        await trio.sleep(10.0)
        assert script.did == []
        desk.board.post("desk", facts.Identified(trio.current_time(), None))
        assert not desk.board.guard("desk").stranger
        await trio.sleep(120.0)
        assert script.did
        assert desk.board.guard("desk").drills.left is None


async def test_so_many_drills_are_under_way_at_once_and_the_others_wait(autojump_clock: MockClock) -> None:
    script = Script("", 5.0)
    async with desk_of(script) as desk:
        names = [f"other-{number}" for number in range(AT_ONCE + 1)]
        now = trio.current_time()
        for name in names:
            desk.board.add(replace(DESK, name=name))
            desk.board.post(name, facts.SessionOpened(now, can_cancel=True))
            desk.board.post(name, facts.Proven(now, Proof(now, 600.0, Coverage.INHERITED)))
            desk.nursery.start_soon(desk.runner.drill, name, "alice", True)
        await trio.sleep(1.0)
        assert len(script.did) == AT_ONCE
        await trio.sleep(5.0)
        assert sum(name == "fire" for _, name in script.did) == AT_ONCE + 1


def test_a_drill_is_answered_within_a_minute_whatever_becomes_of_it() -> None:
    assert (FIRE_TIMEOUT, CLEAN_UP_TIMEOUT, AT_ONCE) == (46.0, 9.0, 4)
    assert FIRE_TIMEOUT + CLEAN_UP_TIMEOUT + 2.0 + 2.0 < 60.0, "writing and settling included"
