"""Sockets whose files somebody removes under the living daemon."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from deadman.daemon.ticker import Presence


def listen(path: Path) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    opened.bind(str(path))
    return opened


def test_a_socket_that_is_removed_is_told_once_and_once_more_when_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "quoter.sock"
    presence = Presence(lambda: [path])
    with listen(path):
        presence.look()
        assert caplog.text == ""
        path.unlink()
        presence.look()
        presence.look()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert f"{path} is gone" in caplog.text
    assert "restart the daemon" in caplog.text
    with listen(path):
        presence.look()
    assert caplog.messages[-1] == f"{path} is there again"


def test_what_took_the_place_of_a_socket_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "quoter.sock").touch()
    Presence(lambda: [tmp_path / "quoter.sock"]).look()
    assert "quoter.sock is gone" in caplog.text


def test_a_watch_that_a_reload_takes_away_is_not_missed_any_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = [tmp_path / "quoter.sock"]
    presence = Presence(lambda: paths)
    with listen(paths[0]):
        presence.look()
        paths[0].unlink()
        presence.look()
    paths.clear()
    presence.look()
    assert [record.levelname for record in caplog.records] == ["ERROR"], "not said to be there again"


def test_a_directory_that_cannot_be_searched_is_told_once_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    refused: list[OSError] = [PermissionError(13, "Permission denied")]

    def is_socket(path: Path) -> bool:
        if refused:
            raise refused[0]
        return True

    presence = Presence(lambda: [Path("/run/deadman/watch/quoter.sock")], is_socket)
    presence.look()
    presence.look()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "cannot be looked for (Permission denied)" in caplog.text
    refused[0] = OSError(5, "Input/output error")
    presence.look()
    assert "Input/output error" in caplog.messages[-1]
    refused.clear()
    presence.look()
    assert caplog.messages[-1].endswith("is there again")
