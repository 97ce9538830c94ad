"""Where secrets live: systemd's credentials, files, the environment."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from deadman.config.fault import CONFIG_INVALID, SECRET_EXPOSED
from deadman.config.schema import SecretSource

LARGEST = 64 * 1024
_OTHERS_CAN_READ = stat.S_IRGRP | stat.S_IROTH
_OTHERS_CAN_WRITE = stat.S_IWGRP | stat.S_IWOTH


class SecretError(Exception):
    """A secret that cannot be had, in words."""

    def __init__(self, message: str, hint: str = "", exit_code: int = CONFIG_INVALID) -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
        self.message, self.hint, self.exit_code = message, hint, exit_code


class OnlyForTheService(SecretError):
    """A secret that perhaps only the service can read: no verdict from here, yet no secret either."""


def fetch(source: SecretSource, environment: Mapping[str, str]) -> tuple[str, bytes]:
    """The place in words, and what it holds: at most one byte more than LARGEST. Raises SecretError."""
    match source.kind:
        case "env":
            return f"environment variable {source.name}", _from_environment(source.name, environment)
        case "file":
            return source.name, _from_file(Path(source.name))
        case "credential":
            return f'credential "{source.name}"', _from_credential(source.name, environment)


def _from_environment(name: str, environment: Mapping[str, str]) -> bytes:
    if name not in environment:
        raise SecretError(f"environment variable {name} is not set")
    return os.fsencode(environment[name])


def _from_credential(name: str, environment: Mapping[str, str]) -> bytes:
    directory = environment.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise OnlyForTheService(
            f'credential "{name}": $CREDENTIALS_DIRECTORY is not set', f"systemd sets it for LoadCredential={name}:PATH"
        )
    # No word on its mode: systemd keeps credentials where only the service can look.
    _, content = _content(Path(directory, name))
    return content


def _from_file(path: Path) -> bytes:
    mode, content = _content(path)
    if mode & (_OTHERS_CAN_READ | _OTHERS_CAN_WRITE):
        deed = "read" if mode & _OTHERS_CAN_READ else "changed"
        raise SecretError(f"{path} can be {deed} by group or others", f"chmod 600 {path}", SECRET_EXPOSED)
    return content


def _content(path: Path) -> tuple[int, bytes]:
    """Mode and content, of one and the same file."""
    try:
        # Without O_NONBLOCK a FIFO would hold us here until somebody writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return _regular(path, os.fstat(descriptor).st_mode), os.read(descriptor, LARGEST + 1)
        finally:
            os.close(descriptor)
    except PermissionError:
        raise OnlyForTheService(f"{path} may not be read by this user") from None
    except OSError as error:
        raise SecretError(f"{path} cannot be read: {error.strerror}") from None


def _regular(path: Path, mode: int) -> int:
    if not stat.S_ISREG(mode):
        raise SecretError(f"{path} is {'a directory' if stat.S_ISDIR(mode) else 'not a regular file'}")
    return mode
