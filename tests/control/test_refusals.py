"""What the control socket refuses or leaves alone, and the words it has for it; holds and releases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from deadman.control.rpc import INVALID_PARAMS, UNKNOWN_NAME
from deadman.control.server import REFUSAL_LOG_INTERVAL
from deadman.model import facts
from deadman.model.guard import Phase
from deadman.model.watch import Watch
from tests.support.control_desk import DESK, NOBODY, desk, error, said


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


async def test_a_watch_that_was_not_on_hold_is_not_said_to_be_released(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        assert (await client.ask("release", watch="quoter"))["result"]["words"].startswith("was not on hold; ")


async def test_release_says_what_follows(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        now = made.board.clock.now()
        for counted_from, words in (
            (None, "it has not checked in"),
            (now, "dead unless it checks in within 4 s"),
            (now - 60, "it is silent, so its accounts are tripped"),
        ):
            made.board.put_watch(Watch("quoter", 5.0, counted_from=counted_from))
            assert words in (await client.ask("release", watch="quoter"))["result"]["words"]


async def test_an_unknown_watch_is_told_with_the_likely_one(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with desk(tmp_path) as made:
        assert await error(made, "hold", watch="quotter", **{"for": 60}) == (
            UNKNOWN_NAME,
            'no watch "quotter"; did you mean "quoter"?',
        )


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


async def test_who_is_refused_a_thousand_times_does_not_drown_the_log(
    tmp_path: Path, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk(tmp_path, NOBODY) as made:
        for lines in (1, 1, 2):
            for _ in range(3):
                await error(made, "trip", accounts=["desk"])
            assert sum("trip refused to uid" in told for told in caplog.messages) == lines
            await trio.sleep(REFUSAL_LOG_INTERVAL / 2)
