"""The watches' inboxes without sockets: for simulations, where the story is the sender."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import trio

from deadman.checkins.protocol import Datagram, Mail
from deadman.checkins.rounds import Change
from deadman.model.settings import WatchConfig


class InMemoryInboxes:
    """Where the kernel would queue datagrams, they wait here."""

    def __init__(self) -> None:
        self._mail: dict[str, Mail] = {}
        self._wake: Callable[[], None] = lambda: None

    def send(self, watch: str, datagram: Datagram) -> None:
        """Raises KeyError where nobody listens, as the kernel would."""
        self._mail[watch] = self._mail[watch].accept(datagram)
        self._wake()

    def prepare(self, configs: Mapping[str, WatchConfig]) -> Change:
        return Change(partial(self.apply, configs))

    def apply(self, configs: Mapping[str, WatchConfig]) -> None:
        self._mail = {name: self._mail.get(name, Mail()) for name in configs}

    def take(self, watch: str) -> Mail:
        mail, self._mail[watch] = self._mail[watch], Mail()
        return mail

    def arrived(self) -> list[str]:
        return [name for name, mail in self._mail.items() if mail != Mail()]

    async def serve(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        await trio.sleep_forever()

    async def find_users(self) -> None:
        return None

    def close(self) -> None:
        self._mail = {}
