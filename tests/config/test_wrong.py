"""Two hundred wrong configs, made of a good one: each is told in words, with the place, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from deadman.cli import main
from deadman.cli.check import Checked, judge

GOOD = """\
[daemon]
runtime_directory = "run"
state_directory = "state"
listen = "127.0.0.1:9847"
name = "alpha"
log_format = "text"
log_level = "info"
operators = ["root"]
webhook = "https://example.com/hook-hunter2"

[watches.quoter]
timeout = 5
on_stopping = "trip"
user = "root"

[accounts.options-desk]
venue = "deribit"
network = "testnet"
client_id = "AbCdEf12"
client_secret = { file = "secrets/options-desk" }
auth = "signature"
heartbeat_interval = 10
verify_interval = 30
watch = ["quoter"]
on_trip = "cancel"
orders_via = ["websocket"]
observe = false

[accounts.options-desk.cancel]
currency = "BTC"
kind = "option"

[accounts.sx-maker]
venue = "sxbet"
network = "testnet"
api = "v3"
api_key = { file = "secrets/sx-maker" }
timeout_seconds = 30
renew_interval = 10
watch = "quoter"
on_trip = "cancel"
"""

LINES = GOOD.splitlines()
PAIRS = {at: (line.split(" = ")[0], line.split(" = ", 1)[1]) for at, line in enumerate(LINES) if " = " in line}
"""By index: the key and its value as TOML."""

SECRETS = {"options-desk": "hunter2-options", "sx-maker": "hunter2-maker"}
TEXTS = ("client_id", "user")
SPANS = ("timeout", "heartbeat_interval", "verify_interval", "timeout_seconds", "renew_interval")
REQUIRED = {"timeout", "venue", "network", "client_id", "client_secret", "api", "api_key"}


@dataclass(frozen=True)
class Wrong:
    """A config with one fault in it, and words that its complaint must have."""

    name: str
    text: str
    words: str = ""


def with_line(at: int, line: str) -> str:
    return "\n".join((*LINES[:at], line, *LINES[at + 1 :])) + "\n"


def wrong_lines() -> Iterator[Wrong]:
    """Each line as a tired hand may write it."""
    for at, line in enumerate(LINES):
        if not line:
            continue
        yield Wrong(f"{at} twice", with_line(at, f"{line}\n{line}"), f"told twice; it stands in line {at + 1} already")
        yield Wrong(
            f"{at} cut", with_line(at, line[:-1] if at not in PAIRS or line[-1] in '"]}' else f"{line[:-1]}="), "; "
        )
        yield Wrong(f"{at} comment", with_line(at, f"// {line}"), "; a comment begins with #")
    for at, (key, value) in PAIRS.items():
        yield Wrong(f"{at} colon", with_line(at, f"{key}: {value}"), "; between a key and its value stands an equals")
        yield Wrong(f"{at} empty", with_line(at, f"{key} ="), "; a value is missing")
        if '"' in value and value[0] == '"':
            yield Wrong(f"{at} curly", with_line(at, f"{key} = “{value[1:-1]}”"), "; the quotes must be straight ones")
            yield Wrong(f"{at} bare", with_line(at, f"{key} = {value[1:-1]}"), "; ")
        if '"' in value and value[0] in "[{":
            bare = value.replace('"', "")
            yield Wrong(
                f"{at} bare", with_line(at, f"{key} = {bare}"), "; text in a list or in braces stands in quotes"
            )
        if key in REQUIRED or (key, value) == ("watch", '"quoter"'):
            yield Wrong(f"{at} missing", with_line(at, ""), f"{key}: missing; ")


def wrong_keys() -> Iterator[Wrong]:
    """Each key misspelled, lost, or with a value of another kind."""
    for at, (key, value) in PAIRS.items():
        yield Wrong(f"{at} typo", with_line(at, f"{key[:2]}{key[3:]} = {value}"), "unknown key; did you mean")
        yield Wrong(f"{at} lost", f"{key} = {value}\n{with_line(at, '')}", f"1: {key}: unknown key; ")
        for other in ("1979-05-27", "[[]]", '"\\u001b"'):
            yield Wrong(f"{at} {other}", with_line(at, f"{key} = {other}"), key)
        if key in TEXTS:
            yield Wrong(f"{at} blank", with_line(at, f'{key} = "{value[1:-1]} "'), "begins or ends with blanks; leave")
        if key in SPANS:
            yield Wrong(f"{at} unit", with_line(at, f"{key} = {value}s"), "; a span is a plain number of seconds")
            yield Wrong(f"{at} text", with_line(at, f'{key} = "{value}"'), "not a string; write it without quotes")
        if value in ("true", "false"):
            yield Wrong(f"{at} big", with_line(at, f"{key} = {value.title()}"), "; true and false are written in small")


def replaced(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


SLIPS = {
    ("[accounts.sx-maker]", "[sx-maker]"): "33: sx-maker: unknown key; write [accounts.sx-maker]",
    ("[watches.quoter]", "[quoter]"): "11: quoter: unknown key; write [watches.quoter]",
    ("[accounts.sx-maker]", "[accounts.sx.maker]"): 'write [accounts."sx.maker"]',
    ("[accounts.options-desk.cancel]", "[accounts.options-desk.b]"): 'write [accounts."options-desk.b"]',
    ("[accounts.sx-maker]", "[accounts.sx maker]"): "; a table is written [accounts.NAME]",
    ('watch = "quoter"', 'watch = "None"'): 'no watch is called "None"; did you mean "none"?',
    ('watch = "quoter"', "watch = None"): "; leave the key out, or put the word in quotes",
    ("timeout_seconds = 30", "timeout_seconds = 30000"): "; if milliseconds were meant: 30",
    ("heartbeat_interval = 10", "heartbeat_interval = 10000"): "; if milliseconds were meant: 10",
    ('"run"', r'"C:\desk"'): "; in double quotes a backslash is written twice",
    ("[accounts.sx-maker]", "[accounts.sx-maker"): "; a table is written [accounts.NAME]",
    ("[daemon]", "daemon"): "; a line is a key = value, a [table] or a # comment",
    ('"run"', '"~/run"'): "runtime_directory: begins with ~, which only a shell expands; write",
    ('"state"', '"$HOME/state"'): "state_directory: begins with $, which only a shell",
    ('"secrets/sx-maker"', '"~/sx-maker"'): "api_key: begins with ~, which only a shell",
    ("secrets/sx-maker", "secrets/options-desk"): "the same as accounts.options-desk.client_secret, line 20; each",
    ('{ file = "secrets/sx-maker" }', '"hunter2"'): "never written into the config itself; write {",
    ('{ file = "secrets/sx-maker" }', "hunter2"): '; text stands in quotes: api_key = "…"',
    ("timeout_seconds = 30", "timeout_seconds = 0"): "at the venue it disarms the switch",
    (GOOD[GOOD.index("[accounts") :], ""): "no accounts: at least one [accounts.NAME] is needed; `deadman init`",
}
WRONG = (*wrong_lines(), *wrong_keys(), *(Wrong(new, replaced(old, new), told) for (old, new), told in SLIPS.items()))

PEM = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA1lY\n-----END PUBLIC KEY-----\n"
WRONG_SECRETS: Mapping[str, str] = {
    PEM: "holds a public key, not ",
    PEM.replace("PUBLIC", "CERTIFICATE"): "holds a certificate, not ",
    "hunter2 ": "begins or ends with blanks or empty lines; leave the key alone",
    "SECRET=hunter2": "holds an assignment, NAME=value; leave the key alone",
    "'hunter2'": "holds quotes around the key; leave the key alone",
    '{"key": "hunter2"}': "holds a JSON object; copy the key out of it",
    "id\nhunter2": "holds 2 lines; a key is one line",
    "REPLACE_ME": "still holds the placeholder",
    "": "is empty",
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    for name, secret in SECRETS.items():
        put(tmp_path / "secrets" / name, secret)
    put(tmp_path / "config.toml", GOOD)
    return tmp_path / "config.toml"


def put(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text)
    path.chmod(mode)


def complaints(config: Path, text: str | None = None) -> tuple[Checked, str]:
    if text is not None:
        put(config, text)
    verdict = judge(config, {}, frozenset())
    return verdict, "\n".join(map(str, verdict.faults))


def test_the_config_that_is_broken_here_is_good(config: Path) -> None:
    verdict, told = complaints(config)
    assert (verdict.exit_code, told, verdict.unverifiable) == (0, "", ())


def test_two_hundred_wrong_configs_are_told_with_their_line_and_what_to_do(config: Path) -> None:
    silent = []
    for wrong in WRONG:
        verdict, told = complaints(config, wrong.text)
        assert verdict.exit_code == 78, wrong
        assert "hunter2" not in told, wrong
        assert "\x1b" not in told, wrong
        assert all(fault.line for fault in verdict.faults) or "no accounts" in told
        if wrong.words not in told:
            silent.append((wrong.name, wrong.words, told))
    assert silent == []
    assert len({wrong.text for wrong in WRONG}) >= 200


@pytest.mark.parametrize("name", SECRETS)
def test_a_wrong_secret_is_told_by_its_file_the_line_that_names_it_and_what_to_do(config: Path, name: str) -> None:
    path = config.parent / "secrets" / name
    line = next(at for at, one in enumerate(LINES, 1) if f"secrets/{name}" in one)
    for content, words in WRONG_SECRETS.items():
        put(path, content)
        verdict, told = complaints(config)
        assert verdict.exit_code == 78
        assert told.startswith(f"{config}:{line}: accounts.{name}.")
        assert f"{path} {words}" in told
        assert "hunter2" not in told
    put(path, SECRETS[name], 0o644)
    verdict, told = complaints(config)
    assert verdict.exit_code == 77
    assert told.endswith(f"{path} can be read by group or others; chmod 600 {path}")


@pytest.mark.parametrize("verb", ["check", "config"])
def test_a_verb_that_needs_the_config_says_the_same_of_it(
    config: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = complaints(config, replaced("timeout = 5", "timeout = 5s"))
    assert main([verb, "--config", str(config)]) == 78
    assert capsys.readouterr() == ("", f"{told}\n")


def test_what_is_valid_and_yet_unlikely_is_warned_of(config: Path) -> None:
    verdict, _ = complaints(config, replaced("timeout = 5\n", "timeout = 5000\n"))
    assert any("watches.quoter.timeout" in one and "milliseconds were meant: 5" in one for one in verdict.warnings)
    for host in ("0.0.0.0", "[::]"):  # noqa: S104
        verdict, _ = complaints(config, replaced("127.0.0.1:", f"{host}:"))
        assert any("neither password nor TLS" in one for one in verdict.warnings)
