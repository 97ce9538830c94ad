"""The clients' side of the socket: every way it can go wrong, in words and with the right exit code."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deadman.cli.client import ask, status_of
from deadman.cli.parser import Misused, NotDone, Unreachable
from deadman.control.rpc import FORBIDDEN, TOO_MANY, UNKNOWN_NAME, begun
from deadman.control.server import Policy
from deadman.model.guard import Phase
from tests.support.control_thread import served, write_config

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become other users")


@contextmanager
def answering(directory: Path, line: bytes | None) -> Iterator[Path]:
    """Something that answers one connection with `line`, or never when None."""
    path = directory / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen()

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                if line is None:
                    gone.wait(10)
                else:
                    peer.recv(65536)
                    peer.sendall(line)

        gone = threading.Event()
        thread = threading.Thread(target=answer)
        thread.start()
        yield path
        gone.set()
        thread.join()


@pytest.mark.parametrize(
    "line", [b"", b"hello\n", b"{}\n", b"[]\n", b"5\n", b'{"error":5}\n', b'{"result":', b"\xff\n"]
)
def test_what_is_no_deadman_is_told_in_words(tmp_path: Path, line: bytes) -> None:
    with answering(tmp_path, line) as path, pytest.raises(Unreachable, match="broke off, or is no deadman"):
        ask(path, "status", {})


def test_a_daemon_that_ends_in_the_middle_has_begun_what_it_said_it_has(tmp_path: Path) -> None:
    with answering(tmp_path, begun(1)) as path, pytest.raises(NotDone, match="disarm: begun; see status"):
        ask(path, "disarm", {})


def test_a_daemon_that_hangs_is_given_up_on(tmp_path: Path) -> None:
    with answering(tmp_path, None) as path, pytest.raises(Unreachable, match=r"did not answer within .*it may hang"):
        ask(path, "status", {}, timeout=0.2)


def test_a_daemon_of_another_version_is_told_of_in_words(tmp_path: Path) -> None:
    line = b'{"result":{"version":"0.0.9","accounts":{}}}\n'
    with answering(tmp_path, line) as path, pytest.raises(NotDone, match=r"is deadman 0\.0\.9, this is .* restart"):
        status_of(path)


@pytest.mark.parametrize(("code", "kind"), [(UNKNOWN_NAME, Misused), (FORBIDDEN, NotDone), (TOO_MANY, Unreachable)])
def test_the_daemons_refusals_become_ours_by_what_happens_next(
    tmp_path: Path, code: int, kind: type[Exception]
) -> None:
    line = b'{"error":{"code":%d,"message":"no\\u001b[31m"}}\n' % code
    with answering(tmp_path, line) as path, pytest.raises(kind, match=r"no\\x1b\[31m"):
        ask(path, "arm", {})


def test_a_socket_nobody_listens_at_is_told_as_a_daemon_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as crashed:
        crashed.bind(str(path))
    with pytest.raises(Unreachable, match="is gone: start it"):
        ask(path, "status", {})


def test_a_daemon_that_does_not_accept_is_told_as_busy(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as busy:
        busy.bind(str(path))
        busy.listen(0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as first:
            first.connect(str(path))
            with pytest.raises(Unreachable, match="too busy to answer"):
                ask(path, "status", {}, timeout=0.3)


def test_a_path_too_long_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="too long"):
        ask(tmp_path / ("x" * 120), "status", {})


@pytest.mark.parametrize("verb", ["status", "arm", "disarm", "trip", "hold", "release", "beat", "init"])
def test_clients_load_neither_the_loop_nor_the_networks_libraries(verb: str) -> None:
    heavy = ("trio", "httpx", "trio_websocket", "prometheus_client", "asyncio")
    code = (
        "import sys, importlib; import deadman.cli; from deadman.cli.parser import VERBS;"
        f"importlib.import_module(VERBS['{verb}'][0]);"
        f"sys.stdout.write(', '.join(name for name in {heavy!r} if name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b""


@contextmanager
def open_directory() -> Iterator[Path]:
    """One that other users may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)  # noqa: S103 - it is emptied in a moment
        yield Path(name)


def run_as(uid: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line as another user; everything is imported before, for that user may not read our interpreter."""
    code = (
        "import os, sys; from deadman.cli import main;"
        "import deadman.cli.status, deadman.cli.operate, deadman.cli.beat, encodings.utf_8_sig, locale;"
        f"os.setgroups([]); os.setgid({uid}); os.setuid({uid}); sys.exit(main({list(arguments)!r}))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@as_root
def test_another_user_outside_of_the_group_is_told_which_group_to_join() -> None:
    with open_directory() as directory, served(directory) as made:
        done = run_as(NOBODY, "--config", str(made.config), "status")
    assert done.returncode == 69
    assert "you may not talk to the daemon" in done.stderr
    assert "join the group root" in done.stderr


@as_root
def test_a_bots_user_outside_of_the_group_is_told_which_group_may_check_in() -> None:
    with open_directory() as directory:
        watch = directory / "watch"
        watch.mkdir()
        os.chown(watch, 0, NOBODY - 1)
        os.chmod(watch, 0o750)  # noqa: S103 - the mode of the runtime directory
        done = run_as(NOBODY, "--config", str(write_config(directory)), "beat", "quoter")
    assert done.returncode == 69
    assert f"you may not check in at {watch}/quoter.sock: join the group {NOBODY - 1}, or be root" in done.stderr


@as_root
def test_another_user_of_the_group_may_look_and_not_change() -> None:
    with open_directory() as directory, served(directory, Policy({0: "root"}, group=NOBODY)) as made:
        assert "CONNECTING" in run_as(NOBODY, "--config", str(made.config), "status").stdout
        done = run_as(NOBODY, "--config", str(made.config), "disarm", "--yes", "desk")
        assert done.returncode == 1
        assert f"you (uid {NOBODY}) may look, not disarm" in done.stderr
        assert made.board.standing("desk").phase is Phase.CONNECTING


@as_root
def test_an_operator_may_change_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with open_directory() as directory, served(directory, Policy({NOBODY: "carol"}, group=NOBODY)) as made:
        made.do(made.desk.prove, "desk")
        assert run_as(NOBODY, "--config", str(made.config), "arm", "desk").stdout.startswith("desk: armed")
    assert f"arm desk by carol (uid {NOBODY}, pid " in caplog.text
