"""Who can be told from whom, by the maps that systemd and container runtimes set up."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from deadman.checkins.sockets import look_up_or_allow_nobody
from deadman.control.server import users_named
from deadman.model.settings import WatchConfig
from deadman.model.watch import Sender
from deadman.transport.peers import is_gone, is_hidden

PRIVATE_USERS = "         0          0          1\n     61854      61854          1\n"
WHOLE_HOST = "         0          0 4294967295\n"


@pytest.fixture
def uid_map(tmp_path: Path) -> Path:
    return tmp_path / "uid_map"


@pytest.mark.parametrize(("uid", "hidden"), [(0, False), (61854, False), (1001, True), (65534, True)])
def test_private_users_hide_all_but_root_and_the_daemons_own(uid_map: Path, uid: int, hidden: bool) -> None:
    uid_map.write_text(PRIVATE_USERS)
    assert is_hidden(uid, uid_map) is hidden


def test_on_the_bare_host_nobody_is_hidden(uid_map: Path) -> None:
    uid_map.write_text(WHOLE_HOST)
    assert not is_hidden(1001, uid_map)


def test_where_the_kernel_keeps_no_map_nobody_is_hidden(uid_map: Path) -> None:
    assert not is_hidden(1001, uid_map)


def test_a_watch_for_a_hidden_user_lets_nobody_in_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    """Above all not user 65534, as whom everybody is shown."""
    may = look_up_or_allow_nobody(WatchConfig("quoter", 5.0, user="65534"), lambda uid: True)
    assert not may(Sender(1, 65534))
    assert "operators.conf" in caplog.text


def test_a_hidden_operator_may_do_nothing_and_is_told_why(caplog: pytest.LogCaptureFixture) -> None:
    assert users_named(("nobody",), lambda uid: True) == {}
    assert "operators.conf" in caplog.text


def test_only_a_process_that_has_ended_is_gone() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert is_gone(child.pid)
    assert not is_gone(os.getpid())
    assert not is_gone(0), "a sender that the kernel hides from us"
