"""A plain `deadman beat` that succeeds: quick, by the one line of the config that matters, and else not here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deadman.__main__ import beat, main
from tests.cli.test_beat import watched

WHERE = '[daemon]\nlisten = ""\nruntime_directory = "{}"  # here\n[accounts.desk]\nvenue = "deribit"\n'


def config(directory: Path, text: str = WHERE) -> str:
    path = directory / "config.toml"
    path.write_text(text.replace("{}", str(directory)))
    return str(path)


@pytest.mark.parametrize("order", [("--config", "FILE", "beat", "quoter"), ("beat", "quoter", "--config", "FILE")])
def test_a_plain_beat_is_sent_without_the_command_line(tmp_path: Path, order: tuple[str, ...]) -> None:
    path = config(tmp_path)
    arguments = [path if word == "FILE" else word for word in order]
    program = "import sys; from deadman.__main__ import main; code = main(); print(code, 'deadman.cli' in sys.modules)"
    with watched(tmp_path) as inbox:
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("0 False\n", "")
        assert inbox.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    "text",
    [
        '[accounts.desk]\nruntime_directory = "{}"\n',
        '[daemon]\nruntime_directory = "run"\n',
        '[daemon]\nruntime_directory = "{}\\\\u0041"\n',
        '[daemon]\nruntime_directory = "{}"\n[x]\nruntime_directory = "{}"\n',
        '[daemon]\nruntime_directory = """{}"""\n',
        'daemon.runtime_directory = "{}"\n',
        'daemon = { runtime_directory = "{}" }\n',
    ],
)
def test_what_is_not_plain_is_left_to_the_command_line(tmp_path: Path, text: str) -> None:
    with watched(tmp_path):
        assert not beat(["--config", config(tmp_path, text), "beat", "quoter"])


@pytest.mark.parametrize("words", [["beat"], ["beat", "../quoter"], ["beat", "--help"], ["beat", "a", "b"], ["status"]])
def test_other_words_are_left_to_it_too(tmp_path: Path, words: list[str]) -> None:
    with watched(tmp_path):
        assert not beat([*words, "--config", config(tmp_path)])


def test_a_beat_that_cannot_be_sent_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["beat", "quoter", "--config", config(tmp_path)]) == 69
    assert "no daemon" in capsys.readouterr().err
