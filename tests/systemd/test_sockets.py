"""A socket unit without its drop-in: the service's restart deletes the file of a socket that lives on."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from deadman.transport.unix import adopt


def held_by_systemd(path: Path) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    opened.bind(str(path))
    return opened


def test_a_socket_without_its_file_is_told_with_the_remedy(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "quoter.sock"
    opened = held_by_systemd(path)
    path.unlink()
    adopt(opened, path).close()
    assert "drop-ins/sockets.conf" in caplog.text


def test_a_socket_with_its_file_is_taken_on_in_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "quoter.sock"
    adopt(held_by_systemd(path), path).close()
    assert caplog.text == ""
    assert path.exists()
