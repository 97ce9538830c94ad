"""One client's connection, past the descriptors it may send along: none is asked for, and the loop closes none."""

from __future__ import annotations

import os
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

    async def aclose(self) -> None:
        """Hang up. The last copy is closed elsewhere: the kernel then closes whatever lies unread in it."""
        with suppress(OSError):
            self.stream.socket.shutdown(socket.SHUT_RDWR)
            self.discards.put(os.dup(self.stream.socket.fileno()))
        await trio.aclose_forcefully(self.stream)
