"""Where clients look for the daemon while the config on disk is broken: it goes on with the one that was in force."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deadman.cli import main
from deadman.cli.client import runtime_directory
from deadman.config.document import Faults
from deadman.model.board import Board
from deadman.model.duty import Duty, duty
from deadman.model.facts import DisarmConfirmed, Proven, RoundDone, SessionOpened, TripDone
from deadman.model.proof import Coverage, Proof
from tests.cli.test_beat import watched
from tests.support.control_thread import Served, served

BROKEN = {
    "another line": '[daemon]\nruntime_directory = "{0}"\n[accounts.desk\nvenue = \n',
    "before it": '[daemon\nlisten = \nruntime_directory = "{0}"\n',
    "in it": '[daemon]\nruntime_directory = "{0}\n',
    "no quotes": "[daemon]\nruntime_directory = {0}   # here\n",
    "single quotes": "[daemon]\n  runtime_directory='{0}' # here\nlisten = [\n",
    "a comment before": '[daemon]\n# runtime_directory = "/nowhere"\nruntime_directory = "{0}"\n[',
    "dotted": 'daemon.runtime_directory = "{0}"\n=\n',
    "inline": 'daemon = {{ listen = "", runtime_directory = "{0}" }}\n=\n',
    "twice": '[daemon]\nruntime_directory = "/nowhere"\nruntime_directory = "{0}"\n',
    "not text": '[daemon]\nruntime_directory = "{0}"\nlisten = "\udcff"\n',
    "a wrong value": '[daemon]\nruntime_directory = "{0}"\nlisten = 5\n',
    "an unknown key": '[daemon]\nruntime_directory = "{0}"\nlisen = ""\n',
    "the line is gone": "[daemon\n",
}
VERBS = (
    ["status", "--json"],
    ["arm", "desk"],
    ["disarm", "desk", "--yes"],
    ["trip", "desk", "--yes"],
    ["hold", "quoter", "--for", "60s"],
    ["release", "quoter"],
)
named = pytest.mark.parametrize("kind", BROKEN)


def break_config(path: Path, directory: Path, kind: str) -> None:
    path.write_bytes(BROKEN[kind].format(directory).encode("utf-8", "surrogateescape"))


@named
def test_a_bot_checks_in_whatever_is_wrong_with_the_config(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    config = tmp_path / "config.toml"
    break_config(config, tmp_path, kind)
    (tmp_path / "control.sock").touch()
    with watched(tmp_path) as sock:
        assert main(["beat", "quoter", "--config", str(config)]) == 0
        assert sock.recv(100) == b"WATCHDOG=1"
    told = capsys.readouterr()
    assert told.out == ""
    assert f"looking for the daemon in {tmp_path}\n" in told.err
    assert str(config) in told.err


def carry_out(board: Board, account: str) -> None:
    """Post what a keeper would once the venue has done what the guard calls for."""
    now = board.clock.now()
    match duty(board.standing(account).guard, board.configs[account]):
        case Duty.PROVE:
            board.post(account, SessionOpened(now, can_cancel=True))
            board.post(account, Proven(now, Proof(now, 60.0, Coverage.INHERITED)))
        case Duty.DISARM:
            board.post(account, DisarmConfirmed(now))
        case Duty.CANCEL:
            board.post(account, RoundDone(now, 0, 0))
            board.post(account, TripDone(now, presumed=False))


@contextmanager
def obeyed(made: Served) -> Iterator[None]:
    """A keeper of `desk` whose venue does at once what it is asked for: no verb waits out its ten seconds."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(0.02):
            made.do(carry_out, made.board, "desk")

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


@pytest.mark.parametrize("arguments", VERBS, ids=lambda arguments: arguments[0])
def test_an_operators_word_reaches_the_daemon_over_a_broken_config(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with served(tmp_path) as made, obeyed(made):
        good = made.config.read_text()
        codes = []
        for text in (good, good + "venue = \n"):
            made.config.write_text(text)
            codes.append(main([*arguments, "--config", str(made.config)]))
            told = capsys.readouterr()
    assert codes[0] == codes[1] != 78
    assert codes == [0, 0] or arguments[0] == "status"
    assert f"looking for the daemon in {tmp_path}" in told.err
    if arguments[0] == "status":
        assert json.loads(told.out)["accounts"].keys() == {"desk", "maker"}


@pytest.mark.parametrize("variable", ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"])
def test_without_any_config_the_usual_directories_are_looked_in_and_that_is_told(
    tmp_path: Path, variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usual, place = tmp_path / "etc" / "config.toml", tmp_path / "deadman"
    place.mkdir()
    (place / "control.sock").touch()
    for name in ("deadman.cli.parser.CONFIG", "deadman.cli.client.CONFIG"):
        monkeypatch.setattr(name, usual)
    for name in ("DEADMAN_CONFIG", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(place if variable == "RUNTIME_DIRECTORY" else tmp_path))
    with watched(place) as sock:
        assert main(["beat", "quoter"]) == 0
        assert sock.recv(100) == b"WATCHDOG=1"
    assert capsys.readouterr().err == f"deadman: {usual}: no such file\ndeadman: looking for the daemon in {place}\n"
    named = tmp_path / "named.toml"
    assert main(["beat", "quoter", "--config", str(named)]) == 78
    monkeypatch.setenv("DEADMAN_CONFIG", str(named))
    assert main(["beat", "quoter"]) == 78


def test_a_config_that_is_not_there_is_still_a_fault(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(Faults):
            runtime_directory(path)
