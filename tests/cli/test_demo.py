"""`deadman demo` as a process: however it ends, it says nothing ugly and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from deadman.simulator.demo import Telling
from deadman.simulator.simulate import USUAL_PORT, reserved_port

TIMEOUT = 20.0


def until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + TIMEOUT
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


@contextmanager
def playing(home: Path) -> Iterator[subprocess.Popen[str]]:
    """The demo, its daemon started. It keeps its own files below `home`."""
    environment = os.environ | {"TMPDIR": str(home)}
    command = (sys.executable, "-m", "deadman", "demo")
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=environment) as process:
        try:
            assert until(lambda: bool(daemons(process.pid)))
            yield process
        finally:
            process.kill()


def daemons(parent: int) -> list[int]:
    """The children whose program has been loaded: a fork of ours still has our own command line."""
    listed = Path(f"/proc/{parent}/task/{parent}/children")
    tasks = Path(f"/proc/{parent}/task").glob("*/children") if listed.exists() else ()
    pids = [int(pid) for task in tasks for pid in task.read_text().split()]
    return [pid for pid in pids if "simulator.demo_world" in command_of(pid)]


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc")
@pytest.mark.parametrize(
    ("signal_", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)]
)
def test_a_demo_that_is_ended_leaves_no_daemon_and_no_traceback(
    tmp_path: Path, signal_: signal.Signals, code: int
) -> None:
    with playing(tmp_path) as process:
        (daemon,) = daemons(process.pid)
        process.send_signal(signal_)
        told, complained = process.communicate(timeout=TIMEOUT)
        assert process.returncode == code
        assert complained == ""
        assert "metrics and status page: http://127.0.0.1:" in told
        assert until(lambda: "simulator.demo_world" not in command_of(daemon))
        assert signal_ is signal.SIGKILL or not list(tmp_path.iterdir())


def test_a_demo_whose_reader_leaves_ends_without_a_traceback(tmp_path: Path) -> None:
    with playing(tmp_path) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(TIMEOUT * 2) == 141
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_two_at_a_time_take_two_ports_and_only_a_daemon_takes_a_reserved_one() -> None:
    with reserved_port() as first, reserved_port() as second:
        assert first != second
        assert second != USUAL_PORT
        with socket.socket() as daemon:
            daemon.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            daemon.bind(("127.0.0.1", first))
            daemon.listen()


async def test_a_wait_is_counted_until_the_next_line_takes_its_place(
    autojump_clock: MockClock, capsys: pytest.CaptureFixture[str]
) -> None:
    telling = Telling()
    with trio.move_on_after(2.5):
        await telling.show_waiting()
    telling.claim("held", held=True)
    telling.claim("held too", held=True)
    assert capsys.readouterr().out == "\r   … 1 s\r   … 2 s\r\x1b[K   ok  held\n   ok  held too\n"


def test_on_a_narrow_terminal_no_line_is_broken_by_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    telling = Telling()
    telling.heading("deadman demo: Deribit and SX Bet simulated on this machine; nothing leaves it.")
    telling.chapter("Deribit goes silent: sockets stay open, nothing answers, and nobody knows")
    telling.tell("Two accounts. At Deribit cancel-on-disconnect is off, as it comes; SX Bet holds no lease.")
    telling.claim("asked at the venue: a connection opened now loses its orders with itself", held=True)
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 58
    assert "\n1  Deribit goes silent" in told
