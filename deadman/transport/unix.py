"""The socket files of watches: made with the right group and mode, in place of what a crash left. unix(7)."""

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

_GONE = (
    "only who connected to it before is heard; "
    "install systemd/drop-ins/sockets.conf, then `systemctl restart deadman.socket deadman.service`"
)


class SocketFault(Exception):
    """A watch's socket cannot be had; the text tells what, where, and what to do."""


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
        """Close it; the file goes too if it is ours, so that senders hear at once that nobody listens."""
        self.socket.close()
        if self.inode is not None and _inode(self.path) == self.inode:
            with suppress(OSError):  # a file that stays refuses its senders all the same, for nobody listens there
                self.path.unlink()


def bind(path: Path, group: str | None) -> Bound:
    """Listen at `path`, in place of a socket file that a crash left. Raises SocketFault."""
    _make_way(path)
    fresh = path.with_suffix(".new")  # no longer than the path itself, whose length has a limit
    with _in_words(path):
        _make_directory(path.parent)
        fresh.unlink(missing_ok=True)
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            return _put_in_place(opened, fresh, path, group)
        except BaseException:
            opened.close()
            raise


def adopt(opened: socket.socket, path: Path) -> Bound:
    """Take on a socket which systemd bound; its file is not ours to remove, nor to make again."""
    file = Path(os.fsdecode(opened.getsockname()))
    if _inode(file) is None:
        log.error("%s: the file of the socket that systemd holds is gone: %s", file, _GONE)
    ask_kernel_for_origins(opened)
    return Bound(opened, path, None)


def _put_in_place(opened: socket.socket, fresh: Path, path: Path, group: str | None) -> Bound:
    """Bound under another name first: nobody ever meets the socket with wrong rights, or finds none where one was."""
    ask_kernel_for_origins(opened)
    opened.bind(os.fspath(fresh))
    fresh.chmod(SOCKET_MODE)
    if group is not None:
        os.chown(fresh, -1, _group_id(group, path))
    inode = _inode(fresh)
    fresh.rename(path)
    return Bound(opened, path, inode)


def _make_way(path: Path) -> None:
    """Make sure that what is at `path` may be replaced: nothing, or a socket whose process is gone."""
    with _in_words(path):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise SocketFault(f"{path}: is in the way of a watch's socket and is no socket; move it")
        if _is_served(path):
            raise SocketFault(f"{path}: another process listens there; stop it, or set another runtime_directory")


def _make_directory(directory: Path) -> None:
    """Where it is missing, make one that senders can pass through, whatever our umask; one that exists is not ours."""
    if not directory.exists():
        _make_directory(directory.parent)
        directory.mkdir()
        directory.chmod(DIRECTORY_MODE)


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError:  # refused: nobody is there; of another type: then it is no watch's socket of ours either
            return False
        return True


def _group_id(group: str, path: Path) -> int:
    try:
        return int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise SocketFault(f'daemon.socket_group: this host has no group "{group}" to give {path} to') from None


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        hint = "the daemon must own the directory, and be in the socket_group (systemd: SupplementaryGroups=)"
        raise SocketFault(f"{path}: {error.strerror}; {hint}") from error
    except OSError as error:
        raise SocketFault(f"{path}: no socket there: {error.strerror or error}") from error


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
