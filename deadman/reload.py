"""A reload: read the file again, and let a good one touch only what changed. A bad one changes nothing and is told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import trio

from deadman.board import Board, Reload
from deadman.config.fault import Faults
from deadman.config.schema import Config
from deadman.keepers import Keepers
from deadman.threads import OffLoop
from deadman.watches.inbox import Change
from deadman.watches.rounds import Watches
from deadman.watches.senders import UnknownUser
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
        """Never raises for what a person can write into a file, nor for what a host fails to tell."""
        attempt = Attempt(self._prepare)
        try:
            with trio.fail_after(PATIENCE):
                config, change = await self._off_loop(attempt.run)
        except Faults as faults:
            self._keep_old([str(fault) for fault in faults.faults])
        except (SocketFault, UnknownUser, OSError) as error:
            self._keep_old([str(error)])
        except trio.TooSlowError:
            attempt.give_up()
            self._keep_old([f"{self._config.path}: not read, or its users not looked up, within {PATIENCE:g} s"])
        else:
            self._take(config, change)

    def _prepare(self) -> tuple[Config, Change]:
        """All that may fail or hang."""
        config = self._read()
        return config, self._watches.prepare(config.watches)

    def _take(self, config: Config, change: Change) -> None:
        self._watches.take(config.watches, change)
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


class Attempt:
    """One reading off the loop. What it opened after we gave up on it is closed again, by whoever comes last."""

    def __init__(self, prepare: Callable[[], tuple[Config, Change]]) -> None:
        self._prepare = prepare
        self._lock = threading.Lock()
        self._given_up = False
        self._change: Change | None = None

    def run(self) -> tuple[Config, Change]:
        config, change = self._prepare()
        with self._lock:
            self._change = change
            if self._given_up:
                change.discard()
        return config, change

    def give_up(self) -> None:
        with self._lock:
            self._given_up = True
            if self._change is not None:
                self._change.discard()
