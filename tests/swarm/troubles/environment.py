"""What the machine itself may refuse us: names, sockets, files, threads, and the file that people have broken."""

from __future__ import annotations

import errno
import os
import pwd
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn
from unittest.mock import patch

from tests.swarm.world.desk import Desk

USER = "trader"
"""Whose bots may check in; this very process, as the host tells while it tells anything."""

Trouble = Callable[[Desk], AbstractContextManager[None]]


def found_user(name: str) -> pwd.struct_passwd:
    if name != USER:
        raise KeyError(name)
    return pwd.struct_passwd((USER, "x", os.getuid(), os.getgid(), "", "/", "/bin/sh"))


@contextmanager
def known_user() -> Iterator[None]:
    with patch.object(pwd, "getpwnam", found_user):
        yield


@contextmanager
def no_user(error: Exception, desk: Desk) -> Iterator[None]:
    with patch.object(pwd, "getpwnam", side_effect=error):
        yield


@contextmanager
def no_socket(number: int, desk: Desk) -> Iterator[None]:
    """The daemon can open no more of them."""
    without = SimpleNamespace(**{**vars(socket), "socket": partial(refused, number)})
    with patch("deadman.transport.unix.socket", without):
        yield


def fault(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@contextmanager
def no_config(number: int, desk: Desk) -> Iterator[None]:
    """The config file cannot be opened."""
    opened = os.open

    def open_(path: Any, *arguments: Any, **named: Any) -> int:
        if isinstance(path, str | Path) and Path(path) == desk.host.config:
            raise fault(number)
        return opened(path, *arguments, **named)

    with patch.object(os, "open", open_), patch.object(Path, "read_bytes", partial(refused, number)):
        yield


def refused(number: int, *_: object, **__: object) -> NoReturn:
    raise fault(number)


@contextmanager
def hidden_sockets(desk: Desk) -> Iterator[None]:
    desk.host.sockets_hidden = True
    yield
    desk.host.sockets_hidden = False


@contextmanager
def no_thread(desk: Desk) -> Iterator[None]:
    desk.host.thread_fault = fault(errno.EAGAIN)
    yield
    desk.host.thread_fault = None


@contextmanager
def no_dial(number: int, desk: Desk) -> Iterator[None]:
    desk.host.dial_fault = fault(number)
    yield
    desk.host.dial_fault = None


@contextmanager
def names(desk: Desk, *, failing: bool = False, seconds: float = 0.0) -> Iterator[None]:
    desk.host.names.failing, desk.host.names.seconds = failing, seconds
    yield
    desk.host.names.failing, desk.host.names.seconds = False, 0.0


@contextmanager
def disk(desk: Desk, *, full: bool = False, seconds: float = 0.0) -> Iterator[None]:
    desk.host.disk.full, desk.host.disk.seconds = full, seconds
    yield
    desk.host.disk.full, desk.host.disk.seconds = False, 0.0


@contextmanager
def slow_files(desk: Desk) -> Iterator[None]:
    desk.host.disk.reading = 3.0
    yield
    desk.host.disk.reading = 0.0


@contextmanager
def no_secret(desk: Desk) -> Iterator[None]:
    desk.market.hidden.update(desk.accounts)
    yield
    desk.market.hidden.difference_update(desk.accounts)


TROUBLES: Mapping[str, Trouble] = {
    "getpwnam finds nobody": partial(no_user, KeyError(USER)),
    "getpwnam fails": partial(no_user, fault(errno.EMFILE)),
    "no socket": partial(no_socket, errno.EMFILE),
    "the config cannot be opened": partial(no_config, errno.EACCES),
    "no descriptor for the config": partial(no_config, errno.EMFILE),
    "a directory that cannot be searched": hidden_sockets,
    "no thread": no_thread,
    "no descriptor for a dial": partial(no_dial, errno.EMFILE),
    "no memory for a dial": partial(no_dial, errno.ENOBUFS),
    "names fail": partial(names, failing=True),
    "names hang": partial(names, seconds=100.0),
    "disk full": partial(disk, full=True),
    "disk hangs": partial(disk, seconds=100.0),
    "disk of 20 ms": partial(disk, seconds=0.02),
    "files of 3 s": slow_files,
    "no secret": no_secret,
}

BROKEN: Mapping[str, Callable[[str], bytes]] = {
    "as it was": lambda text: text.encode(),
    "no TOML": lambda text: f"{text}\n[accounts.broken\n".encode(),
    "broken at its start": lambda text: f"[watches\n{text}".encode(),
    "an unknown key": lambda text: f'{text}\n[accounts.spare]\nvenue = "deribit"\nnetwrok = "testnet"\n'.encode(),
    "an unknown key of the daemon": lambda text: text.replace("[daemon]", "[daemon]\nlisen = 3").encode(),
    "a wrong type": lambda text: text.replace("timeout = ", 'timeout = "x" # ').encode(),
    "not UTF-8": lambda text: f"# caf\xe9\n{text}".encode("latin-1"),
    "half of a byte order mark": lambda text: b"\xef\xbb" + text.encode(),
}
"""What people make of the file while the daemon goes on with the one that it has read."""
