"""`deadman status` against a living control socket."""

from __future__ import annotations

import json
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deadman.cli import main
from deadman.cli.status import FOLLOW_INTERVAL, WAIT_INTERVAL, Lines, Objects, Screen
from deadman.model import facts
from tests.support.control_thread import Served, served, write_config
from tests.support.screens import ARMED, LOST, OPEN, READ_BACK, answer

STATUS = (sys.executable, "-m", "deadman", "status")


def popen(command: Sequence[str], **streams: Any) -> subprocess.Popen[bytes]:
    """A process that Ctrl-C ends, also where we ourselves were started in the background, which ignores it."""
    return subprocess.Popen(command, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **streams)


def status(made: Served, *arguments: str) -> int:
    return main(["--config", str(made.config), "status", *arguments])


def test_status_exits_0_and_says_fine_when_all_that_is_wanted_is_protected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(tmp_path) as made:
        for account in ("desk", "maker"):
            made.do(made.desk.prove, account)
        assert status(made) == 0
    assert "  fine  2 of 2 accounts protected" in capsys.readouterr().out


def test_status_exits_1_and_says_act_when_something_wanted_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(tmp_path) as made:
        made.do(made.desk.prove, "desk")
        assert status(made) == 1
        assert "  ACT  maker: no session, not armed yet" in capsys.readouterr().out
        assert status(made, "desk") == 0


def test_json_is_the_daemons_answer_on_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(tmp_path) as made:
        assert status(made, "--json") == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert set(json.loads(line)["accounts"]) == {"desk", "maker"}


def test_an_unknown_account_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(tmp_path) as made:
        assert status(made, "dsk") == 2
    assert capsys.readouterr().err == 'deadman: no account "dsk"; did you mean "desk"?\n'


def test_without_a_daemon_status_exits_69_and_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config", str(write_config(tmp_path)), "status"]) == 69
    said = capsys.readouterr().err
    assert f"no daemon at {tmp_path}/control.sock" in said
    assert "systemctl start deadman" in said


def test_a_config_that_is_not_there_exits_78_with_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--config", str(tmp_path / "none.toml")]) == 78
    assert "none.toml: no such file" in capsys.readouterr().err


def test_wait_exits_0_as_soon_as_the_accounts_are_proven(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(tmp_path) as made:
        later = threading.Timer(0.3, made.do, (made.desk.prove, "desk"))
        later.start()
        start = time.monotonic()
        assert status(made, "--wait", "10", "desk") == 0
        assert 0.2 < time.monotonic() - start < 2
        later.join()
    assert "desk     ARMED" in capsys.readouterr().out


def test_wait_exits_1_at_the_deadline_with_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(tmp_path) as made:
        assert status(made, "desk", "--wait", "0.3s", "maker") == 1
    assert "deadman: not within 0.3 s: desk is CONNECTING; maker is CONNECTING\n" in capsys.readouterr().err


def test_wait_of_no_time_looks_once(tmp_path: Path) -> None:
    with served(tmp_path) as made:
        assert status(made, "--wait", "0", "desk") == 1
        made.do(made.desk.prove, "desk")
        assert status(made, "--wait", "0", "desk") == 0


def test_wait_outlasts_a_daemon_that_is_not_up_yet(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    codes: list[int] = []
    waiter = threading.Thread(
        target=lambda: codes.append(main(["--config", str(config), "status", "--wait", "10", "desk"]))
    )
    waiter.start()
    time.sleep(0.3)
    with served(tmp_path) as made:
        made.do(made.desk.prove, "desk")
        waiter.join(5)
    assert codes == [0]


def test_wait_without_any_daemon_exits_69_at_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(write_config(tmp_path)), "status", "--wait", "0.2", "desk"]) == 69
    assert "not within 0.2 s: no daemon at" in capsys.readouterr().err


