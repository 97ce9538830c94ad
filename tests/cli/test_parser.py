"""Verbs, the config's path, and mistakes: exit codes and words."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from deadman import __version__
from deadman.cli import main
from deadman.cli.client import control_socket
from deadman.cli.parser import CONFIG, VERBS, Misused, parse
from tests.support.control_thread import write_config

CONTRACT = (
    "run check status arm disarm trip hold release drill history beat demo simulate config init rules dashboard "
    "metrics runbook completion help version"
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
    said = subprocess.run([sys.executable, "-m", "deadman", "-V"], capture_output=True, text=True, check=True)
    assert said.stdout == f"deadman {__version__}\n"
    said = subprocess.run([sys.executable, "-m", "deadman", "--help"], capture_output=True, text=True, check=True)
    assert all(f"  {verb} " in said.stdout for verb in VERBS)


def test_the_version_is_a_verb_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == 2 * f"deadman {__version__}\n"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("width", ["60", "120"])
def test_every_verb_explains_itself_and_says_how_the_config_is_named(
    verb: str, width: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    told = []
    for argv in ([verb, "--help"], ["help", verb]):
        with pytest.raises(SystemExit) as left:
            main(argv)
        assert left.value.code == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]
    assert told[0].startswith(f"usage: deadman {verb}")
    assert "--config FILE" in told[0]
    assert all(len(line) <= int(width) for line in told[0].splitlines())


def test_help_of_no_verb_is_the_help_of_all_within_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    with pytest.raises(SystemExit) as left:
        main(["help"])
    told = capsys.readouterr().out
    assert left.value.code == 0
    assert all(f"\n  {verb} " in told for verb in VERBS)
    assert all(len(line) <= 60 for line in told.splitlines())
    assert main(["help", "statsu"]) == 2
    assert capsys.readouterr().err == 'deadman: no verb "statsu"; did you mean "status"?\n'


@pytest.mark.parametrize(
    "argv", [["hold", "quoter", "--for", "-5m"], ["disarm", "--for", "-1", "a"], ["status", "a", "--wait", "-.5"]]
)
def test_a_negative_span_is_refused_as_one(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == 2
    assert "is no span: write 90s, 15m, 1h30m" in " ".join(capsys.readouterr().err.split())


CONFIG_WITH_NAMES = """
[watches.quoter]
[accounts.options-desk]
[accounts.options-desk.cancel]
[accounts."a.b"]
# [accounts.none]
"""

COMPLETED = {
    "tr": "trip",
    "trip ''": "--help --config --all --reason --direct --yes options-desk a.b",
    "trip opt": "options-desk",
    "beat ''": "--help --config quoter",
    "status options-desk --w": "--wait",
    "status --wait ''": "",
    "runbook DeadmanSwitchO": "DeadmanSwitchOff",
    "help ver": "version",
    "completion ''": "--help --config bash zsh fish",
}


def script_for(shell: str) -> str:
    with redirect_stdout(io.StringIO()) as script:
        assert main(["completion", shell]) == 0
    return script.getvalue()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_verbs_options_and_the_names_in_the_config(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG_WITH_NAMES)
    tries = "".join(
        f"COMP_WORDS=(deadman {typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
        'COMPREPLY=(); _deadman; echo "${COMPREPLY[*]}"\n'
        for typed in (*COMPLETED, f"--config {tmp_path}/config.toml beat q")
    )
    environment = {**os.environ, "DEADMAN_CONFIG": str(tmp_path / "config.toml")}
    done = subprocess.run(
        ["bash", "--norc"],
        input=script_for("bash") + tries,
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert done.stdout.splitlines() == [*COMPLETED.values(), "quoter"]
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("shell", "tried", "completed"),
    [
        ("zsh", "_deadman_names accounts", ["options-desk", "a.b"]),
        ("fish", "complete -C 'deadman beat q'; complete -C 'deadman trip --di'", ["quoter", "--direct"]),
    ],
)
def test_other_shells_read_their_script(shell: str, tried: str, completed: list[str], tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    (tmp_path / "script").write_text(script_for(shell))
    (tmp_path / "config.toml").write_text(CONFIG_WITH_NAMES)
    environment = {**os.environ, "DEADMAN_CONFIG": str(tmp_path / "config.toml"), "HOME": str(tmp_path)}
    command = [shell, "-c", f"source {tmp_path}/script; {tried}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert [line.partition("\t")[0] for line in done.stdout.splitlines()] == completed


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
