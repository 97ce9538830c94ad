"""The operator's verbs against a living control socket: what they ask, do, say, and exit with."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deadman.cli import main
from deadman.control import commands
from deadman.model import facts
from deadman.model.drill import DrillEnded
from deadman.model.guard import Phase
from tests.support.control_thread import Served, served, write_config

Keeper = Callable[[Served], None]


def run(made: Served, *arguments: str) -> int:
    return main([*arguments, "--config", str(made.config)])


def confirm_once_disarmed(made: Served) -> None:
    """What a keeper does once the venue has answered."""
    while made.board.standing("desk").phase is not Phase.DISARMED:
        time.sleep(0.05)
    made.do(lambda: made.board.post("desk", facts.DisarmConfirmed(made.board.clock.now())))


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    threads: list[threading.Thread] = []

    def keep(made: Served) -> None:
        threads.append(threading.Thread(target=confirm_once_disarmed, args=(made,)))
        threads[-1].start()

    yield keep
    for thread in threads:
        thread.join(10)


def test_disarm_exits_0_when_the_venue_confirmed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], keeper: Keeper
) -> None:
    with served(tmp_path) as made:
        keeper(made)
        assert run(made, "disarm", "desk", "--yes", "--for", "15m", "--reason", "lunch") == 0
        disarm = made.board.standing("desk").guard.disarm
    assert disarm is not None
    assert disarm.until is not None
    assert (disarm.reason, round(disarm.until - disarm.at)) == ("lunch", 900)
    assert capsys.readouterr().out.startswith("desk: disarmed until ")


def test_what_is_outstanding_is_told_and_exits_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "COMMAND_TIMEOUT", 0.2)
    with served(tmp_path) as made:
        assert run(made, "trip", "--all", "--yes") == 1
        assert {standing.phase for standing in made.board.standings().values()} == {Phase.TRIPPING}
    said = capsys.readouterr()
    assert said.out == ""
    desk, maker = said.err.splitlines()
    assert desk == "desk: open orders not known yet; deadman keeps trying"
    presumed = r"a lease may run until \d\d:\d\d:\d\dZ"
    assert re.fullmatch(f"maker: open orders not known yet; {presumed}; deadman keeps trying", maker)


def test_arm_of_what_is_armed_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(tmp_path) as made:
        made.do(made.desk.prove, "desk")
        assert run(made, "arm", "desk") == 0
    assert capsys.readouterr().out.startswith("desk: armed, good for ")


@pytest.mark.parametrize("verb", ["disarm", "trip"])
def test_without_a_terminal_and_yes_nothing_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    with served(tmp_path) as made:
        assert run(made, verb, "desk") == 2
        assert made.board.standing("desk").phase is Phase.CONNECTING
    assert capsys.readouterr().err == "deadman: nothing is done: there is no terminal to ask at, and no --yes\n"


def at_a_terminal(made: Served, typed: bytes, *arguments: str) -> tuple[int, str]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "deadman", *arguments, "--config", str(made.config)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    said = b""
    while b"Type" not in said and process.poll() is None:
        said += os.read(ours, 65536)
    os.write(ours, typed)
    code = process.wait(20)
    said += os.read(ours, 65536)
    os.close(ours)
    os.close(theirs)
    return code, said.decode()


def test_at_a_terminal_it_says_what_it_would_do_and_yes_does_it(tmp_path: Path, keeper: Keeper) -> None:
    with served(tmp_path) as made:
        made.do(made.desk.post, "desk", facts.OrdersCounted(made.do(made.board.clock.now), 3))
        keeper(made)
        code, said = at_a_terminal(made, b"yes\n", "disarm", "desk")
        assert code == 0
        assert "Switches off desk (3 open when last counted): their orders stay" in said
        assert made.board.standing("desk").phase is Phase.DISARMED


@pytest.mark.parametrize("typed", [b"no\n", b"\n", b"\x04"])
def test_at_a_terminal_anything_but_yes_does_nothing(tmp_path: Path, typed: bytes) -> None:
    with served(tmp_path) as made:
        code, said = at_a_terminal(made, typed, "trip", "--all")
        assert code == 1
        assert "Cancels the orders of desk (open orders not known), maker" in said
        assert "nothing is done" in said
        assert made.board.standing("desk").phase is Phase.CONNECTING


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("arm",), "name the accounts, or say --all"),
        (("trip", "--yes"), "name the accounts, or say --all"),
        (("disarm", "desk", "--all", "--yes"), "either name accounts or say --all"),
        (("arm", "dsk"), 'no account "dsk"; did you mean "desk"?'),
        (("hold", "quotr", "--for", "5m"), 'no watch "quotr"; did you mean "quoter"?'),
        (("hold", "quoter", "--for", "999999h"), "for must be a number of seconds"),
    ],
)
def test_a_mistake_exits_2_and_does_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    with served(tmp_path) as made:
        assert run(made, *arguments) == 2
        assert made.board.standing("desk").phase is Phase.CONNECTING
    assert words in capsys.readouterr().err


def test_hold_and_release_say_what_they_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(tmp_path) as made:
        assert run(made, "hold", "quoter", "--for", "1h30m", "--reason", "deploy") == 0
        assert made.board.watch("quoter").hold is not None
        assert run(made, "release", "quoter") == 0
        assert made.board.watch("quoter").hold is None
    held, released = capsys.readouterr().out.splitlines()
    assert held.startswith("quoter: on hold until ")
    assert released == "quoter: released; it has not checked in"


@pytest.mark.parametrize("arguments", [("arm", "desk"), ("disarm", "desk", "--yes"), ("hold", "quoter", "--for", "5m")])
def test_without_a_daemon_the_verbs_exit_69(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert main([*arguments, "--config", str(write_config(tmp_path))]) == 69
    assert "no daemon at" in capsys.readouterr().err


def test_a_trip_without_a_daemon_points_to_the_way_without_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trip", "desk", "--yes", "--config", str(write_config(tmp_path))]) == 69
    assert "`deadman trip --direct` cancels without it" in capsys.readouterr().err


@pytest.mark.parametrize(("meant", "accounts"), [(("desk", "maker"), ["desk", "maker"]), (("--all",), [])])
def test_a_direct_trip_asks_no_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meant: tuple[str, ...], accounts: list[str]
) -> None:
    asked: list[object] = []

    def cancel(*given: object) -> int:
        asked.extend(given)
        return 0

    monkeypatch.setattr("deadman.cli.direct.trip", cancel)
    config = write_config(tmp_path)
    assert main(["trip", *meant, "--direct", "--yes", "--reason", "fire", "--config", str(config)]) == 0
    assert asked == [config, accounts, "fire"]


def test_a_direct_trip_asks_the_operator_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trip", "--all", "--direct", "--config", str(write_config(tmp_path))]) == 2
    assert "there is no terminal to ask at" in capsys.readouterr().err


async def no_drill(account: str, by: str, live: bool) -> DrillEnded:
    """What a daemon answers whose first account passes and whose other one does not."""
    if account == "desk":
        return DrillEnded(0.0, "passed", f"by {by}, live {live}", 20.6)
    return DrillEnded(0.0, "failed", "it rests")


def test_a_drill_says_a_line_an_account_and_exits_0_only_where_all_passed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(tmp_path) as made:
        made.board.drill = no_drill
        assert run(made, "drill", "desk", "--yes", "--live") == 0
        assert capsys.readouterr().out == "desk: passed in 20.6 s: by alice, live True\n"
        assert run(made, "drill", "--all", "--yes", "--json") == 1
        said = json.loads(capsys.readouterr().out)
        assert [one["account"] for one in said] == ["desk", "maker"]
        assert said[1] == {"account": "maker", "passed": False, "seconds": None, "why": "it rests"}
        assert run(made, "drill", "maker", "--yes") == 1
        assert capsys.readouterr() == ("", "maker: NOT PASSED: it rests\n")
        assert run(made, "drill", "desk") == 2, "nobody can be asked"
