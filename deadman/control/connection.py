"""One client's connection, past the descriptors it may send along: none is asked for, and the loop closes none."""

from __future__ import annotations

import os
import select
import socket
from contextlib import suppress
from dataclasses import dataclass

import trio

from deadman.descriptors import SPACE, Discards

PACE = 0.01
"""Seconds between two looks whether there is room again for what a client sends along."""


@dataclass(frozen=True, slots=True)
class Connection:
    """As much of a stream as `Lines` needs. Raises OSError when the client is gone."""

    stream: trio.SocketStream
    discards: Discards

    async def receive_some(self, most: int) -> bytes:
        """At most so many bytes; none at the end."""
        while not self.discards.has_room:
            await trio.sleep(PACE)
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
