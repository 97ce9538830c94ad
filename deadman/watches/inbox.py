"""Where a watch's mail waits for the loop, and the port through which the loop fetches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import trio

from deadman.config.schema import WatchConfig
from deadman.watch import Sender
from deadman.watches.protocol import Datagram, Mail

Permit = Callable[[Sender | None], bool]
"""Whether a sender may check in."""


class Change(Protocol):
    """Inboxes made ready: to be taken whole, or not at all."""

    def commit(self) -> None:
        """In the loop; it cannot fail."""

    def discard(self) -> None:
        """Leave everything as it was."""


class Inboxes(Protocol):
    """The mail of every watch."""

    def prepare(self, configs: Mapping[str, WatchConfig]) -> Change:
        """What `apply` does, made ready off the loop: a name service or a file system may hang.

        Raises SocketFault or UnknownUser, in words; then nothing has changed.
        """

    def apply(self, configs: Mapping[str, WatchConfig]) -> None:
        """Open an inbox for every watch named and close the others; those already open stay as they are.

        Raises SocketFault, in words; then nothing has changed.
        """

    def take(self, watch: str) -> Mail:
        """All that had arrived for it when this was called, whether or not anything else has looked yet."""

    async def serve(self, wake: Callable[[], None]) -> None:
        """Receive, until cancelled; `wake` is called in the loop when something urgent came."""

    async def find_users(self) -> None:
        """Ask again for users who were not known at the start, until cancelled."""

    def close(self) -> None:
        """Give up every inbox."""


class InMemoryInboxes:
    """Inboxes without sockets: for simulations, where the story is the sender."""

    def __init__(self) -> None:
        self._mail: dict[str, Mail] = {}
        self._wake: Callable[[], None] = lambda: None

    def send(self, watch: str, datagram: Datagram) -> None:
        """Raises KeyError where nobody listens, as the kernel would."""
        self._mail[watch] = self._mail[watch].post(datagram)
        if self._mail[watch].urgent:
            self._wake()

    def prepare(self, configs: Mapping[str, WatchConfig]) -> Change:
        return InMemoryChange(self, configs)

    def apply(self, configs: Mapping[str, WatchConfig]) -> None:
        self._mail = {name: self._mail.get(name, Mail()) for name in configs}

    def take(self, watch: str) -> Mail:
        mail, self._mail[watch] = self._mail[watch], Mail()
        return mail

    async def serve(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        await trio.sleep_forever()

    async def find_users(self) -> None:
        return None

    def close(self) -> None:
        self._mail = {}


@dataclass(frozen=True)
class InMemoryChange:
    """There is nothing to make ready."""

    inboxes: InMemoryInboxes
    configs: Mapping[str, WatchConfig]

    def commit(self) -> None:
        self.inboxes.apply(self.configs)

    def discard(self) -> None:
        return None