def test_wait_for_an_unknown_account_does_not_wait(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(tmp_path) as made:
        start = time.monotonic()
        assert status(made, "--wait", "30", "dsk") == 2
        assert time.monotonic() - start < 2
    assert 'did you mean "desk"?' in capsys.readouterr().err


def test_wait_says_at_once_that_a_lease_waits_for_the_bot_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(tmp_path) as made:
        made.do(made.desk.post, "maker", facts.Awaited(made.do(made.board.clock.now)))
        assert status(made, "--wait", "0.5", "maker") == 1
    assert capsys.readouterr().err.count("SX Bet is armed only after quoter checks in") == 1


@pytest.mark.parametrize(
    "arguments", [["--wait", "5"], ["--wait", "5", "desk", "--follow"], ["--wait", "soon", "desk"]]
)
def test_a_wait_that_makes_no_sense_exits_2(tmp_path: Path, arguments: list[str]) -> None:
    config = str(write_config(tmp_path))
    try:
        code = main(["--config", config, "status", *arguments])
    except SystemExit as left:
        code = int(left.code or 0)
    assert code == 2


def test_following_lines_speak_on_change_alone(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for histories in (ARMED, ARMED, ARMED | {"btc-desk": (OPEN, READ_BACK, LOST)}):
        lines.show(answer(histories))
    lines.tell("no daemon")
    lines.tell("no daemon")
    lines.show(answer(ARMED))
    said = capsys.readouterr().out.splitlines()
    assert [line[11:30] for line in said] == [
        "fine  3 of 3 accoun",
        "btc-desk  ARMED, go",
        "eth-desk  ARMED, go",
        "sx-maker  ARMED, go",
        "LOOK  btc-desk: res",
        "btc-desk  DEGRADED,",
        "ACT  no daemon",
        "fine  3 of 3 accoun",
        "btc-desk  ARMED, go",
    ]


def test_following_objects_come_one_a_line_and_an_absence_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    objects = Objects()
    objects.show(answer(ARMED))
    objects.tell("no daemon")
    objects.tell("no daemon")
    told = capsys.readouterr()
    assert json.loads(told.out)["accounts"]["btc-desk"]["protected"]
    assert told.err == "deadman: no daemon\n"


def test_a_screen_is_redrawn_and_never_taller_than_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINES", "4")
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen()
    screen.show(answer(ARMED))
    screen.tell("no daemon")
    first, second, third = capsys.readouterr().out.split("\x1b[H\x1b[2J")
    assert first == ""
    assert len(second.splitlines()) == 3
    assert "  ACT  no daemon" in third


def read_until(descriptor: int, words: bytes, patience: float = 10.0) -> bytes:
    seen, deadline = b"", time.monotonic() + patience
    while words not in seen and time.monotonic() < deadline:
        if select.select([descriptor], [], [], 0.2)[0]:
            seen += os.read(descriptor, 65536)
    assert words in seen
    return seen


def test_follow_outlasts_a_restart_of_the_daemon_and_ends_quietly_on_ctrl_c(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with popen(
        [*STATUS, "--follow", "--config", str(config)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        read_until(process.stdout.fileno(), b"ACT  no daemon")
        with served(tmp_path) as made:
            made.do(made.desk.prove, "desk")
            read_until(process.stdout.fileno(), b"desk  ARMED")
        read_until(process.stdout.fileno(), b"ACT  no daemon")
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130
        assert process.stderr.read() == b""


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_follow_ends_when_its_reader_leaves_though_nothing_changes(tmp_path: Path, form: list[str]) -> None:
    command = [*STATUS, "--follow", *form, "--config", str(write_config(tmp_path))]
    with served(tmp_path), popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        read_until(process.stdout.fileno(), b"\n")
        process.stdout.close()
        assert process.wait(5) == 141
        assert process.stderr.read() == b""


def test_follow_into_a_file_goes_on(tmp_path: Path) -> None:
    command = [*STATUS, "--follow", "--json", "--config", str(write_config(tmp_path))]
    with served(tmp_path), (tmp_path / "lines").open("wb") as file, popen(command, stdout=file) as process:
        deadline = time.monotonic() + 10.0
        while (tmp_path / "lines").read_bytes().count(b"\n") < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130
    assert (tmp_path / "lines").read_bytes().count(b"\n") >= 2


def test_follow_on_a_terminal_redraws_in_colour(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    with served(tmp_path) as made:
        process = popen(
            [*STATUS, "--follow", "--config", str(made.config)], stdout=theirs, stderr=theirs, env=environment
        )
        said = read_until(ours, b"CONNECTING")
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130
    os.close(ours)
    os.close(theirs)
    assert b"\x1b[H\x1b[2J" in said
    assert b"\x1b[1;31mACT\x1b[0m" in said


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_no_colours_gets_none(tmp_path: Path, setting: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    with served(tmp_path) as made:
        environment = os.environ | {"TERM": "xterm"} | setting
        subprocess.run([*STATUS, "--config", str(made.config)], stdout=theirs, env=environment, check=False)
        said = os.read(ours, 65536)
    os.close(ours)
    os.close(theirs)
    assert b"ACT" in said
    assert b"\x1b" not in said


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with served(tmp_path) as made:
        done = subprocess.run(
            [*STATUS, "--config", str(made.config)], stdout=writing, stderr=subprocess.PIPE, check=False
        )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("verb", ["rules", "init"])
def test_an_answer_that_finds_no_space_is_told_in_words(tmp_path: Path, verb: str) -> None:
    command = (sys.executable, "-m", "deadman", "--config", str(write_config(tmp_path)), verb)
    with open("/dev/full", "w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.endswith("deadman: the answer cannot be written: No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_cost_nobody_the_exit_code(closed: str) -> None:
    command = ("sh", "-c", f"{shlex.quote(sys.executable)} -m deadman rules {closed}")
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_poor_locale_costs_nobody_the_message(tmp_path: Path) -> None:
    with served(tmp_path) as made:
        environment = os.environ | {"PYTHONIOENCODING": "ascii"}
        done = subprocess.run(
            [*STATUS, "--config", str(made.config)], capture_output=True, env=environment, check=False
        )
    assert done.returncode == 1
    assert b"CONNECTING" in done.stdout


def test_paces_leave_the_daemon_in_peace() -> None:
    assert FOLLOW_INTERVAL >= 1
    assert WAIT_INTERVAL >= 0.1
