"""Who is at the other end of a Unix socket, and what else it may send: unix(7).

With a message may come descriptors (SCM_RIGHTS). Closing the last copy of one may take as long as its sender likes: a
TCP socket lingers, a FUSE flushes. Where a receiver makes no room for one, the kernel closes it at once, in the
receiver's name, as it does with what lies unread in a closed socket. So room is made, and threads do the closing.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import trio

HINT = "PrivateUsers= of our unit hides it from us: install systemd/drop-ins/operators.conf"

_DESCRIPTOR = struct.Struct("@i")
_NO_LINGER = struct.pack("@2i", 0, 0)  # struct linger of socket(7)

SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the module `socket` does not name it

SPACE = socket.CMSG_SPACE(253 * _DESCRIPTOR.size)
"""Bytes for the most descriptors one message can carry: SCM_MAX_FD of linux/net/scm.h."""

ROOM = 512
"""Descriptors that may wait to be closed: with one more message still fewer than the 1024 a process has by default."""

THREADS = 16

ROOM_POLL_INTERVAL = 0.01
"""Seconds between two looks whether there is room again for what a client sends along."""

_UID_MAP = Path("/proc/self/uid_map")


def is_hidden(uid: int, uid_map: Path = _UID_MAP) -> bool:
    """Whether processes of this user reach us without their name; where there is no map, nobody is hidden."""
    try:
        lines = uid_map.read_text().splitlines()
    except OSError:
        return False
    spans = (tuple(map(int, line.split())) for line in lines)
    return not any(inside <= uid < inside + count for inside, _, count in spans)


def is_gone(pid: int) -> bool:
    """Whether that process is known to have ended. A number used again reads as alive, which is the safe side."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return pid > 0
    except OSError:
        return False
    return False


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end of a connection, as it was when it connected."""

    pid: int
    uid: int


def peer_of(getsockopt: Callable[[int, int, int], bytes]) -> Peer:
    """The peer of a connected Unix socket, by its `getsockopt`."""
    ucred = struct.Struct("3i")  # pid, uid, gid: unix(7)
    pid, uid, _ = ucred.unpack(getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, ucred.size))
    return Peer(pid, uid)


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
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                whole = len(value) - len(value) % _DESCRIPTOR.size
                for (descriptor,) in _DESCRIPTOR.iter_unpack(value[:whole]):
                    self.put(descriptor)

    def put(self, descriptor: int) -> None:
        with suppress(OSError):  # the plainest way to hold up who closes it, undone; what is no socket does not mind
            # Named a family, Python asks the kernel for none.
            as_socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=descriptor)
            try:
                as_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            finally:
                as_socket.detach()
        with self._lock:
            self._unclosed += 1
            wanted = self._threads < min(THREADS, self._unclosed)
            self._threads += wanted
        self._waiting.put(descriptor)
        if wanted:
            try:
                threading.Thread(target=self._close_all, name="discards", daemon=True).start()
            except RuntimeError:  # no room for a thread: those at work go on, or the next descriptor tries again
                with self._lock:
                    self._threads -= 1

    def _close_all(self) -> None:
        while True:
            descriptor = self._waiting.get()
            with suppress(OSError):
                os.close(descriptor)
            with self._lock:
                self._unclosed -= 1


def ask_kernel_for_origins(opened: socket.socket) -> None:
    """Have every datagram come with its date and its sender's pid and uid."""
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


@dataclass(frozen=True, slots=True)
class Connection:
    """A client's stream, past the descriptors it may send along. Raises OSError when the client is gone."""

    stream: trio.SocketStream
    discards: Discards

    async def receive_some(self, most: int) -> bytes:
        """At most so many bytes; none at the end."""
        while not self.discards.has_room:
            await trio.sleep(ROOM_POLL_INTERVAL)
        data, ancillary, *_ = await self.stream.socket.recvmsg(most, SPACE, socket.MSG_CMSG_CLOEXEC)
        self.discards.take(ancillary)
        return data

    async def send_all(self, data: bytes) -> None:
        await self.stream.send_all(data)

    def begin(self, notice: bytes) -> bool:
        """Whether the client is still there, so that its request may be begun; `notice` tells it so, unless empty.

        The kernel decides between a client that gives up and us: a notice is taken, and the client will find it, or
        it is refused. Half a goodbye (no more requests) is none.
        """
        sock = self.stream.socket
        look = select.poll()
        look.register(sock, 0)
        if any(event & (select.POLLHUP | select.POLLERR) for _, event in look.poll(0)):
            return False
        try:
            return not notice or os.write(sock.fileno(), notice) == len(notice)
        except OSError:
            return False

    async def aclose(self) -> None:
        """Hang up. The last copy is closed elsewhere: the kernel then closes whatever lies unread in it."""
        with suppress(OSError):
            self.stream.socket.shutdown(socket.SHUT_RDWR)
            self.discards.put(os.dup(self.stream.socket.fileno()))
        await trio.aclose_forcefully(self.stream)
