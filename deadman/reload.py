"""A reload: read the file again, and let a good one touch only what changed. A bad one changes nothing and is told."""

from __future__ import annotations

import logging
from collections.abc import Callable

import trio

from deadman.board import Board, Reload
from deadman.config.fault import Faults
from deadman.config.schema import Config
from deadman.keepers import Keepers
from deadman.threads import OffLoop
from deadman.watches.rounds import Watches
from deadman.watches.sockets import SocketFault

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds for reading the file and its secrets; a hung disk keeps the old config."""


class Reloader:
    """Knows what is in force. `read` reads the file and every secret anew, off the loop; it raises Faults."""

    def __init__(
        self,
        config: Config,
        board: Board,
        watches: Watches,
        keepers: Keepers,
        read: Callable[[], Config],
        off_loop: OffLoop,
    ) -> None:
        self._config = config
        self._read = read
        self._off_loop = off_loop
        self._board = board
        self._watches = watches
        self._keepers = keepers

    async def reload(self) -> None:
        """Never raises for what a person can write into a file."""
        try:
            with trio.fail_after(PATIENCE):
                config = await self._off_loop(self._read)
            self._watches.apply(config.watches)
        except Faults as faults:
            self._keep_old([str(fault) for fault in faults.faults])
        except SocketFault as error:
            self._keep_old([str(error)])
        except trio.TooSlowError:
            self._keep_old([f"{self._config.path}: not read within {PATIENCE:g} s"])
        else:
            self._take(config)

    def _take(self, config: Config) -> None:
        self._keepers.apply(config.accounts)
        # Before any new keeper takes its first step: no lease for a bot that is not up, not even until the next look.
        self._watches.look()
        if config.daemon != self._config.daemon:
            log.warning("[daemon] has changed: that needs a restart", extra={"event": "restart_needed"})
        self._config = config
        self._board.reload = Reload(True, self._board.clock.timestamp())
        told = {"event": "reloaded"}
        log.info("reloaded; what changed is in force. Secrets by credential need a restart, by file do not", extra=told)

    def _keep_old(self, faults: list[str]) -> None:
        self._board.reload = Reload(False, self._board.reload.success_timestamp)
        for fault in faults:
            log.error("not reloaded, the old config stays in force: %s", fault, extra={"event": "reload_failed"})
