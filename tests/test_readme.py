"""What the README shows is true: its config loads, its snippets check in, its commands exist."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from deadman.cli.files import packaged
from deadman.cli.parser import VERBS
from deadman.config.load import load

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def fences(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_first_two_fenced_lines_install_play_and_test() -> None:
    first, second = fences("")[:2]
    assert first.count("\n") == second.count("\n") == 1
    assert first.endswith(".venv/bin/deadman demo --once\n")
    assert second.endswith(".venv/bin/python -m pytest\n")


def test_its_config_is_valid_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(fences("toml")[0])
    assert set(load(path, {}).accounts) == {"options-desk", "sx-maker"}


def test_every_verb_it_names_exists() -> None:
    named = set(re.findall(r"`deadman ([a-z]+)", README)) | set(re.findall(r"bin/deadman ([a-z]+)", README))
    assert named <= set(VERBS)
    assert set(VERBS) <= named | {"release", "config"}


@pytest.fixture
def quoter(tmp_path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(tmp_path / "quoter.sock"))
    sock.settimeout(1)
    return sock


def test_the_python_snippet_checks_in_and_minds_no_restart(quoter: socket.socket, tmp_path: Path) -> None:
    snippet = fences("python")[0].replace("/run/deadman/watch/quoter.sock", str(tmp_path / "quoter.sock"))
    scope: dict[str, object] = {}
    exec(snippet, scope)  # noqa: S102 - that is the claim
    check_in = scope["check_in"]
    assert callable(check_in)
    check_in()
    assert quoter.recv(100) == b"WATCHDOG=1"
    (tmp_path / "quoter.sock").unlink()
    check_in()
    for opened in (quoter, scope["out"]):
        assert isinstance(opened, socket.socket)
        opened.close()


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_the_c_snippet_checks_in(quoter: socket.socket, tmp_path: Path) -> None:
    text = (ROOT / "deadman" / "checkins" / "check_in.c").read_text()
    source = tmp_path / "check_in.c"
    source.write_text(text.replace("/run/deadman/watch/quoter.sock", str(tmp_path / "quoter.sock")))
    subprocess.run(["cc", "-Wall", "-Werror", str(source), "-o", str(tmp_path / "beat")], check=True)
    subprocess.run([str(tmp_path / "beat")], check=True)
    assert quoter.recv(100) == b"WATCHDOG=1"
    quoter.close()


def named(file: str) -> str:
    """The fence that is this file, by its first line."""
    return next(text for text in fences("yaml") if text.startswith(f"# {file}\n"))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_takes_its_file(tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text(named("/etc/prometheus/prometheus.yml"))
    (tmp_path / "deadman.yml").write_text(packaged("rules.yml"))
    check(tmp_path, "promtool", "check", "config", "--lint-fatal", "prometheus.yml")


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed")
@pytest.mark.parametrize(
    ("alert", "receiver"),
    [
        ("alertname=DeadmanTripped severity=critical", "pager"),
        ("alertname=DeadmanDegraded severity=warning", "daytime"),
        ("alertname=DeadmanAlarmPathAlive severity=none", "watcher-elsewhere"),
    ],
)
def test_alertmanager_takes_its_file_and_sends_each_severity_where_it_belongs(
    alert: str, receiver: str, tmp_path: Path
) -> None:
    (tmp_path / "alertmanager.yml").write_text(named("/etc/prometheus/alertmanager.yml"))
    check(tmp_path, "amtool", "check-config", "alertmanager.yml")
    told = check(tmp_path, "amtool", "config", "routes", "test", "--config.file=alertmanager.yml", *alert.split())
    assert told.strip() == receiver


def test_every_alert_its_alertmanager_knows_by_name_is_one_of_the_rules() -> None:
    alerts = set(re.findall(r"- alert: (\w+)", packaged("rules.yml")))
    assert set(re.findall(r"Deadman[A-Z]\w+", named("/etc/prometheus/alertmanager.yml"))) <= alerts


def check(directory: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "page", ["README.md", ".github/CONTRIBUTING.md", "systemd/README.md", "deadman/cluster/README.md"]
)
def test_every_link_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, anchor = target.partition("#")
        if not target.startswith("https:"):
            there = (ROOT / page).parent / file if file else ROOT / page
            assert there.is_file(), target
            assert not anchor or anchor in anchors(there.read_text()), target


def anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    titles = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_it_is_short_enough_to_be_read() -> None:
    assert README.count("\n") <= 450
