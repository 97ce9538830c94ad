"""Descriptors that strangers send along with their messages (SCM_RIGHTS, unix(7)), and how to be rid of them.

Whoever closes the last copy of one may wait for as long as its sender likes: a TCP socket lingers, a FUSE flushes, a
socket that holds either does both. Where a receiver makes no room for one the kernel closes it at once, in the
receiver's name, and so it does with what lies unread in a socket that is closed. Hence: room is made, and threads of
their own do the closing.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from queue import SimpleQueue

_DESCRIPTOR = struct.Struct("@i")
_NO_LINGER = struct.pack("@2i", 0, 0)  # struct linger of socket(7)

SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the module `socket` does not name it

SPACE = socket.CMSG_SPACE(253 * _DESCRIPTOR.size)
"""Bytes for the most descriptors one message can carry: SCM_MAX_FD of linux/net/scm.h."""

ROOM = 512
"""Descriptors that may wait to be closed: with one more message still fewer than the 1024 a process has by default."""

THREADS = 16


class Discards:
    """Closes what it is given, in threads of its own. For any thread; never waits."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[int] = SimpleQueue()
        self._lock = threading.Lock()
        self._unclosed = 0
        self._threads = 0

    @property
    def has_room(self) -> bool:
        """Whether one more message may be received; if not, it is better left unread."""
        return self._unclosed < ROOM

    def take(self, ancillary: Iterable[tuple[int, int, bytes]]) -> None:
        """Have every descriptor closed that came with a message."""
        for descriptor in _descriptors(ancillary):
            self.put(descriptor)

    def put(self, descriptor: int) -> None:
        _do_not_linger(descriptor)
        with self._lock:
            self._unclosed += 1
            wanted = self._threads < min(THREADS, self._unclosed)
            self._threads += wanted
        self._waiting.put(descriptor)
        if wanted:
            self._hire()

    def _hire(self) -> None:
        """Where the host has no room for a thread, those at work go on, or the next descriptor tries again."""
        try:
            threading.Thread(target=self._close_all, name="discards", daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._threads -= 1

    def _close_all(self) -> None:
        while True:
            descriptor = self._waiting.get()
            with suppress(OSError):
                os.close(descriptor)
            with self._lock:
                self._unclosed -= 1


def _do_not_linger(descriptor: int) -> None:
    """The plainest way to hold up who closes it, undone; what is no socket does not mind."""
    with suppress(OSError):
        # Named a family, Python asks the kernel for none.
        as_socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=descriptor)
        try:
            as_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        finally:
            as_socket.detach()


def _descriptors(ancillary: Iterable[tuple[int, int, bytes]]) -> Iterator[int]:
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            whole = len(value) - len(value) % _DESCRIPTOR.size
            yield from (descriptor for (descriptor,) in _DESCRIPTOR.iter_unpack(value[:whole]))


def ask_kernel_for_origins(opened: socket.socket) -> None:
    """Have every datagram come with its date and its sender's pid and uid."""
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
