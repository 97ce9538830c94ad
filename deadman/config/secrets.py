"""Secrets, from where the config says they live. No message here ever holds a secret's value."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from deadman.config.document import CONFIG_INVALID, SECRET_EXPOSED, Fault
from deadman.model.secret import KeyForm, Secret, SecretSource

PLACEHOLDER = "REPLACE_ME"
LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class SecretsReport:
    """What is wrong with the secrets, and which of them cannot be judged from here."""

    faults: tuple[Fault, ...]
    unverifiable: tuple[Fault, ...]


def read(source: SecretSource, environment: Mapping[str, str]) -> Secret:
    """The secret at `source`, as it is now.

    Raises SecretError; OnlyForTheService, a kind of it, where a missing credential or permission is to be expected
    of anybody but the service. A file that others can read is refused with exit code 77.
    """
    place, content = _fetch(source, environment)
    try:
        value = _judged(content)
        if source.form is not None:
            _judge_key(value, source.form)
        return Secret(value)
    except SecretError as error:
        raise SecretError(f"{place} {error.message}", error.hint) from None


def check_sources(
    path: Path, sources: Iterable[tuple[str, SecretSource]], environment: Mapping[str, str]
) -> SecretsReport:
    """Read every secret once, by the key path that names it, also of a config that is not valid; keep none."""
    faults: list[Fault] = []
    unverifiable: list[Fault] = []
    owners: dict[Secret, str] = {}
    for key, source in sources:
        try:
            value = read(source, environment)
            if source.is_account and (owner := owners.setdefault(value, key)) != key:
                raise SecretError(f"holds the same key as {owner}", "each account needs its own")
        except SecretError as error:
            fault = Fault(path, source.line, key, error.message, error.hint, error.exit_code)
            (unverifiable if isinstance(error, OnlyForTheService) else faults).append(fault)
    return SecretsReport(tuple(faults), tuple(unverifiable))


def _judged(content: bytes) -> str:
    """The secret in `content`, less the line ends behind it."""
    if len(content) > LARGEST:
        raise SecretError(f"is larger than {LARGEST} bytes: no key is")
    try:
        value = content.decode("ascii").rstrip("\r\n")
    except UnicodeDecodeError:
        hint = "save it as plain text, without a byte order mark"
        raise SecretError("holds bytes that are no ASCII text: no key does", hint) from None
    if not value.strip():
        raise SecretError("holds nothing but blanks" if value else "is empty")
    if PLACEHOLDER in value:
        raise SecretError(f"still holds the placeholder {PLACEHOLDER}")
    if value != value.strip():
        raise SecretError("begins or ends with blanks or empty lines", "leave the key alone in there")
    lines = value.splitlines()
    if value.startswith("{"):
        raise SecretError("holds a JSON object", "copy the key out of it, and leave that alone in there")
    if len(lines) > 1 and not value.startswith("-----BEGIN"):
        raise SecretError(f"holds {len(lines)} lines", "a key is one line, or a PEM block")
    if not all(line.isprintable() for line in lines):
        raise SecretError("holds control characters: no key does")
    return value


_ASSIGNMENT = re.compile(r"(export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=\s*[^=\s]")


def _judge_key(value: str, form: KeyForm) -> None:
    """Raises SecretError for what is no key of that form. Of what is there only the kind is told."""
    if value[0] == value[-1] and value[0] in "\"'`":
        raise SecretError("holds quotes around the key", "leave the key alone in there, without quotes")
    if _ASSIGNMENT.match(value):
        raise SecretError("holds an assignment, NAME=value", "leave the key alone in there, without its name")
    if value.startswith("-----BEGIN") and "\\n" in value:
        raise SecretError(
            "holds a PEM block whose line ends are written as \\n", r"sed -i 's/\\n/\n/g' makes lines of it"
        )
    if not value.startswith("-----BEGIN"):
        raw = re.fullmatch(r"[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==", value)
        kind, told, hint = "base64" if raw and "base64" in form.kinds else "line", "a line of text", ""
    else:
        kind, told, hint = _pem(value)
    if kind not in form.kinds:
        raise SecretError(f"holds {told}, not {form.words}", hint or form.hint)


def _pem(value: str) -> tuple[str, str, str]:
    """The kind of a PEM block, also in words, and what to do where it is a right one in a wrong form."""
    from cryptography.exceptions import UnsupportedAlgorithm  # late: who has no such key need not wait for it
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(value.encode(), password=None)
    except TypeError:
        return "", "an encrypted private key", "`openssl pkey -in FILE -out NEW` decrypts it"
    except (ValueError, UnsupportedAlgorithm):
        heads = " ".join(re.findall(r"-----BEGIN ([A-Z0-9 ]+)-----", value))
        words = {"PUBLIC": "a public key", "CERTIFICATE": "a certificate", "OPENSSH": "a key in OpenSSH's own form"}
        told = next((told for word, told in words.items() if word in heads), "a PEM block that holds no private key")
        return "", told, "the private half belongs there" if "PUBLIC" in heads else ""
    match key:
        case ed25519.Ed25519PrivateKey():
            return "ed25519", "an Ed25519 private key", ""
        case ec.EllipticCurvePrivateKey():
            kind = "p256" if isinstance(key.curve, ec.SECP256R1) else ""
            return kind, f"an EC private key ({key.curve.name})", ""
        case rsa.RSAPrivateKey():
            return "", "an RSA private key", ""
    return "", "a private key of another kind", ""


class SecretError(Exception):
    """A secret that cannot be had, in words."""

    def __init__(self, message: str, hint: str = "", exit_code: int = CONFIG_INVALID) -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
        self.message, self.hint, self.exit_code = message, hint, exit_code


class OnlyForTheService(SecretError):
    """A secret that perhaps only the service can read: no verdict from here, yet no secret either."""


def _fetch(source: SecretSource, environment: Mapping[str, str]) -> tuple[str, bytes]:
    """The place in words, and what it holds: at most one byte more than LARGEST. Raises SecretError."""
    match source.kind:
        case "env":
            place = f"environment variable {source.name}"
            if source.name not in environment:
                raise SecretError(f"{place} is not set")
            return place, os.fsencode(environment[source.name])
        case "file":
            mode, content = _content(Path(source.name))
            if mode & 0o066:
                verb = "read" if mode & 0o044 else "changed"
                hint = f"chmod 600 {source.name}"
                raise SecretError(f"{source.name} can be {verb} by group or others", hint, SECRET_EXPOSED)
            return source.name, content
        case "credential":
            place, directory = f'credential "{source.name}"', environment.get("CREDENTIALS_DIRECTORY")
            if not directory:
                hint = f"systemd sets it for LoadCredential={source.name}:PATH"
                raise OnlyForTheService(f"{place}: $CREDENTIALS_DIRECTORY is not set", hint)
            # Its mode does not matter: systemd keeps credentials where only the service can look.
            folder, _, file = source.name.partition("_")
            origin = f", as shipped from /etc/deadman/secrets/{file}" if folder == "secrets" else ""
            made = f"LoadCredential= of the unit puts it there when that is started{origin}"
            return place, _content(Path(directory, source.name), made)[1]
    assert_never(source.kind)


def _content(path: Path, made: str = "") -> tuple[int, bytes]:
    """Mode and content, of one and the same file; `made` says how it comes to be, where nobody is to write it."""
    try:
        # Without O_NONBLOCK a FIFO would hold us here until somebody writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise SecretError(f"{path} is {'a directory' if stat.S_ISDIR(mode) else 'not a regular file'}")
            return mode, os.read(descriptor, LARGEST + 1)
        finally:
            os.close(descriptor)
    except PermissionError:
        raise OnlyForTheService(f"{path} may not be read by this user") from None
    except FileNotFoundError:
        hint = made or f"`install -m 600 /dev/stdin {path}` makes it of what you type, to Enter and Ctrl-D"
        raise SecretError(f"{path}: no such file", hint) from None
    except OSError as error:
        raise SecretError(f"{path} cannot be read: {error.strerror}") from None
