"""What outlives us: kept true without ever keeping anybody waiting, and put back at the next start."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

import pytest
import trio
from trio.testing import MockClock

from deadman.checkins.protocol import Datagram
from deadman.checkins.rounds import Watches
from deadman.daemon.memory import Listed, Newer, is_news
from deadman.daemon.state import State
from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.facts import Cause
from deadman.model.guard import Phase
from deadman.model.settings import WatchConfig
from deadman.model.watch import Hold, Sender
from deadman.status.headline import headline
from deadman.status.report import report
from deadman.telemetry.transitions import transitions
from tests.daemon.test_state_text import signed
from tests.support.boards import sxbet
from tests.support.inboxes import InMemoryInboxes
from tests.support.watching import deribit

NOON = 1_800_000_000.0


@dataclass
class Disk:
    """A store in memory, as fast, full or hung as a test wants it."""

    data: bytes | None = None
    takes: float = 0.0
    failing: bool = False
    unreadable: bool = False
    aside: bytes | None = None
    writes: list[float] = field(default_factory=list)
    silences: Kept = field(default_factory=lambda: Kept())

    def read(self) -> bytes | None:
        if self.unreadable:
            raise OSError(errno.EIO, "Input/output error")
        return self.data

    async def write(self, data: bytes) -> None:
        self.writes.append(trio.current_time())
        await trio.sleep(self.takes)
        if self.failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.data = data

    def set_aside(self, timestamp: float) -> str:
        if self.unreadable:
            raise OSError(errno.EIO, "Input/output error")
        self.aside = self.data
        return "elsewhere"


@dataclass
class Kept:
    """The silences, in memory."""

    silences: Mapping[str, float] = field(default_factory=dict)

    def read(self) -> Mapping[str, float]:
        return self.silences

    async def write(self, silences: Mapping[str, float]) -> None:
        self.silences = silences


@dataclass
class Run:
    """One life of the daemon, as far as state and watches go; the monotonic clock of each starts elsewhere."""

    board: Board
    inboxes: InMemoryInboxes
    watches: Watches
    state: State

    def beat(self, *watches: str) -> None:
        for watch in watches:
            self.inboxes.send(watch, Datagram(self.board.clock.now(), b"WATCHDOG=1", Sender(7, 1000)))
        self.watches.look()

    def phase(self, account: str) -> Phase:
        return self.board.standing(account).phase

    def tripped(self, account: str) -> bool:
        return self.board.standing(account).guard.trip is not None


@asynccontextmanager
async def run(
    disk: Disk, starts_at: float = 0.0, on_stopping: Literal["trip", "release"] = "trip", joined: bool = False
) -> AsyncIterator[Run]:
    """From start to kill -9, with two bots, an account of each venue on the first and one on the second."""
    clock = Clock(lambda: trio.current_time() + starts_at, lambda: NOON + trio.current_time())
    board, inboxes = Board.new(clock), InMemoryInboxes()
    watches, state = Watches(board, inboxes, clock.now, lambda pid: True, disk.silences), State(board, disk)
    watches.apply({name: WatchConfig(name, 5.0, on_stopping) for name in ("quoter", "hedger")})
    maker = sxbet("s", "quoter", "hedger") if joined else sxbet("s", "quoter")
    for account in (deribit("d", "quoter"), maker, deribit("h", "hedger")):
        board.add(account)
    board.listen(transitions(board))
    state.restore()
    watches.recall()
    watches.look()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watches.run)
        nursery.start_soon(state.keep)
        await trio.sleep(0.001)
        yield Run(board, inboxes, watches, state)
        kept = disk.data
        nursery.cancel_scope.cancel()
    disk.data = kept


@pytest.fixture
def disk() -> Disk:
    return Disk()


async def test_a_new_desk_remembers_nothing_and_writes_once_to_know_that_it_can(
    disk: Disk, autojump_clock: MockClock
) -> None:
    async with run(disk) as first:
        await trio.sleep(60.0)
        assert first.phase("s") is Phase.WAITING
        assert not first.tripped("d")
        assert len(disk.writes) == 1


async def test_a_bot_that_died_with_us_is_tripped_after_the_restart(disk: Disk, autojump_clock: MockClock) -> None:
    async with run(disk) as first:
        first.beat("quoter")
        await trio.sleep(1.0)
    async with run(disk, starts_at=777.0) as second:
        assert second.phase("s") is Phase.CONNECTING, "no lapsed lease: it is renewed as for a living bot"
        await trio.sleep(4.8)
        assert not second.tripped("d")
        await trio.sleep(0.4)
        trips = [second.board.standing(name).guard.trip for name in "dsh"]
        assert [trip and (trip.cause, trip.reason) for trip in trips] == [
            (Cause.SILENCE, "silent 5 s, since deadman started"),
            (Cause.SILENCE, "silent 5 s, since deadman started"),
            None,
        ]


async def test_a_bot_that_lives_on_through_our_restart_is_not_tripped(disk: Disk, autojump_clock: MockClock) -> None:
    async with run(disk) as first:
        first.beat("quoter")
        await trio.sleep(1.0)
    await trio.sleep(30.0)
    async with run(disk) as second:
        for _ in range(10):
            await trio.sleep(4.0)
            second.beat("quoter")
        assert not second.tripped("d")
        assert not second.board.standing("s").guard.awaited


async def test_a_trip_is_carried_on_after_a_crash_and_only_a_check_in_ends_it(
    disk: Disk, autojump_clock: MockClock
) -> None:
    async with run(disk) as first:
        first.beat("quoter")
        await trio.sleep(5.2)
        assert first.phase("d") is Phase.TRIPPING
    async with run(disk, starts_at=777.0) as second:
        assert second.phase("d") is Phase.TRIPPING
        trip = second.board.standing("d").guard.trip
        assert trip is not None
        assert (trip.cause, trip.by) == (Cause.SILENCE, "quoter")
        assert second.board.clock.timestamp_of(trip.at) == pytest.approx(NOON + 5.0, abs=0.01)
        second.board.post("d", facts.TripDone(second.board.clock.now(), presumed=False))
        await trio.sleep(1.0)
    async with run(disk) as third:
        await trio.sleep(20.0)
        assert third.phase("d") is Phase.TRIPPED
        assert not third.board.watch("quoter").alive(third.board.clock.now())
        third.beat("quoter")
        await trio.sleep(0.2)
        assert third.phase("d") is Phase.CONNECTING


async def test_of_two_dead_bots_both_must_be_back_though_we_restarted(disk: Disk, autojump_clock: MockClock) -> None:
    async with run(disk) as first:
        first.board.add(deribit("d", "quoter", "hedger"))
        first.beat("quoter", "hedger")
        await trio.sleep(5.2)
        first.board.post("d", facts.TripDone(first.board.clock.now(), presumed=False))
        await trio.sleep(0.2)
    async with run(disk) as second:
        second.board.add(deribit("d", "quoter", "hedger"))
        second.beat("quoter")
        await trio.sleep(0.2)
        assert second.phase("d") is Phase.TRIPPED
        second.beat("hedger", "quoter")
        assert second.phase("d") is Phase.CONNECTING


async def test_an_operators_trip_stays_latched(disk: Disk, autojump_clock: MockClock) -> None:
    async with run(disk) as first:
        first.beat("quoter")
        first.board.post("d", facts.Tripped(first.board.clock.now(), Cause.OPERATOR, "alice", "fat finger"))
        first.board.post("d", facts.TripDone(first.board.clock.now(), presumed=True))
        await trio.sleep(0.2)
    async with run(disk) as second:
        second.beat("quoter")
        await trio.sleep(0.2)
        trip = second.board.standing("d").guard.trip
        assert trip is not None
        assert (trip.cause, trip.by, trip.reason, trip.presumed) == (Cause.OPERATOR, "alice", "fat finger", True)


async def test_a_trip_that_is_over_is_told_once_more_as_that_and_with_what_it_cancelled(
    disk: Disk, autojump_clock: MockClock
) -> None:
    """Not as one that begins, cancels, and has cancelled nothing: nobody is to be sent after orders by a restart."""
    async with run(disk) as first:
        now = first.board.clock.now()
        first.board.post("d", facts.Tripped(now, Cause.OPERATOR, "alice", "fat finger"))
        first.board.post("d", facts.RoundDone(now, 3, 0))
        first.board.post("d", facts.TripDone(now, presumed=False))
        await trio.sleep(0.2)
    async with run(disk) as second:
        told = [event.text for event in second.board.events if event.account == "d"]
        assert told == [
            "d: CONNECTING -> TRIPPED: tripped by alice (fat finger): orders gone, 3 cancelled by deadman; "
            "positions are not closed"
        ]


async def test_disarmed_stays_disarmed_by_whom_and_until_when(disk: Disk, autojump_clock: MockClock) -> None:
    async with run(disk) as first:
        now = first.board.clock.now()
        first.board.post("d", facts.TurnedOn(now))
        first.board.post("d", facts.Disarmed(now, "alice", "maintenance", now + 900.0))
        first.board.post("s", facts.Disarmed(now, "bob"))
        first.board.post("s", facts.DisarmConfirmed(now))
        await trio.sleep(0.2)
    await trio.sleep(100.0)
    async with run(disk, starts_at=777.0) as second:
        guards = {name: second.board.standing(name).guard for name in "dsh"}
        assert [second.phase(name) for name in "ds"] == [Phase.DISARMED] * 2
        assert guards["d"].turned_on, "so that the disarm may still turn it off"
        assert [guards[name].disarm_confirmed for name in "ds"] == [False, True]
        disarm = guards["d"].disarm
        assert disarm is not None
        assert (disarm.by, disarm.reason) == ("alice", "maintenance")
        assert second.board.clock.timestamp_of(disarm.until or 0.0) == pytest.approx(NOON + 900.0, abs=0.01)
        second.board.post("d", facts.Rearmed(second.board.clock.now(), "alice"))
        await trio.sleep(0.2)
    async with run(disk) as third:
        assert [third.phase(name) for name in "ds"] == [Phase.CONNECTING, Phase.DISARMED]


async def test_what_is_armed_for_a_bot_that_was_dead_before_the_restart_is_tripped_at_once(
    disk: Disk, autojump_clock: MockClock
) -> None:
    """As it is without a restart: however often we are killed, its time does not begin anew."""
    async with run(disk) as first:
        first.beat("quoter")
        await trio.sleep(6.0)
        assert first.tripped("d")
    async with run(disk) as second:
        second.board.post("d", facts.TripDone(second.board.clock.now(), presumed=False))
        second.board.post("d", facts.Rearmed(second.board.clock.now(), "alice"))
        await trio.sleep(0.2)
        assert second.tripped("d")


async def test_a_hold_goes_on_to_its_end(disk: Disk, autojump_clock: MockClock) -> None:
    async with run(disk) as first:
        first.beat("quoter")
        until = first.board.clock.now() + 60.0
        first.board.put_watch(replace(first.board.watch("quoter"), hold=Hold(until, "alice", "deploy")))
        await trio.sleep(0.2)
    async with run(disk, starts_at=777.0) as second:
        await trio.sleep(59.0)
        assert not second.tripped("d")
        await trio.sleep(1.2)
        assert second.tripped("d")
    async with run(disk) as third:
        assert third.board.watch("quoter").hold is None


async def test_a_goodbye_is_remembered_as_such(disk: Disk, autojump_clock: MockClock) -> None:
    async with run(disk) as first:
        first.beat("quoter")
        first.board.put_watch(first.board.watch("quoter").released())
        await trio.sleep(0.2)
    async with run(disk) as second:
        assert second.phase("s") is Phase.WAITING
        await trio.sleep(20.0)
        assert not second.tripped("d")


async def say_goodbye_on_hold(first: Run, hold: float) -> None:
    first.beat("quoter")
    until = first.board.clock.now() + hold
    first.board.put_watch(replace(first.board.watch("quoter"), hold=Hold(until, "alice", "deploy")))
    first.inboxes.send("quoter", Datagram(first.board.clock.now(), b"STOPPING=1", Sender(7, 1000)))
    await trio.sleep(0.3)


@pytest.mark.parametrize("hold", [0.5, 60.0])
async def test_a_goodbye_said_on_hold_is_still_one_after_a_restart(
    disk: Disk, hold: float, autojump_clock: MockClock
) -> None:
    async with run(disk, on_stopping="release") as first:
        await say_goodbye_on_hold(first, hold)
    await trio.sleep(1.0)
    async with run(disk, starts_at=777.0, on_stopping="release") as second:
        await trio.sleep(120.0)
        assert not second.tripped("d")
        assert second.phase("s") is Phase.WAITING


async def test_a_goodbye_that_tripped_is_no_silence_after_a_restart(disk: Disk, autojump_clock: MockClock) -> None:
    async with run(disk) as first:
        first.beat("quoter")
        first.inboxes.send("quoter", Datagram(first.board.clock.now(), b"STOPPING=1", Sender(7, 1000)))
        await trio.sleep(0.5)
    async with run(disk, starts_at=777.0) as second:
        await trio.sleep(3.0)
        told = report(second.board).watches["quoter"]
        assert told.silent is False
        assert told.goodbye_at is not None


async def test_what_is_armed_after_a_restart_trips_for_a_goodbye_no_sooner_than_without_one(
    disk: Disk, autojump_clock: MockClock
) -> None:
    async with run(disk) as first:
        first.beat("quoter")
        first.inboxes.send("quoter", Datagram(first.board.clock.now(), b"STOPPING=1", Sender(7, 1000)))
        await trio.sleep(1.0)
        assert first.tripped("d")
    async with run(disk) as second:
        second.board.post("d", facts.TripDone(second.board.clock.now(), presumed=False))
        second.board.post("d", facts.Rearmed(second.board.clock.now(), "alice"))
        await trio.sleep(3.5)
        assert not second.tripped("d")
        await trio.sleep(0.7)
        assert second.tripped("d")


async def test_a_goodbye_said_on_hold_trips_after_a_restart_but_not_a_bot_that_came_back(
    disk: Disk, autojump_clock: MockClock
) -> None:
    async with run(disk) as first:
        await say_goodbye_on_hold(first, 0.5)
    kept = disk.data
    await trio.sleep(1.0)
    async with run(disk, starts_at=777.0) as second:
        await trio.sleep(5.2)
        trip = second.board.standing("d").guard.trip
        assert trip is not None
        assert trip.cause is Cause.STOPPING
    disk.data, disk.silences = kept, Kept()
    async with run(disk, starts_at=777.0) as third:
        for _ in range(10):
            await trio.sleep(2.0)
            third.beat("quoter")
        assert not third.tripped("d")


@pytest.mark.parametrize("data", [b"", b"\x00" * 100, b'# Written by deadman\nwatches = "all"\n'])
async def test_a_damaged_file_is_kept_aside_told_and_read_as_all_alive_and_nothing_disarmed(
    disk: Disk, autojump_clock: MockClock, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    disk.data = data
    async with run(disk) as first:
        assert disk.aside == data
        assert [first.phase(name) for name in "dsh"] == [Phase.CONNECTING] * 3
        (record,) = [record for record in caplog.records if record.name.startswith("deadman.daemon.state")]
        assert record.levelname == "ERROR"
        assert "it is kept as elsewhere" in record.getMessage()
        assert "NOTHING AS DISARMED, TRIPPED OR ON HOLD" in record.getMessage()
        assert record.getMessage() in headline(report(first.board)).looks
        await trio.sleep(0.2)
        assert disk.data != data, "a sound one is there again at once"
        await trio.sleep(5.0)
        assert [first.tripped(name) for name in "dsh"] == [True] * 3
        await trio.sleep(3600.0)
        assert record.getMessage() not in headline(report(first.board)).looks


async def test_a_damaged_file_that_no_sound_one_has_replaced_is_no_new_desk(
    disk: Disk, autojump_clock: MockClock
) -> None:
    disk.data, disk.failing = b"\x00", True
    async with run(disk):
        await trio.sleep(1.0)
    async with run(disk) as second:
        await trio.sleep(5.2)
        assert [second.tripped(name) for name in "dsh"] == [True] * 3


async def test_a_file_that_cannot_be_read_is_no_reason_to_stay_away(
    disk: Disk, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    disk.unreadable = True
    async with run(disk) as first:
        await trio.sleep(5.2)
        assert first.tripped("d")
    assert "cannot be read (Input/output error)" in caplog.text


async def test_a_bot_that_joined_and_never_came_takes_no_lease_by_a_restart_either(
    disk: Disk, autojump_clock: MockClock
) -> None:
    async with run(disk) as first:
        first.beat("quoter")
        first.board.add(sxbet("s", "quoter", "hedger"))
        await trio.sleep(0.2)
        assert not first.board.standing("s").guard.awaited
    async with run(disk, joined=True) as second:
        for _ in range(20):
            second.beat("quoter")
            await trio.sleep(1.0)
            assert not second.board.standing("s").guard.awaited
        await trio.sleep(5.2)
        assert second.tripped("s")


async def test_what_the_config_no_longer_knows_is_dropped(disk: Disk, autojump_clock: MockClock) -> None:
    async with run(disk) as first:
        first.board.add(deribit("gone"))
        first.board.post("gone", facts.Disarmed(first.board.clock.now(), "alice"))
        await trio.sleep(0.2)
    assert disk.data is not None
    assert b"gone" in disk.data
    async with run(disk):
        await trio.sleep(0.2)
    assert b"gone" not in disk.data


async def test_check_ins_alone_write_nothing(disk: Disk, autojump_clock: MockClock) -> None:
    async with run(disk) as first:
        for _ in range(1000):
            first.beat("quoter", "hedger")
            await trio.sleep(0.1)
        assert len(disk.writes) <= 2


@pytest.mark.parametrize(("before", "after", "soon"), [(0, 9, True), (9, 0, True), (9, 19, True), (9, 10, False)])
async def test_a_book_that_fills_or_empties_is_on_the_disk_soon_and_small_changes_within_a_minute(
    before: int, after: int, soon: bool, disk: Disk, autojump_clock: MockClock
) -> None:
    async with run(disk) as first:
        first.board.post("d", facts.OrdersCounted(first.board.clock.now(), before))
        await trio.sleep(65.0)
        writes = len(disk.writes)
        first.board.post("d", facts.OrdersCounted(first.board.clock.now(), after))
        await trio.sleep(0.1)
        assert (len(disk.writes) > writes) is soon
        await trio.sleep(65.0)
        assert len(disk.writes) == writes + 1


async def test_whose_accounts_are_that_are_told_in_turn_is_on_the_disk_within_a_second(
    disk: Disk, autojump_clock: MockClock
) -> None:
    async with run(disk) as first:
        await trio.sleep(5.0)
        writes = len(disk.writes)
        for name in ("d", "h", "s"):
            first.board.post(name, facts.Identified(first.board.clock.now(), f"of {name}"))
            await trio.sleep(0.3)
        assert len(disk.writes) == writes
        await trio.sleep(0.2)
        assert len(disk.writes) == writes + 1
        assert all(f"of {name}".encode() in (disk.data or b"") for name in "dhs")
        first.board.post("d", facts.Identified(first.board.clock.now(), "another"))
        first.board.post("d", facts.Tripped(first.board.clock.now(), Cause.OPERATOR, "alice"))
        await trio.sleep(0.1)
        assert b"alice" in (disk.data or b""), "a trip waits for nothing"
        assert b"another" in (disk.data or b"")


async def test_counts_that_swing_do_not_keep_the_disk_busy(disk: Disk, autojump_clock: MockClock) -> None:
    async with run(disk) as first:
        writes = len(disk.writes)
        for number in range(600):
            first.board.post("d", facts.OrdersCounted(first.board.clock.now(), 50 * (number % 2)))
            await trio.sleep(0.1)
        assert len(disk.writes) - writes <= 13


async def test_a_bots_first_lease_waits_until_the_disk_knows_of_it(disk: Disk, autojump_clock: MockClock) -> None:
    disk.takes = 0.7
    async with run(disk) as first:
        await trio.sleep(1.0)
        first.beat("quoter")
        began = trio.current_time()
        await first.state.remember_alive(["quoter"])
        assert trio.current_time() - began == pytest.approx(0.7, abs=0.1)
        assert disk.data is not None
        assert b"[watches.quoter]\nalive = true" in disk.data
        began = trio.current_time()
        await first.state.remember_alive(["quoter"])
        assert trio.current_time() == began
    async with run(disk) as second:
        began = trio.current_time()
        await second.state.remember_alive(["quoter"])
        assert trio.current_time() == began, "the last run had written it"


async def test_a_lease_waits_for_no_bot_that_is_not_up_and_for_none_at_all(
    disk: Disk, autojump_clock: MockClock
) -> None:
    disk.takes = 60.0
    async with run(disk) as first:
        first.beat("hedger")
        began = trio.current_time()
        await first.state.remember_alive([])
        await first.state.remember_alive(["quoter"])
        assert trio.current_time() == began


@pytest.mark.parametrize("trouble", ["full", "hung"])
async def test_a_broken_disk_is_told_once_waited_for_briefly_and_tried_again(
    disk: Disk, autojump_clock: MockClock, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with run(disk) as first:
        disk.failing, disk.takes = trouble == "full", 1e6 if trouble == "hung" else 0.0
        first.beat("quoter")
        began = trio.current_time()
        await first.state.remember_alive(["quoter"])
        assert trio.current_time() - began <= 2.0
        for _ in range(50):
            first.beat("quoter")
            await trio.sleep(2.0)
        assert not first.tripped("d")
        await trio.sleep(5.2)
        assert first.tripped("d"), "no trip waits for the disk"
        began = trio.current_time()
        await first.state.remember_alive(["quoter"])
        assert trio.current_time() == began
        told = [record for record in caplog.records if record.name.startswith("deadman.daemon.state")]
        assert [record.levelname for record in told] == ["ERROR"]
        disk.failing, disk.takes = False, 0.0
        await trio.sleep(20.0)
        assert disk.data is not None
        assert b"silence" in disk.data
        assert caplog.records[-1].getMessage() == "the state is written again"
        assert len(disk.writes) < 25, "no hammering"


async def test_a_disk_that_takes_nothing_is_told_at_the_start_and_by_the_board_until_it_does(
    disk: Disk, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    disk.failing = True
    async with run(disk) as first:
        assert "the state cannot be written: No space left on device" in caplog.text
        assert first.board.state_fault == "No space left on device"
        disk.failing = False
        await trio.sleep(10.0)
        assert first.board.state_fault is None


async def test_what_changes_while_it_is_written_is_written_next(disk: Disk, autojump_clock: MockClock) -> None:
    disk.takes = 1.0
    async with run(disk) as first:
        first.beat("quoter")
        await trio.sleep(0.5)
        first.board.post("h", facts.Disarmed(first.board.clock.now(), "alice"))
        await trio.sleep(1.8)
        assert disk.data is not None
        assert b"[accounts.h.disarmed]" in disk.data


async def test_what_changed_just_before_we_stop_is_written_still(disk: Disk, autojump_clock: MockClock) -> None:
    board = Board.new(Clock(trio.current_time, lambda: NOON + trio.current_time()))
    board.add(deribit("d"))
    state = State(board, disk)
    state.restore()
    disk.takes = 0.3
    async with trio.open_nursery() as nursery:
        nursery.start_soon(state.keep)
        await trio.sleep(1.0)
        board.post("d", facts.Disarmed(board.clock.now(), "alice"))
        nursery.cancel_scope.cancel()
    assert disk.data is not None
    assert b"alice" in disk.data


async def test_a_hung_disk_does_not_keep_us_from_stopping(disk: Disk, autojump_clock: MockClock) -> None:
    board = Board.new(Clock(trio.current_time, lambda: NOON + trio.current_time()))
    board.add(deribit("d"))
    state = State(board, disk)
    state.restore()
    disk.takes = 1e6
    with trio.fail_after(3.0):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(state.keep)
            await trio.sleep(0.1)
            board.post("d", facts.Disarmed(board.clock.now(), "alice"))
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("before", "after", "soon"),
    [(2, 5, True), (2, 4, False), (4, 2, False), (5, 2, True), (0, 1, True), (1, 0, True), (0, 0, False)],
)
def test_a_book_that_more_than_doubles_or_halves_is_news(before: int, after: int, soon: bool) -> None:
    assert is_news(Listed(before, 0.0), Listed(after, 9.0)) is soon
    assert is_news(Listed(before, 0.0) if before else None, Listed(after, 9.0)) is soon


async def test_an_upgrade_forgets_no_disarm_no_trip_and_no_hold(disk: Disk, autojump_clock: MockClock) -> None:
    disk.data = signed(
        b"written = 1800000000.0\nunder_way = false\n"
        b'[watches.quoter]\nalive = true\nhold = { until = 1800000900.0, by = "alice", reason = "deploy" }\n'
        b'[accounts.h.disarm]\nby = "bob"\nreason = ""\nsince = 1799999990.0\nconfirmed = true\n'
        b'[accounts.s.trip]\ncause = "operator"\nby = "carol"\nreason = ""\nsince = 1799999990.0\n'
    )
    async with run(disk) as upgraded:
        assert upgraded.phase("h") is Phase.DISARMED
        assert upgraded.phase("s") is Phase.TRIPPING
        assert upgraded.board.watches()["quoter"].hold is not None
        assert disk.aside is None
        await trio.sleep(1.0)
    assert disk.data is not None
    assert b"\nformat = 2\n" in disk.data


async def test_a_state_of_a_later_release_is_refused_and_left_as_it_is(disk: Disk) -> None:
    later = disk.data = signed(b"format = 3\n")
    with pytest.raises(Newer, match="run that release again, or move the file away, which forgets every disarm"):
        async with run(disk):
            raise AssertionError("it has started all the same")
    assert (disk.data, disk.aside, disk.writes) == (later, None, [])
