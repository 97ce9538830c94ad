"""Unix sockets in the file system: datagram sockets for check-ins, a stream socket for operators.

A socket file that a crash left is replaced, one that may be served by a living process never is: only a refused
connection proves that nobody listens there. unix(7).
"""

from __future__ import annotations

import grp
import logging
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from deadman.model.errors import Unable
from deadman.transport.peers import ask_kernel_for_origins

log = logging.getLogger(__name__)

SOCKET_MODE = 0o660
DIRECTORY_MODE = 0o755
BACKLOG = 64
"""Connections to a stream socket that may wait to be accepted."""


class SocketFault(Unable):
    """A socket cannot be had; the text tells which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A socket at `path`. `inode` tells our file from one that somebody else has put there since."""

    socket: socket.socket
    path: Path
    inode: tuple[int, int] | None

    @property
    def is_open(self) -> bool:
        return self.socket.fileno() >= 0

    def close(self) -> None:
        """Close it; the file goes too if it is ours, so that clients hear at once that nobody listens."""
        self.socket.close()
        if self.inode is not None and _inode(self.path) == self.inode:
            with suppress(OSError):  # a file that stays refuses its clients all the same, for nobody listens there
                self.path.unlink()


def bind(path: Path, kind: socket.SocketKind, group: int | None) -> Bound:
    """A socket at `path` for its owner and `group` (None: our own), SOCK_DGRAM or a listening SOCK_STREAM.

    It gets its rights under another name and is then moved into place: nobody meets it half made, or finds none where
    one was. Raises SocketFault.
    """
    with _explained(path):
        _check_replaceable(path, kind)
        _make_directory(path.parent)
        fresh = path.with_suffix(".new")  # no longer than the path itself, whose length has a limit
        fresh.unlink(missing_ok=True)
        opened = socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK)
        try:
            opened.bind(os.fspath(fresh))
            fresh.chmod(SOCKET_MODE)
            if group is not None:
                os.chown(fresh, -1, group)
            if kind is socket.SOCK_STREAM:
                opened.listen(BACKLOG)
            else:
                ask_kernel_for_origins(opened)
            inode = _inode(fresh)
            fresh.rename(path)
        except BaseException:
            opened.close()
            with suppress(OSError):
                fresh.unlink()
            raise
        return Bound(opened, path, inode)


def adopt(opened: socket.socket, path: Path) -> Bound:
    """Take on a datagram socket which systemd bound; its file is not ours to remove, nor to make again."""
    file = Path(os.fsdecode(opened.getsockname()))
    if _inode(file) is None:
        log.error(
            "%s: the file of the socket that systemd holds is gone: only who connected to it before is heard; "
            "install systemd/drop-ins/sockets.conf, then `systemctl restart deadman.socket deadman.service`",
            file,
        )
    ask_kernel_for_origins(opened)
    return Bound(opened, path, None)


def group_id(group: str) -> int:
    """The id of daemon.socket_group. Raises SocketFault for a group that this host does not know."""
    try:
        return int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise SocketFault(f'daemon.socket_group: this host has no group "{group}" to give the sockets to') from None


def _check_replaceable(path: Path, kind: socket.SocketKind) -> None:
    """Only nothing, or a socket whose process is gone, may be replaced."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketFault(f"{path}: is in the way and is no socket; move it")
    with socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except OSError:  # too busy to accept, of another kind, or not for us: somebody may be there
            pass
    raise SocketFault(f"{path}: another process listens there; stop it, or set another runtime_directory")


def _make_directory(directory: Path) -> None:
    """Where it is missing, make one that clients can pass through, whatever our umask; one that exists is not ours."""
    if not directory.exists():
        _make_directory(directory.parent)
        directory.mkdir()
        directory.chmod(DIRECTORY_MODE)


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        hint = "the daemon must own the directory, and be in the socket_group (systemd: SupplementaryGroups=)"
        raise SocketFault(f"{path}: {error.strerror}; {hint}") from error
    except OSError as error:
        raise SocketFault(
            f"cannot listen at {path}: {error.strerror or error}; see daemon.runtime_directory"
        ) from error
