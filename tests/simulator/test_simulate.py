"""`deadman simulate` as a process: what it writes, what it obeys, how it ends."""

from __future__ import annotations

import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from deadman.config.load import load
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount

PROGRAM = (
    "import argparse, sys; from deadman.simulator import simulate; p = argparse.ArgumentParser(); "
    "simulate.add_arguments(p); sys.exit(simulate.run(p.parse_args()))"
)


@contextmanager
def simulating(directory: Path, stdin: int | IO[str] = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM, "--directory", str(directory)]
    with subprocess.Popen(command, stdin=stdin, stdout=-1, stderr=-1, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ask(directory: Path, *commands: str) -> list[str]:
    """Each command's answer, from the socket that is there as soon as the venues are."""
    path, patience = directory / "faults.sock", time.monotonic() + 20
    while not path.exists() and time.monotonic() < patience:
        time.sleep(0.02)
    with socket.socket(socket.AF_UNIX) as talk:
        talk.connect(str(path))
        with talk.makefile("rw") as lines:
            answers = []
            for command in commands:
                lines.write(f"{command}\n")
                lines.flush()
                answers.append(lines.readline().strip())
    return answers


def test_it_writes_a_config_that_run_takes_and_ends_on_sigterm_without_a_terminal(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "desk"
    with simulating(directory) as process:
        answers = ask(directory, "place sx-maker 2", "orders sx-maker", "nonsense")
        assert answers[:2] == ["sx-maker has 2 open orders", "sx-maker 2 open"]
        assert answers[2].startswith("error: ")
        config = load(directory / "config.toml", {})
        process.send_signal(signal.SIGTERM)
        said, complaints = process.communicate(timeout=10)
    assert (process.returncode, complaints) == (0, "")
    assert f"deadman run --config {directory}/config.toml" in said
    kinds = [type(account) for account in config.accounts.values()]
    assert kinds == [DeribitAccount] * 2 + [SxBetAccount] * 2 + [DeribitAccount]
    secrets = list((directory / "secrets").iterdir())
    assert len(secrets) == 5
    assert {stat.S_IMODE(secret.stat().st_mode) for secret in secrets} == {0o600}
    assert not (directory / "faults.sock").exists()


def test_it_obeys_stdin_and_outlives_its_end(tmp_path: Path) -> None:
    with simulating(tmp_path, subprocess.PIPE) as process:
        assert process.stdin is not None
        ask(tmp_path, "status")
        process.stdin.write("place options-desk 3\nfreeze nobody\n")
        process.stdin.close()
        process.stdin = None
        assert process.stdout is not None
        answered = next(line for line in iter(process.stdout.readline, "") if "options-desk has" in line)
        assert answered == "options-desk has 3 open orders\n"
        assert ask(tmp_path, "orders options-desk") == ["options-desk 3 open"]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_it_starts_anew_over_what_it_wrote_but_never_over_what_it_did_not(tmp_path: Path) -> None:
    for _ in range(2):
        with simulating(tmp_path) as process:
            ask(tmp_path, "status")
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
    (tmp_path / "config.toml").write_text("[daemon]\n")
    with simulating(tmp_path) as process:
        _, complaint = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "was not written by simulate" in complaint
    assert (tmp_path / "config.toml").read_text() == "[daemon]\n"


def test_a_second_one_in_a_directory_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with simulating(tmp_path) as first:
        ask(tmp_path, "status")
        before = (tmp_path / "config.toml").read_text()
        with simulating(tmp_path) as second:
            _, complaint = second.communicate(timeout=20)
        assert second.returncode == 1
        assert "another simulate is running there" in complaint
        assert (tmp_path / "config.toml").read_text() == before
        assert ask(tmp_path, "orders sx-maker") == ["sx-maker 0 open"]
        first.send_signal(signal.SIGTERM)
        assert first.wait(10) == 0


@pytest.mark.parametrize("directory", ["file/below", "x" * 200])
def test_a_directory_it_cannot_use_is_told_in_one_line(tmp_path: Path, directory: str) -> None:
    (tmp_path / "file").write_text("")
    with simulating(tmp_path / directory) as process:
        _, complaint = process.communicate(timeout=20)
    assert process.returncode == 1
    assert complaint.startswith(f"deadman: cannot simulate in {tmp_path / directory}: ")
    assert len(complaint.splitlines()) == 1
