"""Whatever happens to a config, the loader answers with a config or with faults: never with another exception."""

from __future__ import annotations

import re
import tempfile
import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from deadman.cli.check import judge
from deadman.config.describe import effective_text
from deadman.config.document import Faults
from deadman.config.load import load, load_daemon

EXAMPLE = (Path(__file__).parents[2] / "config.example.toml").read_text()
BARE = "\n".join(line for line in EXAMPLE.splitlines() if line and not line.startswith("#"))
UNCOMMENTED = "\n".join(re.findall(r"^(?:# )?(\[[a-z.-]+\]|[a-z_]+ = .*)", EXAMPLE, re.MULTILINE))

VALUES = (
    *(
        "true",
        "0",
        "-1",
        "1e400",
        "nan",
        "0xffffffffffffffffffff",
        "1979-05-27",
        "[]",
        "{}",
        "''",
        "'\\u0000'",
        "[[1]]",
    ),
    *("[true]", "{ file = 1 }", "{ env = '' }", "'none'", "['none']", "'https://['", "'ws://localhost:x'", "':'"),
)

positions = st.integers(0, len(BARE))
pieces = st.text(max_size=4) | st.sampled_from((*VALUES, "[", "]", "\n", '"', "=", "[accounts]", "watch", "\x00", "\\"))
splices = st.lists(st.tuples(positions, st.integers(0, 30), pieces), min_size=1, max_size=4)
swaps = st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(VALUES)), min_size=1, max_size=6)


def answer(content: bytes) -> str:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "config.toml")
        path.write_bytes(content)
        assert judge(path, {}, frozenset()).exit_code in (0, 78)
        try:
            load_daemon(path, {})
            return effective_text(load(path, {}))
        except Faults as faults:
            return str(faults)


def test_the_texts_to_mutate_are_toml() -> None:
    assert tomllib.loads(BARE)["accounts"].keys() == {"options-desk", "sx-maker"}
    assert len(tomllib.loads(UNCOMMENTED)["accounts"]["options-desk"]) > 10


@given(splices)
def test_a_text_with_pieces_cut_and_pasted(edits: list[tuple[int, int, str]]) -> None:
    text = BARE
    for at, length, piece in edits:
        text = text[:at] + piece + text[at + length :]
    assert answer(text.encode())


@given(swaps, st.sampled_from([BARE, UNCOMMENTED]))
def test_keys_with_values_of_another_kind(edits: list[tuple[int, str]], text: str) -> None:
    lines = text.splitlines()
    for at, value in edits:
        key, equals, _ = lines[at % len(lines)].partition(" = ")
        lines[at % len(lines)] = f"{key} = {value}" if equals else key
    assert answer("\n".join(lines).encode())


@given(st.binary(max_size=80))
def test_bytes_of_any_kind(content: bytes) -> None:
    assert answer(content)
