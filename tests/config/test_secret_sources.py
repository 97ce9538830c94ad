"""Secrets where they live: which are taken, which are refused, and that none is ever shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deadman.config import load
from deadman.config.secrets import OnlyForTheService, SecretError, SecretsReport, check_sources, read
from deadman.model.secret import SecretSource

VALUE = "hunter2hunter2"
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----"
CONFIG = """
[accounts.desk]
venue = "deribit"
network = "mainnet"
client_id = "id"
client_secret = { file = "desk.key" }
[accounts.one]
venue = "sxbet"
network = "mainnet"
api = "v3"
api_key = { file = "one.key" }
watch = "none"
[accounts.two]
venue = "sxbet"
network = "mainnet"
api = "v3"
api_key = { credential = "two" }
watch = "none"
"""


class Shelf:
    """A directory of secret files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def put(self, name: str, content: str | bytes, mode: int = 0o600) -> Path:
        path = self.directory / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def read(self, content: str | bytes, mode: int = 0o600) -> str:
        return read(SecretSource("file", str(self.put("key", content, mode))), {}).reveal()

    def check(self) -> SecretsReport:
        path = self.put("config.toml", CONFIG)
        return check_sources(path, load.read(path, {}).secrets, {"CREDENTIALS_DIRECTORY": str(self.directory)})


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_one_newline_at_the_end_does_not_count(shelf: Shelf, ending: str) -> None:
    assert shelf.read(VALUE + ending) == VALUE


def test_a_pem_block_keeps_its_lines(shelf: Shelf) -> None:
    assert shelf.read(PEM + "\n") == PEM


def test_the_environment_is_read(shelf: Shelf) -> None:
    assert read(SecretSource("env", "KEY"), {"KEY": VALUE}).reveal() == VALUE


def test_a_credential_is_read_whatever_its_mode(shelf: Shelf) -> None:
    shelf.put("desk", VALUE, 0o444)
    environment = {"CREDENTIALS_DIRECTORY": str(shelf.directory)}
    assert read(SecretSource("credential", "desk"), environment).reveal() == VALUE


def test_a_replaced_file_is_a_rotated_key(shelf: Shelf) -> None:
    assert shelf.read("first") == "first"
    assert shelf.read("second") == "second"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        (" \t\n", "holds nothing but blanks"),
        ("REPLACE_ME\n", "still holds the placeholder REPLACE_ME"),
        (VALUE + "\n\n", "begins or ends with blanks or empty lines"),
        (VALUE + " ", "begins or ends with blanks or empty lines"),
        (" " + VALUE, "begins or ends with blanks or empty lines"),
        (f"{VALUE}\n{VALUE}", "holds 2 lines; a key is one line, or a PEM block"),
        (f"{VALUE}\x00{VALUE}", "holds control characters"),
        (VALUE.encode() + b"\xff\xfe", "holds bytes that are no ASCII text"),
        (VALUE * 6000, "is larger than 65536 bytes"),
    ],
)
def test_what_cannot_be_a_key_is_refused_without_showing_it(shelf: Shelf, content: str | bytes, complaint: str) -> None:
    with pytest.raises(SecretError) as caught:
        shelf.read(content)
    assert complaint in str(caught.value)
    assert str(shelf.directory / "key") in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.exit_code == 78


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o602, 0o777])
def test_a_file_within_others_reach_is_refused(shelf: Shelf, mode: int) -> None:
    with pytest.raises(SecretError, match=r"by group or others; chmod 600") as caught:
        shelf.read(VALUE, mode)
    assert caught.value.exit_code == 77


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_of_its_owner_alone_is_taken(shelf: Shelf, mode: int) -> None:
    assert shelf.read(VALUE, mode) == VALUE


def test_a_link_is_as_safe_as_what_it_leads_to(shelf: Shelf) -> None:
    link = shelf.directory / "link"
    link.symlink_to(shelf.put("target", VALUE))
    assert read(SecretSource("file", str(link)), {}).reveal() == VALUE
    shelf.put("target", VALUE, 0o644)
    with pytest.raises(SecretError, match="can be read by group or others"):
        read(SecretSource("file", str(link)), {})


def test_a_missing_file_a_directory_and_a_pipe_are_refused_in_words(shelf: Shelf) -> None:
    os.mkfifo(shelf.directory / "pipe", 0o600)
    for name, complaint in {"gone": "No such file", "": "is a directory", "pipe": "is not a regular file"}.items():
        with pytest.raises(SecretError, match=complaint):
            read(SecretSource("file", str(shelf.directory / name)), {})


def test_an_unset_variable_is_refused_in_words() -> None:
    with pytest.raises(SecretError, match="environment variable KEY is not set"):
        read(SecretSource("env", "KEY"), {})


def test_credentials_outside_of_the_service_are_no_fault_of_the_config() -> None:
    with pytest.raises(OnlyForTheService, match=r"\$CREDENTIALS_DIRECTORY is not set"):
        read(SecretSource("credential", "desk"), {})


def test_a_missing_credential_inside_of_the_service_is_a_fault(shelf: Shelf) -> None:
    with pytest.raises(SecretError, match="No such file") as caught:
        read(SecretSource("credential", "gone"), {"CREDENTIALS_DIRECTORY": str(shelf.directory)})
    assert not isinstance(caught.value, OnlyForTheService)


def test_a_file_that_only_the_service_may_read_is_no_fault(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OnlyForTheService, match="may not be read by this user"):
        read(SecretSource("file", "/etc/deadman/key"), {})


def test_every_secret_of_a_config_is_judged_at_once_with_its_line(shelf: Shelf) -> None:
    shelf.put("desk.key", VALUE, 0o644)
    shelf.put("one.key", "REPLACE_ME")
    report = shelf.check()
    assert [(fault.line, fault.key, fault.exit_code) for fault in report.faults] == [
        (6, "accounts.desk.client_secret", 77),
        (11, "accounts.one.api_key", 78),
        (17, "accounts.two.api_key", 78),
    ]
    assert report.unverifiable == ()


def test_good_secrets_are_silent(shelf: Shelf) -> None:
    for name in ("desk.key", "one.key", "two"):
        shelf.put(name, f"{VALUE}-{name}\n")
    assert shelf.check() == SecretsReport((), ())


def test_one_key_for_two_sx_bet_accounts_is_a_fault_wherever_it_lives(shelf: Shelf) -> None:
    for name in ("desk.key", "one.key", "two"):
        shelf.put(name, VALUE)
    (fault,) = shelf.check().faults
    assert "accounts.two.api_key: holds the same key as accounts.one.api_key" in str(fault)
    assert VALUE not in str(fault)
