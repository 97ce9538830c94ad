"""Killed again and again: a dead bot is found all the same, and a living one is not called dead."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from tests.daemon.test_state import Disk, run


@pytest.fixture
def disk() -> Disk:
    return Disk()


STUTTERS = pytest.mark.parametrize(("runs", "rests"), [(2.0, 0.1), (0.3, 0.1), (0.3, 3.0), (4.0, 0.0), (0.05, 0.0)])


@STUTTERS
async def test_a_dead_bot_is_found_within_two_timeouts_however_often_we_are_killed(
    disk: Disk, runs: float, rests: float, autojump_clock: MockClock
) -> None:
    async with run(disk) as first:
        first.beat("quoter")
        await trio.sleep(4.0)
    awake, tripped = 4.0, False
    while not tripped:
        await trio.sleep(rests)
        async with run(disk, starts_at=777.0) as next_one:
            await trio.sleep(runs)
            awake, tripped = awake + runs, next_one.tripped("d")
            assert tripped or not next_one.board.standing("s").guard.awaited, "renewed for as long, and no longer"
        assert awake <= 10.0 + runs


@STUTTERS
async def test_a_bot_that_is_heard_in_every_timeout_of_our_waking_time_lives_however_often_we_are_killed(
    disk: Disk, runs: float, rests: float, autojump_clock: MockClock
) -> None:
    async with run(disk) as first:
        first.beat("quoter")
        await trio.sleep(1.0)
    heard = 1.0
    for _ in range(60):
        await trio.sleep(rests)
        async with run(disk, starts_at=777.0) as next_one:
            await trio.sleep(runs / 2)
            heard += runs
            if heard + runs / 2 > 3.0:
                next_one.beat("quoter")
                heard = runs / 2
            await trio.sleep(runs / 2)
            assert not next_one.tripped("d")


async def test_a_restart_after_a_silence_that_we_slept_through_grants_no_second_time(
    disk: Disk, autojump_clock: MockClock
) -> None:
    async with run(disk) as first:
        first.beat("quoter")
        await trio.sleep(1.0)
    async with run(disk):
        await trio.sleep(3.0)
    async with run(disk) as third:
        await trio.sleep(2.3)
        assert third.tripped("d")
