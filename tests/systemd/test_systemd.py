"""The units, as systemd's own tools read them. What they do under a running systemd: test_systemd_boot.py."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = ("deadman.service", "deadman@.service")
PROGRAM = "/opt/deadman/bin/deadman"

needs_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def settings(path: Path) -> list[tuple[str, str]]:
    lines = (line for line in path.read_text().splitlines() if "=" in line and not line.startswith("#"))
    return [(key, value) for key, _, value in (line.partition("=") for line in lines)]


def installed(into: Path) -> Path:
    """The units as an administrator would install them, with a program that exists everywhere."""
    for unit in UNITS.glob("deadman*.*"):
        (into / unit.name).write_text(unit.read_text().replace(PROGRAM, "/bin/true"))
    return into


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=30)


@needs_analyze
@pytest.mark.parametrize("unit", ["deadman.service", "deadman@alpha.service", "deadman.socket"])
@pytest.mark.parametrize("drop_ins", [(), ("sockets.conf", "operators.conf")])
def test_systemd_has_nothing_to_say_against_a_unit(tmp_path: Path, unit: str, drop_ins: tuple[str, ...]) -> None:
    extra = installed(tmp_path) / "deadman.service.d"
    extra.mkdir()
    for name in drop_ins:
        shutil.copy(UNITS / "drop-ins" / name, extra)
    verdict = analyze("verify", "--man=no", str(tmp_path / unit))
    ours = [line for line in verdict.stderr.splitlines() if "deadman" in line]
    assert (verdict.returncode, ours) == (0, [])


@needs_analyze
@pytest.mark.parametrize("unit", SERVICES)
def test_the_sandbox_scores_at_most_one_point_one(unit: str) -> None:
    verdict = analyze("security", "--offline=yes", "--threshold=11", "--no-pager", str(UNITS / unit))
    assert verdict.returncode == 0, verdict.stdout.splitlines()[-1]


@needs_analyze
def test_the_score_is_not_blind(tmp_path: Path) -> None:
    """The same gate on a unit that lacks one line of the sandbox."""
    bare = re.sub("^ProtectSystem=.*\n", "", (UNITS / SERVICES[0]).read_text(), flags=re.M).replace("Dynamic", "#")
    (tmp_path / "deadman.service").write_text(bare)
    assert analyze("security", "--offline=yes", "--threshold=11", str(tmp_path / "deadman.service")).returncode != 0


def test_the_template_is_the_service_with_other_names() -> None:
    """DynamicUser refuses two units one directory, and an instance of the template must not take the service's."""
    service, template = (settings(UNITS / unit) for unit in SERVICES)
    differing = {key: value for (key, value), other in zip(template, service, strict=True) if (key, value) != other}
    assert differing == {
        "Description": "deadman, the dead-man's switch of trading accounts: %i",
        "ExecStart": f"{PROGRAM} run --config /etc/deadman/%i.toml",
        "User": "deadman-%i",
        "StateDirectory": "deadman-%i",
        "RuntimeDirectory": "deadman-%i",
        "LoadCredential": "secrets:/etc/deadman/%i.secrets",
    }


@pytest.mark.parametrize("unit", SERVICES)
def test_nothing_makes_systemd_give_up(unit: str) -> None:
    found = dict(settings(UNITS / unit))
    assert (found["Restart"], found["StartLimitIntervalSec"]) == ("always", "0")
    assert not [key for key in found if key.startswith(("RestartPrevent", "StartLimitBurst"))]


@pytest.mark.parametrize("unit", SERVICES)
def test_the_trading_group_is_let_in_and_its_name_is_not_the_users(unit: str) -> None:
    """A static group named like a dynamic user fails the start with 217/USER."""
    found = dict(settings(UNITS / unit))
    assert found["Group"] == "trading" != found["User"]
    assert (found["RuntimeDirectoryMode"], found["StateDirectoryMode"]) == ("0750", "0700")


@pytest.mark.parametrize("unit", SERVICES)
def test_process_metrics_keep_what_they_are_read_from(unit: str) -> None:
    assert dict(settings(UNITS / unit))["ProcSubset"] == "all"


@pytest.mark.parametrize("unit", SERVICES)
def test_no_setting_is_newer_than_systemd_252(unit: str) -> None:
    newer = {"RestartSteps", "RestartMaxDelaySec", "RestartMode", "PrivatePIDs", "BindLogSockets"}
    found = settings(UNITS / unit)
    assert newer.isdisjoint(key for key, _ in found)
    assert ("Type", "notify") in found


def test_the_runtime_directory_has_one_owner_with_and_without_the_socket_unit() -> None:
    """Were it the service's while systemd holds the sockets, each restart would delete their files."""
    socket, drop_in = dict(settings(UNITS / "deadman.socket")), dict(settings(UNITS / "drop-ins" / "sockets.conf"))
    service = dict(settings(UNITS / "deadman.service"))
    assert drop_in["RuntimeDirectory"] == ""
    shared = ("DynamicUser", "User", "Group", "RuntimeDirectory", "RuntimeDirectoryMode", "RuntimeDirectoryPreserve")
    assert [socket[key] for key in shared] == [service[key] for key in shared]
