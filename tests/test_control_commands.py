"""Arm, disarm, trip, hold, release: what they do to the board, and when they call it done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from deadman import facts
from deadman.control.commands import PATIENCE
from deadman.control.disarms import end_disarms
from deadman.control.rpc import INVALID_PARAMS, UNKNOWN_NAME
from deadman.errors import Reason
from deadman.facts import Cause
from deadman.guard import Phase
from deadman.watch import Watch
from tests.control_desk import DESK, Desk, desk


async def said(made: Desk, method: str, **given: Any) -> dict[str, Any]:
    async with made.client() as client:
        answer = await client.ask(method, **given)
    outcome: dict[str, Any] = answer["result"]["accounts"]
    return outcome


async def error(made: Desk, method: str, **given: Any) -> tuple[int, str]:
    async with made.client() as client:
        answer = (await client.ask(method, **given))["error"]
    return answer["code"], answer["message"]


async def later(made: Desk, delay: float, account: str, *happened: Any) -> None:
    """Facts that keepers would post, each made from the instant it is posted at."""
    await trio.sleep(delay)
    made.post(account, *(make(made.board.clock.now()) for make in happened))


def gone(at: float) -> facts.Fact:
    return facts.TripDone(at, presumed=False)


async def test_disarm_answers_when_the_venue_confirmed_and_not_before(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with desk(tmp_path) as made, trio.open_nursery() as nursery:
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


async def test_a_disarm_the_venue_does_not_confirm_is_told_as_outstanding_after_ten_seconds(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with desk(tmp_path) as made:
        made.prove("maker")
        made.post("maker", facts.Lost(made.board.clock.now(), Reason.SILENT, "no answer"))
        start = trio.current_time()
        answer = await said(made, "disarm", accounts=["maker"])
        assert trio.current_time() - start == pytest.approx(PATIENCE, abs=0.1)
        assert not answer["maker"]["done"]
        assert "not confirmed by the venue; the lease ends at" in answer["maker"]["words"]
        assert "no answer" in answer["maker"]["words"]


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
        (lambda at: facts.Lost(at, Reason.DNS, "no such host"), "not proven yet: no such host; deadman goes on trying"),
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


@pytest.mark.parametrize("method", ["arm", "disarm", "trip"])
async def test_one_unknown_account_and_nothing_is_done_to_any(
    tmp_path: Path, autojump_clock: MockClock, method: str
) -> None:
    async with desk(tmp_path) as made:
        made.post("desk", facts.Disarmed(made.board.clock.now(), "alice"))
        before = made.board.standing("desk").guard
        code, words = await error(made, method, accounts=["desk", "makr"])
        assert code == UNKNOWN_NAME
        assert 'no account "makr"; did you mean "maker"?' in words
        assert made.board.standing("desk").guard == before


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("disarm", {}, "accounts must be a list of names"),
    ("disarm", {"accounts": []}, "accounts must be a list of names"),
    ("disarm", {"accounts": "desk"}, "accounts must be a list of names"),
    ("disarm", {"accounts": [5]}, "accounts must be a list of names"),
    ("disarm", {"accounts": ["desk"], "fro": 60}, 'no parameter "fro"; did you mean "for"?'),
    ("disarm", {"accounts": ["desk"], "for": 0}, "for must be a number of seconds"),
    ("disarm", {"accounts": ["desk"], "for": -5}, "for must be a number of seconds"),
    ("disarm", {"accounts": ["desk"], "for": True}, "for must be a number of seconds"),
    ("disarm", {"accounts": ["desk"], "for": "15m"}, "for must be a number of seconds"),
    ("disarm", {"accounts": ["desk"], "for": 1e300}, "for must be a number of seconds"),
    ("disarm", {"accounts": ["desk"], "for": 10**300}, "for must be a number of seconds"),
    ("trip", {"accounts": ["desk"], "for": 60}, 'no parameter "for"'),
    ("trip", {"accounts": ["desk"], "reason": 5}, "reason must be text"),
    ("hold", {"watch": "quoter"}, "a hold needs for"),
    ("hold", {"watch": 5, "for": 60}, "watch must be a name"),
    ("release", {"watch": "quoter", "for": 60}, 'no parameter "for"'),
]


@pytest.mark.parametrize(("method", "given", "words"), REFUSED)
async def test_what_is_not_understood_is_refused_and_nothing_is_done(
    tmp_path: Path, autojump_clock: MockClock, method: str, given: dict[str, Any], words: str
) -> None:
    async with desk(tmp_path) as made:
        before = made.board.standing("desk").guard
        code, message = await error(made, method, **given)
        assert code == INVALID_PARAMS
        assert words in message
        assert made.board.standing("desk").guard == before


async def test_a_long_or_odd_reason_is_kept_short_and_printable(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made:
        async with made.client() as client:
            await client.ask("hold", watch="quoter", **{"for": 60}, reason="a\ud800\n" + "b" * 5000)
        hold = made.board.watch("quoter").hold
        assert hold is not None
        assert len(hold.reason) == 200
        assert hold.reason.isprintable()
        assert hold.reason.startswith("a\\ud800 bbb")


async def test_a_hold_lasts_as_long_as_was_asked_and_release_ends_it(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        await client.ask("hold", watch="quoter", **{"for": 900}, reason="deploy")
        now = made.board.clock.now()
        hold = made.board.watch("quoter").hold
        assert hold is not None
        assert hold.until - now == pytest.approx(900, abs=1)
        assert (hold.by, hold.reason) == ("alice", "deploy")
        await client.ask("release", watch="quoter")
        assert made.board.watch("quoter").hold is None


async def test_release_says_what_follows(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        now = made.board.clock.now()
        for counted_from, words in (
            (None, "it has not checked in"),
            (now, "dead unless it checks in within 4 s"),
            (now - 60, "it is silent, so its accounts are tripped now"),
        ):
            made.board.put_watch(Watch("quoter", 5.0, counted_from=counted_from))
            assert words in (await client.ask("release", watch="quoter"))["result"]["words"]


async def test_an_unknown_watch_is_told_with_the_likely_one(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made:
        assert await error(made, "hold", watch="quotter", **{"for": 60}) == (
            UNKNOWN_NAME,
            'no watch "quotter"; did you mean "quoter"?',
        )


async def test_two_commands_wait_side_by_side_and_leave_no_listener(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made:
        async with trio.open_nursery() as nursery:
            for account in ("desk", "maker"):
                nursery.start_soon(lambda name: said(made, "disarm", accounts=[name]), account)
                nursery.start_soon(later, made, 2.0, account, facts.DisarmConfirmed)
        assert made.board._listeners == []


@pytest.mark.parametrize("method", ["disarm", "trip"])
async def test_an_observed_account_is_left_alone_and_the_answer_says_so(
    tmp_path: Path, autojump_clock: MockClock, method: str
) -> None:
    async with desk(tmp_path) as made:
        made.board.add(replace(DESK, observe=True))
        made.board.forget("maker")
        start = trio.current_time()
        answer = await said(made, method, accounts="all")
        assert answer == {"desk": {"done": False, "words": "left alone: deadman only observes it (observe = true)"}}
        assert trio.current_time() - start < 1
        assert made.board.standing("desk").phase is Phase.CONNECTING


async def test_arm_leaves_an_account_alone_whose_dead_bot_would_trip_it_at_once(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with desk(tmp_path) as made:
        now = made.board.clock.now()
        made.board.put_watch(Watch("quoter", 5.0, counted_from=now - 60, died_at=now - 55))
        made.post("desk", facts.Disarmed(now, "alice"))
        answer = await said(made, "arm", accounts=["desk"])
        assert not answer["desk"]["done"]
        assert "bot quoter is dead" in answer["desk"]["words"]
        assert made.board.standing("desk").phase is Phase.DISARMED


async def test_arm_goes_ahead_where_a_dead_bot_trips_nothing(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        now = made.board.clock.now()
        made.board.put_watch(Watch("quoter", 5.0, counted_from=now - 60, died_at=now - 55))
        await client.ask("hold", watch="quoter", **{"for": 60})
        made.post("desk", facts.Disarmed(now, "alice"))
        await said(made, "arm", accounts=["desk"])
        assert made.board.standing("desk").phase is not Phase.DISARMED
