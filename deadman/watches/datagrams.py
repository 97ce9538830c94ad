"""What the kernel tells of a datagram besides its bytes: when it came, from whom, and what was sent along.

unix(7), cmsg(3), socket(7).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable

from deadman.clock import Clock
from deadman.descriptors import SO_TIMESTAMPNS, SPACE, Discards
from deadman.watch import Sender
from deadman.watches.protocol import Datagram

LONGEST = 4096
"""Bytes of a datagram that are read; a longer one is nobody's check-in."""

_CREDENTIALS = struct.Struct("@3i")  # pid, uid, gid
_TIMESPEC = struct.Struct("@2l")
_ANCILLARY = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(_TIMESPEC.size) + SPACE


def receive(opened: socket.socket, clock: Clock, emptied_at: float, discards: Discards) -> Datagram | None:
    """The next datagram, None when none can be had. `discards` is given every descriptor that came along.

    `emptied_at`: the monotonic instant at which the queue was last seen empty.
    """
    try:
        data, ancillary, flags, _ = opened.recvmsg(LONGEST, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
    except OSError:  # nothing there, or the kernel short of memory: it stays in the queue until the next look
        return None
    discards.take(ancillary)
    words = b"" if flags & socket.MSG_TRUNC else data
    return Datagram(_date(ancillary, clock, emptied_at), words, _sender(ancillary))


_Ancillary = Iterable[tuple[int, int, bytes]]


def _date(ancillary: _Ancillary, clock: Clock, emptied_at: float) -> float:
    """When the kernel took it, on the monotonic clock.

    The kernel dates by the wall clock. Where that has stepped meanwhile, the date lies in the future or before the
    queue was empty: then it counts from now, for a step of the clock must not make a living process look dead.
    """
    timestamp, now = clock.timestamp(), clock.now()  # in this order: a pause between them dates it late, not early
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS) and len(value) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            at = now - (timestamp - (seconds + nanoseconds / 1e9))
            return at if emptied_at <= at <= now else now
    return now


def _sender(ancillary: _Ancillary) -> Sender | None:
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS) and len(value) == _CREDENTIALS.size:
            pid, uid, _ = _CREDENTIALS.unpack(value)
            return Sender(pid, uid & 0xFFFFFFFF)
    return None
