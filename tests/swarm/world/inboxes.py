"""The watches' inboxes in memory, with the daemon's own rule of who may check in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from deadman.checkins.protocol import Datagram
from deadman.checkins.rounds import Change
from deadman.checkins.sockets import Permit, look_up, look_up_or_allow_nobody
from deadman.model.settings import WatchConfig
from tests.support.inboxes import InMemoryInboxes


class Stranger(Exception):
    """The sender is not the user whom the watch is for."""


def all_shown(uid: int) -> bool:
    """No user of a world is hidden from the daemon."""
    return False


class HostInboxes(InMemoryInboxes):
    """Users are looked up as at real sockets: anew for a watch whose user has changed, and before anything is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._permits: dict[str, tuple[str | None, Permit]] = {}

    def send(self, watch: str, datagram: Datagram) -> None:
        """Raises KeyError where nobody listens, Stranger for whoever may not."""
        known = self._permits.get(watch)
        if known is not None and not known[1](datagram.sender):
            raise Stranger
        super().send(watch, datagram)

    def prepare(self, configs: Mapping[str, WatchConfig]) -> Change:
        permits = {name: self._look_up(config) for name, config in configs.items()}
        return Change(partial(self.take_over, configs, permits))

    def apply(self, configs: Mapping[str, WatchConfig]) -> None:
        super().apply(configs)
        self._permits = {
            name: (config.user, look_up_or_allow_nobody(config, all_shown)) for name, config in configs.items()
        }

    def take_over(self, configs: Mapping[str, WatchConfig], permits: dict[str, tuple[str | None, Permit]]) -> None:
        super().apply(configs)
        self._permits = permits

    def _look_up(self, config: WatchConfig) -> tuple[str | None, Permit]:
        known = self._permits.get(config.name)
        return known if known is not None and known[0] == config.user else (config.user, look_up(config, all_shown))
