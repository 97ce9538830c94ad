"""The thread that reads: a stalled loop stalls no sender, and no sender stalls the loop."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
import trio

from deadman.checkins.rounds import Watches
from deadman.checkins.sockets import SocketInboxes
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.facts import Cause
from deadman.model.guard import Phase
from deadman.model.settings import WatchConfig
from tests.support.watching import deribit

FLOOD = """
import socket, sys, time
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
words, sent, began = [b"WATCHDOG=1", b"STATUS=busy", b"garbage"], 0, time.monotonic()
while time.monotonic() < began + float(sys.argv[2]):
    for _ in range(20):
        out.sendto(words[sent % 3], sys.argv[1])
        sent += 1
    time.sleep(max(0.0, began + sent / 10_000 - time.monotonic()))
print(sent)
"""


@asynccontextmanager
async def watching(directory: Path, dead_after: float = 2.0) -> AsyncIterator[Board]:
    """Two bots, an account on each."""
    board = Board.new(Clock(trio.lowlevel.current_clock().current_time, time.time))
    for name in ("quoter", "hedger"):
        board.add(deribit(name, name))
    inboxes = SocketInboxes(directory, None, board.clock)
    watches = Watches(board, inboxes)
    watches.apply({name: WatchConfig(name, dead_after) for name in ("quoter", "hedger")})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watches.run)
        try:
            yield board
        finally:
            nursery.cancel_scope.cancel()
            inboxes.close()


def send(path: Path, data: bytes = b"WATCHDOG=1") -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(data, str(path))


@contextmanager
def beating(*paths: Path) -> Iterator[None]:
    """Bots that block, each in a thread of its own, five times a second."""
    done = threading.Event()

    def beat(path: Path) -> None:
        while not done.wait(0.2):
            send(path)

    threads = [threading.Thread(target=beat, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def start_flood(path: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", FLOOD, str(path), str(seconds)], stdout=subprocess.PIPE, text=True)


def stall(seconds: float) -> None:
    time.sleep(seconds)  # the very thing no task may do


async def test_no_sender_blocks_while_our_loop_stalls(tmp_path: Path) -> None:
    async with watching(tmp_path):
        await trio.sleep(0.05)
        spent: list[float] = []

        def blast() -> None:
            began = time.monotonic()
            for _ in range(500):
                send(tmp_path / "quoter.sock")
            spent.append(time.monotonic() - began)

        bot = threading.Thread(target=blast)
        bot.start()
        stall(1.5)
        assert not bot.is_alive(), "it would still wait for room in a queue of ten"
        bot.join()
        assert spent[0] < 1.2


async def test_a_stall_of_ours_makes_no_living_bot_look_dead_and_no_dead_bot_alive(tmp_path: Path) -> None:
    async with watching(tmp_path, dead_after=1.0) as board:
        with beating(tmp_path / "quoter.sock"):
            send(tmp_path / "hedger.sock")
            await trio.sleep(0.3)
            for _ in range(3):
                stall(0.6)  # does not count as silence, and what came meanwhile is read before anybody is judged
                await trio.sleep(0.15)
            assert [board.standing(name).guard.trip for name in ("quoter", "hedger")] == [None, None]
            await trio.sleep(0.7)
            assert board.standing("quoter").guard.trip is None
            assert board.standing("hedger").phase is Phase.TRIPPING
            stall(1.5)
            await trio.sleep(0.9)
            assert board.standing("quoter").guard.trip is None


async def test_a_trigger_reaches_the_loop_at_once(tmp_path: Path) -> None:
    async with watching(tmp_path) as board:
        tripped_at: list[float] = []
        board.listen(lambda name, before, after: tripped_at.append(time.monotonic()))
        await trio.sleep(0.1)
        for _ in range(5):
            await trio.sleep(0.013)
        sent_at = time.monotonic()
        await trio.to_thread.run_sync(send, tmp_path / "quoter.sock", b"WATCHDOG=trigger")
        await trio.sleep(0.2)
        trip = board.standing("quoter").guard.trip
        assert trip is not None
        assert trip.cause is Cause.TRIGGER
        assert tripped_at[0] - sent_at < 0.09


async def test_a_flood_at_one_socket_delays_neither_the_loop_nor_the_other_bots(tmp_path: Path) -> None:
    seconds = 1.5
    async with watching(tmp_path, dead_after=1.0) as board:
        with beating(tmp_path / "hedger.sock"):
            await trio.sleep(0.1)
            flood = start_flood(tmp_path / "quoter.sock", seconds)
            lags = []
            while flood.poll() is None:
                due = trio.current_time() + 0.005
                await trio.sleep_until(due)
                lags.append(trio.current_time() - due)
            sent = int(flood.communicate()[0])
            await trio.sleep(0.2)
        quoter, hedger = board.watch("quoter"), board.watch("hedger")
        assert sent > 1000
        assert quoter.check_ins + quoter.ignored == sent - sent // 3 - (sent % 3 == 2), "all but the statuses"
        assert board.standing("hedger").guard.trip is None
        assert hedger.check_ins >= 5
        lags.sort()
        assert lags[len(lags) // 2] < 0.01
        assert lags[-1] < 0.5


def reading_threads() -> list[str]:
    """Trio names a thread by its work, as long as it works."""
    return [thread.name for thread in threading.enumerate() if "SocketInboxes" in thread.name]


async def test_the_thread_ends_with_its_task(tmp_path: Path) -> None:
    inboxes = SocketInboxes(tmp_path, None, Clock(time.monotonic, time.time))
    for _ in range(3):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(inboxes.serve, lambda: None)
            with trio.fail_after(5.0):
                while not reading_threads():
                    await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
    with trio.fail_after(5.0):
        while reading_threads():
            await trio.sleep(0.01)


def test_a_bug_in_the_thread_comes_out_in_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        inboxes = SocketInboxes(tmp_path, None, Clock(time.monotonic, time.time))
        inboxes.apply({"quoter": WatchConfig("quoter", 5.0)})
        try:
            send(tmp_path / "quoter.sock")
            with trio.fail_after(5.0):
                await inboxes.serve(lambda: None)
        finally:
            inboxes.close()

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("deadman.checkins.sockets.receive", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        trio.run(main)


WATCHED = """
import sys, time, trio
from pathlib import Path
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.settings import WatchConfig
from deadman.checkins.sockets import SocketInboxes
from deadman.checkins.rounds import Watches
from tests.support.watching import deribit

