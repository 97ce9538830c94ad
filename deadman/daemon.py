"""The composition root: the only room that knows all the others, and hands them clock, chance, names and sockets."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from random import SystemRandom

import trio

from deadman.board import Board
from deadman.clock import Clock
from deadman.config.schema import Account, Config
from deadman.doors import Doors
from deadman.keeper import Keeper
from deadman.keepers import Keepers
from deadman.logs import redact
from deadman.logs.transitions import transitions
from deadman.ticker import Ticker
from deadman.transport.resolver import Resolver
from deadman.vault import Vault
from deadman.venue import OpenSession

log = logging.getLogger(__name__)


@dataclass
class Daemon:
    """One run of the service."""

    config: Config
    environment: Mapping[str, str]
    board: Board

    async def run(self) -> None:
        """Keep every account until SIGTERM or SIGINT. Stopping is silence: nothing is sent to any venue."""
        async with trio.open_nursery() as nursery:
            trio.socket.set_custom_hostname_resolver(Resolver(nursery))
            nursery.start_soon(Ticker(self.board).run)
            self.keepers(nursery).apply(self.config.accounts)
            await self._obey_signals()
            nursery.cancel_scope.cancel()

    def keepers(self, nursery: trio.Nursery) -> Keepers:
        doors = Doors(self.board.clock, Vault(self.environment, redact))
        return Keepers(self.board, nursery, doors.chance, doors.door, self._hire)

    def _hire(self, account: Account, open_session: OpenSession) -> Keeper:
        return Keeper(account, self.board, open_session, SystemRandom())

    async def _obey_signals(self) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async for received in signals:
                if received != signal.SIGHUP:
                    log.info("stopping on %s: nothing is sent to any venue", signal.Signals(received).name)
                    return


async def main(config: Config, environment: Mapping[str, str]) -> None:
    """Raises OSError in words for an address or socket that cannot be had."""
    clock = Clock(trio.lowlevel.current_clock().current_time, time.time)
    board = Board.new(clock)
    board.listen(transitions(board))
    await Daemon(config, environment, board).run()
