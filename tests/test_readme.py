"""What the README shows is true: its config loads, its snippets check in, its commands exist."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from deadman.cli.parser import VERBS
from deadman.config.load import load

README = (Path(__file__).parents[1] / "README.md").read_text()


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
    body = fences("c")[0].replace("/run/deadman/watch/quoter.sock", str(tmp_path / "quoter.sock"))
    source = tmp_path / "beat.c"
    source.write_text(
        f"#define _GNU_SOURCE\n#include <sys/socket.h>\n#include <sys/un.h>\nint main(void) {{\n{body}return 0; }}\n"
    )
    subprocess.run(["cc", "-Wall", "-Werror", str(source), "-o", str(tmp_path / "beat")], check=True)
    subprocess.run([str(tmp_path / "beat")], check=True)
    assert quoter.recv(100) == b"WATCHDOG=1"
    quoter.close()