async def main():
    board = Board.new(Clock(trio.lowlevel.current_clock().current_time, time.time))
    for name in ("quoter", "hedger"):
        board.add(deribit(name, name))
    board.listen(lambda name, before, after: print(name, after.phase, flush=True))
    watches = Watches(board, SocketInboxes(Path(sys.argv[1]), None, board.clock))
    watches.apply({name: WatchConfig(name, 1.0) for name in ("quoter", "hedger")})
    print("ready", flush=True)
    await watches.run()

trio.run(main)
"""


def send_if_there_is_room(path: Path) -> None:
    """As a bot should: it never waits for us."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out, suppress(BlockingIOError):
        out.sendto(b"WATCHDOG=1", str(path))


def test_stopped_and_continued_it_holds_no_silence_against_a_living_bot(tmp_path: Path) -> None:
    daemon = subprocess.Popen([sys.executable, "-c", WATCHED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert daemon.stdout is not None
    try:
        assert daemon.stdout.readline() == "ready\n"
        send(tmp_path / "hedger.sock")
        for step in range(32):
            send_if_there_is_room(tmp_path / "quoter.sock")
            if step == 4:
                daemon.send_signal(signal.SIGSTOP)
            if step == 16:
                daemon.send_signal(signal.SIGCONT)
            time.sleep(0.15)
    finally:
        daemon.kill()
        told = daemon.communicate()[0].split("\n")
    assert "hedger tripping" in told, "it died, and is dead a timeout after our return"
    assert "quoter tripping" not in told
