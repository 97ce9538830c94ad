"""The example is a promise too: it must be what `init` prints, and valid."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

import pytest

from deadman.cli.check import judge
from deadman.cli.files import run_init
from deadman.config.describe import example, foreground_example
from deadman.config.document import read_document
from deadman.config.load import account_keys
from deadman.model.keys import Key, keys_of
from deadman.model.settings import DaemonConfig, WatchConfig

DAEMON, WATCH = keys_of(DaemonConfig), keys_of(WatchConfig)
DERIBIT, SXBET = account_keys("deribit"), account_keys("sxbet")

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


def test_init_prints_the_example_byte_for_byte(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_init(argparse.Namespace(config=Path("unused.toml"), testnet=False)) == 0
    assert capsys.readouterr().out.encode() == EXAMPLE.read_bytes()


def test_the_example_for_a_first_try_differs_only_in_where_secrets_and_directories_are() -> None:
    usual, first = example().splitlines(), foreground_example().splitlines()
    assert [one for one in first if one not in usual] == [
        'runtime_directory = "run" # control.sock and watch/NAME.sock; '
        "default: systemd's, /run/deadman, or the user's",
        'state_directory = "state"',
        'client_secret = { file = "secrets/options-desk" }  # where the API key\'s secret lives',
        '# private_key = { file = "secrets/coinbase-desk" }',
        'api_key = { file = "secrets/sx-maker" }  # where the API key lives; required',
    ]
    assert len(usual) == len(first)
    assert {account["network"] for account in tomllib.loads("\n".join(first))["accounts"].values()} == {"testnet"}


def test_the_example_is_valid_apart_from_its_secrets() -> None:
    verdict = judge(EXAMPLE, {}, frozenset())
    assert verdict.faults == ()
    assert verdict.exit_code == 0
    assert [fault.key for fault in verdict.unverifiable] == [
        "accounts.options-desk.client_secret",
        "accounts.sx-maker.api_key",
    ]
    assert any("placeholder" in warning for warning in verdict.warnings)


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        (("daemon",), DAEMON),
        (("watches", "quoter"), WATCH),
        (("accounts", "options-desk"), DERIBIT),
        (("accounts", "sx-maker"), SXBET),
    ],
)
def test_the_example_tells_of_every_key(table: tuple[str, ...], keys: tuple[Key, ...]) -> None:
    text = EXAMPLE.read_text()
    untold = [key for key in keys if f"{key.name} = " not in text]
    assert untold == []
    assert read_document(EXAMPLE).line(table)


def test_every_default_the_example_shows_is_the_default() -> None:
    shown = EXAMPLE.read_text()
    for key in (*DAEMON, *WATCH, *DERIBIT, *SXBET):
        if isinstance(key.default, int | float | bool):
            value = f"{key.default:g}" if not isinstance(key.default, bool) else str(key.default).lower()
            assert f"# {key.name} = {value} " in shown or f"# {key.name} = {value}\n" in shown


def test_what_is_commented_out_is_toml_too() -> None:
    lines = EXAMPLE.read_text().splitlines()
    keys = [
        line.removeprefix("# ") for line in lines if " = " in line and line.startswith("# ") and line[2:3].isalpha()
    ]
    for line in keys:
        assert tomllib.loads(line)
    assert len(keys) > 20
