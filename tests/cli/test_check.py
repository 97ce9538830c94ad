"""`check` as people and scripts see it: streams, exit codes, words."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from deadman.cli import check
from deadman.venues.venue import Look

VALUE = "hunter2hunter2"
GOOD = """
[watches.quoter]
timeout = 5
[accounts.desk]
venue = "deribit"
network = "mainnet"
client_id = "id"
client_secret = { file = "desk.key" }
watch = "quoter"
"""


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    out: str
    err: str


class Desk:
    """A config and a secret in a directory, and the verb over them."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = directory / "config.toml"
        self.key = directory / "desk.key"
        self._capsys = capsys
        self.path.write_text(GOOD)
        self.put_key(VALUE, 0o600)

    def put_key(self, content: str, mode: int) -> None:
        self.key.write_text(content)
        self.key.chmod(mode)

    def check(self, *options: str) -> Answer:
        parser = argparse.ArgumentParser()
        check.add_arguments(parser)
        code = check.run(parser.parse_args(options, argparse.Namespace(config=self.path)))
        printed = self._capsys.readouterr()
        assert VALUE not in printed.out + printed.err
        assert "Traceback" not in printed.out + printed.err
        return Answer(code, printed.out, printed.err)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr(check, "interpreter", lambda: frozenset({"/usr/bin/python3"}))
    return Desk(tmp_path, capsys)


def test_a_start_that_will_take_long_is_told_with_its_length_and_whose_pace_that_is(desk: Desk) -> None:
    _, _, account = GOOD.replace('{ file = "desk.key" }', '{ credential = "id" }').partition("[accounts.desk]")
    others = [f"[accounts.desk-{number}]{account}".replace('"id"', f'"{number}"') for number in range(1, 100)]
    desk.path.write_text("\n".join((GOOD, *others)))
    told = "a start takes about 8 s until the last account is proven: Deribit is asked at most 15 times a second"
    assert told in desk.check().out
    desk.path.write_text(GOOD)
    assert "a start takes" not in desk.check().out


def test_a_good_config_is_told_with_its_promise(desk: Desk) -> None:
    answer = desk.check()
    assert (answer.code, answer.err) == (0, "")
    first, _, account, *promise = answer.out.splitlines()
    assert first == f"{desk.path} is valid"
    assert account == "desk (deribit, mainnet)"
    assert promise[0].startswith("  detects a dead or silent venue within ")
    assert any("from a bot's last check-in to its orders gone within" in sentence for sentence in promise)


def test_faults_are_on_stderr_with_their_lines(desk: Desk) -> None:
    desk.path.write_text(GOOD + "hearbeat_interval = 9\nheartbeat_interval = 9\n")
    answer = desk.check()
    assert (answer.code, answer.out) == (78, "")
    assert answer.err.splitlines() == [
        f'{desk.path}:10: accounts.desk.hearbeat_interval: unknown key; did you mean "heartbeat_interval"?',
        f"{desk.path}:11: accounts.desk.heartbeat_interval: must be 10 to 3600 seconds, not 9",
    ]


def test_an_exposed_secret_is_77(desk: Desk) -> None:
    desk.put_key(VALUE, 0o640)
    answer = desk.check()
    assert (answer.code, answer.out) == (77, "")
    assert answer.err == (
        f"{desk.path}:8: accounts.desk.client_secret: {desk.key} can be read by group or others; chmod 600 {desk.key}\n"
    )


def test_an_invalid_config_wins_over_an_exposed_secret_and_both_are_told(desk: Desk) -> None:
    desk.put_key(VALUE, 0o644)
    desk.path.write_text(GOOD + "zebra = 1\n")
    answer = desk.check()
    assert answer.code == 78
    assert "can be read by group or others" in answer.err
    assert "accounts.desk.zebra: unknown key" in answer.err


@pytest.mark.parametrize("content", ["", "REPLACE_ME", "  \n"])
def test_a_useless_secret_is_78(desk: Desk, content: str) -> None:
    desk.put_key(content, 0o600)
    assert desk.check().code == 78


def test_a_secret_for_the_service_alone_is_not_verifiable_here_and_fine(desk: Desk) -> None:
    desk.path.write_text(GOOD.replace("file =", "credential ="))
    answer = desk.check()
    assert answer.code == 0
    assert answer.err.startswith(f"not verifiable here: {desk.path}:8: accounts.desk.client_secret: ")


def test_warnings_change_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "interpreter", lambda: frozenset({"/root/venv/bin/python"}))
    answer = desk.check()
    assert answer.code == 0
    assert answer.err.startswith("warning: Python runs from /root/venv/bin/python")
    assert "is valid" in answer.out


def test_json_is_all_on_stdout(desk: Desk) -> None:
    desk.path.write_text(GOOD + "hearbeat_interval = 9\n")
    answer = desk.check("--json")
    told = json.loads(answer.out)
    assert (answer.code, answer.err) == (78, "")
    assert (told["valid"], told["exit_code"], told["promises"]) == (False, 78, {})
    assert told["faults"] == [
        {
            "path": str(desk.path),
            "line": 10,
            "key": "accounts.desk.hearbeat_interval",
            "message": "unknown key",
            "hint": 'did you mean "heartbeat_interval"?',
            "exit_code": 78,
            "text": f'{desk.path}:10: accounts.desk.hearbeat_interval: unknown key; did you mean "heartbeat_interval"?',
        }
    ]


def test_json_of_a_good_config_has_its_promise(desk: Desk) -> None:
    told = json.loads(desk.check("--json").out)
    assert (told["valid"], told["exit_code"], told["faults"]) == (True, 0, [])
    assert told["promises"]["desk"][0].startswith("detects ")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a = = 1", b"[accounts.x]\nvenue = 'deribit'"])
def test_no_file_whatever_it_holds_gives_a_traceback(desk: Desk, content: bytes) -> None:
    desk.path.write_bytes(content)
    answer = desk.check()
    assert answer.code == 78
    assert answer.err.startswith(f"{desk.path}")


def test_a_missing_file_is_78(desk: Desk) -> None:
    desk.path.unlink()
    assert desk.check().err == f"{desk.path}: no such file; `deadman init` prints a config to start from\n"


def stub_venues(monkeypatch: pytest.MonkeyPatch, looks: Mapping[str, Look]) -> None:
    online = ModuleType("deadman.cli.online")
    monkeypatch.setattr(online, "look", lambda config, environment: looks, raising=False)
    monkeypatch.setitem(sys.modules, "deadman.cli.online", online)


@pytest.mark.parametrize(("fine", "code", "word"), [(True, 0, "  fine"), (False, 1, "  ACT")])
def test_online_tells_what_the_venue_says(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, fine: bool, code: int, word: str
) -> None:
    stub_venues(monkeypatch, {"desk": Look(fine, ["cancel-on-disconnect is off"])})
    answer = desk.check("--online")
    assert answer.code == code
    assert answer.out.splitlines()[-2:] == [word, "    cancel-on-disconnect is off"]


def test_a_faulty_config_is_never_taken_online(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    stub_venues(monkeypatch, {"desk": Look(True, ["looked"])})
    desk.put_key("", 0o600)
    answer = desk.check("--online")
    assert answer.code == 78
    assert "looked" not in answer.out


def test_checking_loads_no_network_library() -> None:
    heavy = "{'trio', 'httpx', 'ssl', 'trio_websocket', 'prometheus_client'}"
    code = f"import sys, deadman.cli.check, deadman.cli.files, deadman.cli.files; print({heavy} & sys.modules.keys())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"
