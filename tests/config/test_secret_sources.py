"""Secrets where they live: which are taken, which are refused, and that none is ever shown."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from deadman.config import load
from deadman.config.secrets import OnlyForTheService, SecretError, SecretsReport, check_sources, read
from deadman.model.secret import SecretSource
from deadman.venues.deribit.settings import CLIENT_SECRET, COINBASE_KEY, PRIVATE_KEY
from deadman.venues.sxbet.settings import API_KEY

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


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n", "\r\n\n"])
def test_line_ends_behind_it_do_not_count(shelf: Shelf, ending: str) -> None:
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
        ("\n" + VALUE, "begins or ends with blanks or empty lines"),
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
    for name, complaint in {
        "gone": "no such file; `install -m 600",
        "": "is a directory",
        "pipe": "is not a regular file",
    }.items():
        with pytest.raises(SecretError, match=complaint):
            read(SecretSource("file", str(shelf.directory / name)), {})


def test_an_unset_variable_is_refused_in_words() -> None:
    with pytest.raises(SecretError, match="environment variable KEY is not set"):
        read(SecretSource("env", "KEY"), {})


def test_credentials_outside_of_the_service_are_no_fault_of_the_config() -> None:
    with pytest.raises(OnlyForTheService, match=r"\$CREDENTIALS_DIRECTORY is not set"):
        read(SecretSource("credential", "desk"), {})


def test_a_missing_credential_inside_of_the_service_is_a_fault(shelf: Shelf) -> None:
    """Its hint leads to the file that the unit takes it from: only systemd writes among the credentials."""
    inside = {"CREDENTIALS_DIRECTORY": str(shelf.directory)}
    with pytest.raises(SecretError, match="no such file") as caught:
        read(SecretSource("credential", "secrets_gone"), inside)
    assert not isinstance(caught.value, OnlyForTheService)
    assert caught.value.hint == (
        "LoadCredential= of the unit puts it there when that is started, as shipped from /etc/deadman/secrets/gone"
    )
    with pytest.raises(SecretError, match="no such file; LoadCredential= of the unit puts it there when"):
        read(SecretSource("credential", "gone"), inside)


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


def pem(key: Any, *, password: bytes | None = None, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    hidden = NoEncryption() if password is None else BestAvailableEncryption(password)
    return str(key.private_bytes(Encoding.PEM, form, hidden), "ascii")


ED25519, P256 = ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
PEMS = {
    "ed25519": pem(ED25519),
    "p256": pem(P256),
    "sec1": pem(P256, form=PrivateFormat.TraditionalOpenSSL),
    "p384": pem(ec.generate_private_key(ec.SECP384R1())),
    "rsa": pem(rsa.generate_private_key(65537, 2048)),
    "x25519": pem(x25519.X25519PrivateKey.generate()),
    "encrypted": pem(ED25519, password=b"hunter2"),
    "openssh": pem(ED25519, form=PrivateFormat.OpenSSH),
    "public": ED25519.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    "cut": pem(ED25519)[:60] + "\n-----END PRIVATE KEY-----",
    "escaped": pem(P256).replace("\n", "\\n"),
    "base64": b64encode(ED25519.private_bytes_raw() + ED25519.public_key().public_bytes_raw()).decode(),
    "line": VALUE,
    "json": '{"name": "organizations/x", "privateKey": "hunter2"}',
    "quoted": f'"{VALUE}"',
    "assigned": f"SECRET={VALUE}",
    "exported": f"export SECRET = {VALUE}",
    "padded": "aGFsbG8gd2VsdCBoYWxsbyB3ZWw=",
}
"""What people put into a secret file."""

TAKEN = {
    "client_secret": {"line", "base64", "padded"},
    "api_key": {"line", "base64", "padded"},
    "private_key": {"ed25519"},
    "coinbase": {"ed25519", "p256", "sec1", "base64"},
}
FORMS = {"client_secret": CLIENT_SECRET, "api_key": API_KEY, "private_key": PRIVATE_KEY, "coinbase": COINBASE_KEY}
TOLD = {
    "rsa": "holds an RSA private key, not ",
    "p384": "holds an EC private key (secp384r1), not ",
    "x25519": "holds a private key of another kind, not ",
    "encrypted": "holds an encrypted private key, not ",
    "openssh": "holds a key in OpenSSH's own form, not ",
    "public": "holds a public key, not ",
    "cut": "holds a PEM block that holds no private key, not ",
    "escaped": "holds a PEM block whose line ends are written as ",
    "json": "holds a JSON object; copy the key out of it",
    "quoted": "holds quotes around the key; leave the key alone in there",
    "assigned": "holds an assignment, NAME=value; leave the key alone in there",
    "exported": "holds an assignment, NAME=value; leave the key alone in there",
}
"""Wherever these stand."""


@pytest.mark.parametrize("place", FORMS)
@pytest.mark.parametrize("given", PEMS)
def test_a_key_of_another_kind_than_belongs_there_is_named_and_refused(shelf: Shelf, given: str, place: str) -> None:
    path = shelf.put("key", PEMS[given])
    source = SecretSource("file", str(path), form=FORMS[place])
    if given in TAKEN[place]:
        assert read(source, {}).reveal() == PEMS[given].rstrip()
        return
    with pytest.raises(SecretError) as caught:
        read(source, {})
    assert f"{path} {TOLD.get(given, 'holds ')}" in str(caught.value)
    assert caught.value.hint
    assert not any(line in str(caught.value) for line in PEMS[given].splitlines() if not line.startswith("-"))


def test_each_account_says_which_form_its_keys_have(shelf: Shelf) -> None:
    accounts = load.read(shelf.put("config.toml", CONFIG + COINBASE_DESK), {}).secrets
    assert {key: source.form and source.form.words for key, source in accounts if "two" not in key} == {
        "accounts.desk.client_secret": CLIENT_SECRET.words,
        "accounts.one.api_key": API_KEY.words,
        "accounts.gate.private_key": COINBASE_KEY.words,
    }


COINBASE_DESK = """
[accounts.gate]
venue = "deribit"
network = "coinbase"
key_name = "organizations/x"
private_key = { file = "gate.key" }
"""
