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
from deadman.model.secret import Secret, SecretSource

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
        return Secret(_judged(content))
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
    """The secret in `content`, less one newline at its end."""
    if len(content) > LARGEST:
        raise SecretError(f"is larger than {LARGEST} bytes: no key is")
    try:
        value = re.sub(r"\r?\n\Z", "", content.decode("ascii"))
    except UnicodeDecodeError:
        raise SecretError("holds bytes that are no ASCII text: no key does") from None
    if not value.strip():
        raise SecretError("holds nothing but blanks" if value else "is empty")
    if PLACEHOLDER in value:
        raise SecretError(f"still holds the placeholder {PLACEHOLDER}")
    if value != value.strip():
        raise SecretError("begins or ends with blanks or empty lines", "leave the key alone in there")
    lines = value.splitlines()
    if len(lines) > 1 and not value.startswith("-----BEGIN"):
        raise SecretError(f"holds {len(lines)} lines", "a key is one line, or a PEM block")
    if not all(line.isprintable() for line in lines):
        raise SecretError("holds control characters: no key does")
    return value


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
            return place, _content(Path(directory, source.name))[1]
    assert_never(source.kind)


def _content(path: Path) -> tuple[int, bytes]:
    """Mode and content, of one and the same file."""
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
    except OSError as error:
        raise SecretError(f"{path} cannot be read: {error.strerror}") from None
