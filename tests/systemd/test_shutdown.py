"""Whether the whole host goes down, as its manager tells: a daemon that is stopped alone is no death."""

from __future__ import annotations

from pathlib import Path

import pytest

from deadman.daemon import systemd


@pytest.fixture
def managed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host that systemd manages, whose `systemctl` is a script of ours."""
    monkeypatch.setattr(systemd, "SYSTEMD", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "systemctl"


def answering(script: Path, words: str) -> None:
    script.write_text(f"#!/bin/sh\n{words}\n")
    script.chmod(0o755)


@pytest.mark.parametrize("state", ["running", "degraded", "starting", "maintenance"])
async def test_a_host_that_runs_is_not_going_down(managed: Path, state: str) -> None:
    answering(managed, f"echo {state}; exit 1")
    assert not await systemd.is_shutting_down()


@pytest.mark.parametrize("words", ["echo stopping", "echo unknown", "exit 1", "sleep 60"])
async def test_a_host_that_goes_down_or_does_not_tell_says_nothing_to_witnesses(
    managed: Path, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "ASK_TIMEOUT", 0.2 if "sleep" in words else 5.0)
    answering(managed, words.replace("sleep", "exec sleep"))
    assert await systemd.is_shutting_down()


async def test_a_host_without_systemd_cannot_be_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "SYSTEMD", str(tmp_path / "none"))
    assert not await systemd.is_shutting_down()
