"""The watches' real sockets, read by the loop alone: a simulated clock waits for no thread."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import trio

from deadman.checkins.protocol import Datagram
from deadman.checkins.sockets import SocketInboxes
from deadman.model.clock import Clock


class KernelInboxes(SocketInboxes):
    """Unix sockets in `directory`. Datagrams are dated when the loop reads them: the kernel's clock is another."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        super().__init__(directory, None, clock)
        self.directory = directory

    def send(self, watch: str, datagram: Datagram) -> None:
        """As this very process. Raises KeyError where nobody listens."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                sender.sendto(datagram.data, str(self.directory / f"{watch}.sock"))
            except OSError as error:
                raise KeyError(watch) from error

    async def serve(self, wake: Callable[[], None]) -> None:
        await trio.sleep_forever()

    async def find_users(self) -> None:
        await trio.sleep_forever()
