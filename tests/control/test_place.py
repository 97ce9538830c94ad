"""The socket's place: taken from the dead and never from the living, open to whom it should be."""

from __future__ import annotations

import grp
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from deadman.control.server import Policy
from deadman.model.settings import DaemonConfig
from deadman.transport.peers import Peer, peer_of
from deadman.transport.unix import SocketFault, bind


@contextmanager
def listening(path: Path, group: int | None) -> Iterator[socket.socket]:
    """As the control server does it."""
    with closing(bind(path, socket.SOCK_STREAM, group)) as bound:
        yield bound.socket


def daemon(**keys: object) -> DaemonConfig:
    return DaemonConfig(Path("/run/deadman"), Path("/var/lib/deadman"), **keys)  # type: ignore[arg-type]


def test_the_socket_is_for_its_owner_and_group_alone(tmp_path: Path) -> None:
    path = tmp_path / "run" / "control.sock"
    with listening(path, None):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert path.stat().st_gid == os.getegid()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to any group")
def test_the_configured_group_gets_the_socket(tmp_path: Path) -> None:
    group = grp.getgrnam("daemon").gr_gid
    with listening(tmp_path / "control.sock", group):
        assert (tmp_path / "control.sock").stat().st_gid == group


def test_it_is_removed_in_the_end(tmp_path: Path) -> None:
    with listening(tmp_path / "control.sock", None):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_stale_socket_of_a_crash_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as crashed:
        crashed.bind(str(path))
        crashed.listen()
    with listening(path, None), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(path))


def test_a_living_daemons_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with listening(path, None):
        inode = path.stat().st_ino
        with pytest.raises(SocketFault, match="another process listens"), listening(path, None):
            pass
        assert path.stat().st_ino == inode


def test_a_daemon_too_busy_to_accept_still_counts_as_living(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as busy:
        busy.bind(str(path))
        busy.listen(0)
        clients = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(3)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(str(path))
        with pytest.raises(SocketFault), listening(path, None):
            pass
        for client in clients:
            client.close()


def test_a_file_in_the_way_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("precious")
    with pytest.raises(SocketFault, match="no socket"), listening(path, None):
        pass
    assert path.read_text() == "precious"


def test_a_successors_socket_is_not_removed_by_its_predecessor(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with listening(path, None):
        path.unlink()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as successor:
            successor.bind(str(path))
    assert path.exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a directory where nothing can be made")
def test_a_place_where_nothing_can_be_made_is_told_in_words() -> None:
    with (
        pytest.raises(SocketFault, match=r"cannot listen at .*runtime_directory"),
        listening(Path("/proc/x/c.sock"), None),
    ):
        pass


def test_a_path_too_long_for_a_socket_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(SocketFault, match="too long"), listening(tmp_path / ("x" * 120) / "control.sock", None):
        pass


def test_the_kernel_tells_who_connected(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with listening(path, None) as server, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(path))
        accepted, _ = server.accept()
        with accepted:
            assert peer_of(accepted.getsockopt) == Peer(os.getpid(), os.getuid())


def test_root_the_daemons_user_and_operators_may_change_things_and_nobody_else() -> None:
    users = Policy.of(daemon(operators=("daemon",))).users
    assert users.keys() == {0, os.geteuid(), 1}
    assert (users[0], users[1]) == ("root", "daemon")


def test_unknown_operators_and_groups_are_told_and_let_nobody_in(caplog: pytest.LogCaptureFixture) -> None:
    policy = Policy.of(daemon(operators=("no-such-user",), socket_group="no-such-group"))
    assert set(policy.users) == {0, os.geteuid()}
    assert policy.group is None
    assert "no-such-user" in caplog.text
    assert "no-such-group" in caplog.text


def test_a_group_that_the_daemon_is_not_in_is_told_and_lets_nobody_in(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    monkeypatch.setattr(os, "getgroups", list)
    group = next(one.gr_name for one in grp.getgrall() if one.gr_gid != os.getegid())
    assert Policy.of(daemon(socket_group=group)).group is None
    assert f'the daemon is not in "{group}"' in caplog.text
