"""`deadman beat`: one datagram, never a wait, and words when it cannot be."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deadman.cli import main
from tests.support.control_thread import write_config


@contextmanager
def watched(directory: Path, name: str = "quoter") -> Iterator[socket.socket]:
    """A watch's socket as the daemon makes it, bound and not read."""
    (directory / "watch").mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(directory / "watch" / f"{name}.sock"))
        yield sock


def beat(directory: Path, name: str = "quoter") -> int:
    return main(["beat", name, "--config", str(write_config(directory))])


def test_a_beat_is_one_check_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with watched(tmp_path) as sock:
        assert beat(tmp_path) == 0
        sock.setblocking(False)
        assert sock.recv(100) == b"WATCHDOG=1"
        with pytest.raises(BlockingIOError):
            sock.recv(100)
    assert capsys.readouterr() == ("", "")


def test_a_beat_without_a_daemon_exits_69(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert beat(tmp_path) == 69
    assert "no daemon at" in capsys.readouterr().err


def test_a_beat_to_a_crashed_daemons_socket_exits_69(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with watched(tmp_path):
        pass
    assert beat(tmp_path) == 69
    assert "is gone: start it" in capsys.readouterr().err


def test_a_beat_never_blocks_and_tells_of_a_daemon_that_does_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with watched(tmp_path):
        while beat(tmp_path) == 0:
            pass
    assert "the daemon does not read" in capsys.readouterr().err


def test_a_mistyped_watch_is_told_with_the_likely_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with watched(tmp_path):
        assert beat(tmp_path, "quotter") == 2
    assert 'no watch "quotter"' in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../control", "a/b", "/etc/x"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    assert beat(tmp_path, name) == 2
