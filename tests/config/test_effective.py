from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

import pytest

from deadman.cli import main
from deadman.cli.files import run_config
from deadman.config.describe import effective, effective_text
from deadman.config.load import host_name, load

TEXT = """
[daemon]
listen = "[::1]:80"
runtime_directory = "/run/x"
state_directory = "/state/x"
webhook = "https://hooks.example/services/T0KEN"
[watches.quoter]
timeout = 5
[accounts.desk]
venue = "deribit"
network = "testnet"
client_id = "id"
client_secret = { file = "where-it-lives" }
watch = "quoter"
cancel = { currency = "BTC" }
[accounts.maker]
venue = "sxbet"
network = "mainnet"
api = "v2"
requestor = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
api_key = { env = "WHERE_IT_LIVES" }
watch = "none"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    return path


def test_defaults_are_filled_in(path: Path) -> None:
    shown = effective(load(path, {}))
    assert shown["daemon"] == {
        "listen": "[::1]:80",
        "runtime_directory": "/run/x",
        "state_directory": "/state/x",
        "name": host_name(),
        "log_format": "auto",
        "log_level": "info",
        "operators": [],
        "webhook": "https://hooks.example/***",
    }
    assert shown["watches"] == {"quoter": {"timeout": 5.0, "on_stopping": "trip"}}
    assert shown["accounts"]["desk"]["cancel"] == {"currency": "BTC"}
    assert shown["accounts"]["desk"]["heartbeat_interval"] == 10
    assert shown["accounts"]["maker"]["on_trip"] == "expire"
    assert shown["accounts"]["maker"]["watch"] == "none"


def test_secrets_are_three_stars_and_nothing_else(path: Path) -> None:
    text = effective_text(load(path, {}))
    assert 'client_secret = "***"' in text
    assert 'api_key = "***"' in text
    assert "where-it-lives" not in text.lower()
    assert "WHERE_IT_LIVES" not in text
    assert "T0KEN" not in text


def test_with_its_secrets_back_it_is_the_same_config(path: Path) -> None:
    first = load(path, {})
    text = effective_text(first).replace('client_secret = "***"', 'client_secret = { file = "where-it-lives" }')
    text = text.replace('api_key = "***"', 'api_key = { env = "WHERE_IT_LIVES" }')
    path.write_text(text.replace("/***", "/services/T0KEN"))
    assert load(path, {}) == first


def test_the_verb_prints_toml(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_config(argparse.Namespace(config=path, reference=False)) == 0
    assert tomllib.loads(capsys.readouterr().out) == effective(load(path, {}))


def test_the_verb_prints_nothing_but_faults_for_a_faulty_file(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text("[daemon]\nlistn = 1\n")
    assert main(["--config", str(path), "config"]) == 78
    printed = capsys.readouterr()
    assert printed.out == ""
    assert 'daemon.listn: unknown key; did you mean "listen"?' in printed.err


def test_the_daemon_is_called_as_the_config_says_else_as_the_host(path: Path) -> None:
    assert load(path, {}).daemon.name == host_name() != ""
    path.write_text(TEXT.replace("[daemon]", '[daemon]\nname = "alpha"'))
    assert load(path, {}).daemon.name == "alpha"
