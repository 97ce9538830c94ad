"""Whether the sockets that we listen at can still be found: whoever removes their files makes every bot look dead."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import trio

log = logging.getLogger(__name__)

PACE = 1.0
"""Seconds between two looks; no watch is patient for less."""


@dataclass
class Presence:
    """Looks after the files at `paths`, and says once when they are gone and once when they are back."""

    paths: Callable[[], Iterable[Path]]
    is_socket: Callable[[Path], bool] = Path.is_socket
    _missing: frozenset[Path] = field(default=frozenset())

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.look()
            await trio.sleep(PACE)

    def look(self) -> None:
        wanted = frozenset(self.paths())
        missing = frozenset(path for path in wanted if not self.is_socket(path))
        for path in sorted(missing - self._missing):
            log.error(
                "%s is gone, somebody removed it: nobody reaches us there, and a bot that checks in there will be "
                "taken for dead; restart the daemon (systemctl restart deadman, and deadman.socket where it is used)",
                path,
                extra={"event": "socket_gone"},
            )
        for path in sorted((self._missing - missing) & wanted):
            log.warning("%s is there again", path, extra={"event": "socket_back"})
        self._missing = missing
