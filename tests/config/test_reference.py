"""One declaration of a key is enough: it is read, its faults are told, and example and reference show it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from deadman.cli.files import run_config
from deadman.config.load import account_keys
from deadman.model.keys import KeyPath, Table, key, keys_of, settings
from deadman.model.readers import integer, text
from deadman.model.settings import DaemonConfig, Selection, WatchConfig
from deadman.venues import VENUES


@settings
class Toy:
    name: str
    tune: str = key(text(8), "which tune")
    pace: int = key(integer(1, 9, "beats"), "how fast", default=3)
    key_of: str | None = key(text(2), "in which key", name="key", default=None, example='"C"')


def read(raw: dict[str, object]) -> tuple[Toy | None, list[tuple[KeyPath, str, str]]]:
    faults: list[tuple[KeyPath, str, str]] = []
    table = Table(("toys", "box"), raw, lambda *fault: faults.append(fault))
    table.read(keys_of(Toy))
    return (None if faults else table.build(Toy, name=table.name)), faults


def test_a_declared_key_is_read_into_its_field() -> None:
    assert read({"tune": "waltz", "key": "D"}) == (Toy("box", tune="waltz", key_of="D"), [])


def test_what_is_wrong_with_a_declared_key_is_told_with_its_path() -> None:
    _, faults = read({"pace": 10, "tunes": "x"})
    assert faults == [
        (("toys", "box", "tunes"), "unknown key", 'did you mean "tune"?'),
        (("toys", "box", "tune"), "missing", "which tune"),
        (("toys", "box", "pace"), "must be 1 to 9 beats, not 10", ""),
    ]


def test_the_reference_has_every_key_with_its_values_and_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_config(argparse.Namespace(config=Path("unused.toml"), reference=True)) == 0
    printed = capsys.readouterr().out
    accounts = [key for venue in VENUES for key in account_keys(venue)]
    for known in (*keys_of(DaemonConfig), *keys_of(WatchConfig), *keys_of(Selection), *accounts):
        assert known.meaning
        assert re.search(
            rf"^\| `{known.name}` +\| {re.escape(known.reader.form)} +\| .* \| {re.escape(known.meaning)} \|$",
            printed,
            re.MULTILINE,
        )


def test_the_reference_is_aligned_and_holds_no_sign_that_ends_a_cell(capsys: pytest.CaptureFixture[str]) -> None:
    run_config(argparse.Namespace(config=Path("unused.toml"), reference=True))
    for block in re.split(r"\n\n", capsys.readouterr().out):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({tuple(at for at, sign in enumerate(row) if sign == "|")[:4] for row in rows}) <= 1
        assert all(row.count("|") == 5 for row in rows)
