"""The loop's tick: expiries noticed, its own lateness measured, jumps of the clocks seen."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import trio
from trio.testing import MockClock

from deadman.daemon.systemd import Service, ServiceManager
from deadman.daemon.ticker import TICK, Ticker
from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.guard import Phase
from deadman.model.proof import Coverage, Proof
from tests.support.boards import deribit


@dataclass
class Clocks:
    """How far the suspended and the wall clock are ahead of the monotonic one; a test moves them."""

    suspended: float = 0.0
    wall: float = 1_700_000_000.0

    def offsets(self) -> tuple[float, float]:
        return self.suspended, self.wall


def proven(nursery: trio.Nursery, clocks: Clocks, judged: list[float]) -> Board:
    board = Board.new(Clock(trio.current_time, lambda: clocks.wall + trio.current_time()))
    board.add(deribit("desk"))
    now = trio.current_time()
    board.post("desk", facts.SessionOpened(now, True))
    board.post("desk", facts.Proven(now, Proof(now, 20.0, Coverage.INHERITED)))
    nursery.start_soon(Ticker(board, lambda: judged.append(trio.current_time()), clocks.offsets).run)
    return board


async def test_an_expiry_is_noticed_within_a_tick_and_dated_when_it_came(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        board, seen = proven(nursery, Clocks(), []), list[tuple[float, float]]()
        board.listen(lambda _, before, after: seen.append((trio.current_time(), after.since)))
        began = trio.current_time()
        await trio.sleep(20 + 2 * TICK)
        noticed, dated = seen[-1]
        assert board.standing("desk").phase is Phase.UNVERIFIED
        assert dated == pytest.approx(began + 20)
        assert noticed - dated <= TICK + 1e-9
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("jump", [Clocks(suspended=30.0), Clocks(wall=1_700_003_600.0), Clocks(wall=1_699_990_000.0)])
async def test_after_a_suspend_or_a_step_nothing_proven_before_counts(autojump_clock: MockClock, jump: Clocks) -> None:
    clocks = Clocks()
    async with trio.open_nursery() as nursery:
        board = proven(nursery, clocks, [])
        await trio.sleep(1)
        assert board.standing("desk").guard.protected(trio.current_time())
        clocks.suspended, clocks.wall = jump.suspended, jump.wall
        await trio.sleep(2 * TICK)
        assert not board.standing("desk").guard.protected(trio.current_time())
        assert board.loop.clock_jumps == 1
        nursery.cancel_scope.cancel()


async def test_a_time_server_that_slews_is_no_jump(autojump_clock: MockClock) -> None:
    clocks = Clocks()
    async with trio.open_nursery() as nursery:
        board = proven(nursery, clocks, [])
        for _ in range(150):
            clocks.wall += 0.05
            await trio.sleep(TICK)
        assert board.loop.clock_jumps == 0
        nursery.cancel_scope.cancel()


async def test_the_watchdog_is_fed_by_the_judging_task_alone(autojump_clock: MockClock) -> None:
    judged: list[float] = []
    async with trio.open_nursery() as nursery:
        board = proven(nursery, Clocks(), judged)
        await trio.sleep(10.5 * TICK)
        assert len(judged) == 10
        assert board.loop.tick_at == judged[-1]
        nursery.cancel_scope.cancel()


class Told(ServiceManager):
    """Keeps what it is told."""

    def send(self, *lines: str) -> bool:
        TOLD.extend(lines)
        return True


TOLD: list[str] = []


async def test_a_start_that_takes_long_says_how_far_it_is(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    TOLD.clear()
    async with trio.open_nursery() as nursery:
        board = proven(nursery, Clocks(), [])
        for number in range(300):
            board.add(deribit(f"other-{number}"))
        nursery.start_soon(Service(board, Told(None), None).run)
        await trio.sleep(6.0)
        words = "1 of 301 proven, about 40 s to go: Deribit is asked at most 15 times a second from one address"
        assert TOLD[-1] == f"STATUS={words}"
        assert [record.message for record in caplog.records] == [f"starting: {words}"]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("jump", "words", "missed"),
    [
        (Clocks(suspended=30.0), "the clocks jumped by +30.0 s", 30.0),
        (Clocks(wall=1_700_000_001.0), "the clocks jumped by +1.0 s", 1.0),
        (Clocks(wall=1_699_999_940.0), "the clocks jumped by -60.0 s", 0.0),
        (Clocks(20.0, 1_699_999_940.0), "the clocks jumped by -60.0 s", 20.0),
        (Clocks(wall=1_700_000_000.9), None, 0.0),
        (Clocks(wall=1_699_999_999.1), None, 0.0),
    ],
)
async def test_a_jump_is_told_once_with_what_the_venue_may_have_counted_meanwhile(
    jump: Clocks, words: str | None, missed: float, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    clocks, doubts = Clocks(), list[facts.Doubted]()
    async with trio.open_nursery() as nursery:
        board = proven(nursery, clocks, [])
        post = board.post

        def kept(account: str, *posted: facts.Fact) -> None:
            doubts.extend(fact for fact in posted if isinstance(fact, facts.Doubted))
            post(account, *posted)

        board.post = kept  # type: ignore[method-assign]
        await trio.sleep(1.05)
        clocks.suspended, clocks.wall = jump.suspended, jump.wall
        await trio.sleep(10 * TICK)
        nursery.cancel_scope.cancel()
    told = [event.text for event in board.events if event.event == "clock_jump"]
    assert told == ([] if words is None else [f"{words}: every claim is proven anew"])
    assert [one.message for one in caplog.records if getattr(one, "event", "") == "clock_jump"] == told
    assert [fact.detail for fact in doubts] == ([] if words is None else [words])
    assert [fact.missed for fact in doubts] == pytest.approx([] if words is None else [missed])
    assert board.loop.clock_jumps == len(told)


async def test_what_comes_due_sooner_after_a_fact_is_noticed_when_it_does(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        board, seen = proven(nursery, Clocks(), []), list[tuple[float, Phase]]()
        await trio.sleep(1.01)
        board.listen(lambda _, before, after: seen.append((trio.current_time(), after.phase)))
        now = trio.current_time()
        board.post("desk", facts.Proven(now, Proof(now, 0.02, Coverage.INHERITED)))
        await trio.sleep(0.05)
        at, phase = seen[-1]
        assert at == pytest.approx(now + 0.02)
        assert phase is Phase.UNVERIFIED
        nursery.cancel_scope.cancel()


async def test_a_tick_that_comes_late_says_by_how_much(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        board = proven(nursery, Clocks(), [])
        await trio.sleep(10.5 * TICK)
        assert sum(board.loop.lag.counts) == 10
        assert board.loop.lag.total == pytest.approx(0.0, abs=1e-6)
        assert board.loop.lag.bounds == (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
        autojump_clock.jump(3.0)
        await trio.sleep(0.01)
        assert board.loop.lag.total == pytest.approx(2.95, abs=0.01)
        nursery.cancel_scope.cancel()
