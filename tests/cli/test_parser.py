"""Verbs, the config's path, and mistakes: exit codes and words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deadman import __version__
from deadman.cli import main
from deadman.cli.client import control_socket
from deadman.cli.parser import CONFIG, VERBS, Misused, parse
from tests.support.control_thread import write_config

CONTRACT = (
    "run check status arm disarm trip hold release history beat demo simulate config init rules dashboard runbook"
)


def test_every_verb_of_the_contract_is_there() -> None:
    assert list(VERBS) == CONTRACT.split()


@pytest.mark.parametrize(
    "argv", [["--config", "a.toml", "status"], ["status", "--config", "a.toml"], ["--config=a.toml", "status", "desk"]]
)
def test_the_config_may_be_named_before_or_after_the_verb(argv: list[str]) -> None:
    assert parse(argv)[1].config == Path("a.toml")


def test_the_config_is_the_one_of_the_environment_else_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEADMAN_CONFIG", raising=False)
    assert parse(["status"])[1].config == CONFIG
    monkeypatch.setenv("DEADMAN_CONFIG", "b.toml")
    assert parse(["status"])[1].config == Path("b.toml")
    assert parse(["status", "--config", "a.toml"])[1].config == Path("a.toml")


def test_accounts_may_stand_on_both_sides_of_an_option() -> None:
    arguments = parse(["status", "a", "--wait", "30", "b"])[1]
    assert (arguments.accounts, arguments.wait) == (["a", "b"], 30)


def test_a_mistyped_verb_is_told_with_the_likely_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["statsu"]) == 2
    assert capsys.readouterr().err == 'deadman: no verb "statsu"; did you mean "status"?\n'


def test_a_verb_like_none_is_told_with_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["xyzzy"]) == 2
    assert "there are run, check, status" in capsys.readouterr().err


def test_no_verb_at_all_exits_2_and_asks() -> None:
    with pytest.raises(Misused, match="what is to be done"):
        parse([])


@pytest.mark.parametrize(
    "argv", [["hold", "quoter"], ["hold"], ["beat"], ["status", "--jsn"], ["disarm", "--for", "x", "a"]]
)
def test_misuse_exits_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == 2


def test_the_version_and_the_help_are_data() -> None:
    said = subprocess.run([sys.executable, "-m", "deadman", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"deadman {__version__}\n"
    said = subprocess.run([sys.executable, "-m", "deadman", "--help"], capture_output=True, text=True, check=True)
    assert all(f"  {verb} " in said.stdout for verb in VERBS)


@pytest.mark.parametrize("verb", ["status", "arm", "disarm", "trip", "hold", "release", "beat"])
def test_every_verb_of_these_rooms_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([verb, "--help"])
    assert left.value.code == 0
    assert f"usage: deadman {verb}" in capsys.readouterr().out


def test_a_bug_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deadman.cli.beat.run", lambda arguments: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        main(["beat", "quoter"])


def test_clients_follow_the_config_to_the_socket(tmp_path: Path) -> None:
    assert control_socket(write_config(tmp_path)) == tmp_path / "control.sock"


def test_without_the_usual_config_the_usual_directory_is_the_best_guess(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deadman.cli.client.CONFIG", tmp_path / "none.toml")
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/elsewhere")
    assert control_socket(tmp_path / "none.toml") == Path("/run/elsewhere/control.sock")


@pytest.mark.parametrize("verb", ["hold", "disarm"])
def test_help_says_what_a_number_without_a_unit_means(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([verb, "--help"])
    assert "a bare number is seconds" in " ".join(capsys.readouterr().out.split())
