"""Where the control socket is: taken from the dead, never from the living."""

from __future__ import annotations

import logging
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deadman.errors import Unable

log = logging.getLogger(__name__)

MODE = 0o660
BACKLOG = 64


@contextmanager
def listening(path: Path, group: int | None) -> Iterator[socket.socket]:
    """A socket listening at `path`, for its owner and `group`; removed at the end if still ours. Raises Unable."""
    _check(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        _bind(sock, path, group)
        ours = path.stat().st_ino
        try:
            yield sock
        finally:
            with suppress(OSError):
                if path.stat().st_ino == ours:
                    path.unlink()


def _check(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise Unable(f"{path} is in the way and is no socket: move it aside")
    except OSError:
        return
    if _answers(path):
        raise Unable(f"another daemon listens at {path}: stop it first, or give this one its own runtime_directory")


def _answers(path: Path) -> bool:
    """Whether somebody listens there: only a refused connection proves that nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True


def _bind(sock: socket.socket, path: Path, group: int | None) -> None:
    """Made ready under another name and moved into place: nobody meets it half made, and a stale one is replaced."""
    draft = path.with_name(f".{path.stem}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        sock.bind(str(draft))
        _admit(draft, group)
        sock.listen(BACKLOG)
        draft.rename(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise Unable(f"cannot listen at {path}: {error.strerror or error}; see daemon.runtime_directory") from None


def _admit(draft: Path, group: int | None) -> None:
    """Failing to change the group lets fewer people in, which is the safe side: told, and no reason to stop."""
    if group is not None:
        try:
            os.chown(draft, -1, group)
        except OSError as error:
            log.error("the control socket keeps the daemon's own group: %s", error.strerror)
    draft.chmod(MODE)
