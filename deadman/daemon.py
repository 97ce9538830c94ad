"""The composition root: the only room that knows all the others, and hands them clock, chance, names and sockets."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from deadman.board import Board
from deadman.clock import Clock
from deadman.config.schema import Account, Config
from deadman.config.words import host_and_port
from deadman.control.disarms import end_disarms
from deadman.control.policy import Policy
from deadman.control.server import serve
from deadman.doors import Doors
from deadman.errors import Unable, innermost
from deadman.exposition import CannotListen, Exposition
from deadman.keeper import Keeper
from deadman.keepers import Keepers
from deadman.logs import Writer, redact
from deadman.logs.transitions import transitions
from deadman.notify import Notifier
from deadman.presence import Presence
from deadman.reload import Reloader
from deadman.sdnotify import inherited, watch_sockets
from deadman.service import Service
from deadman.state.state import State
from deadman.state.store import FileStore, StateInUse
from deadman.ticker import Ticker
from deadman.transport.resolver import Resolver
from deadman.vault import Vault
from deadman.venue import OpenSession
from deadman.watches.reader import SocketInboxes
from deadman.watches.rounds import Watches
from deadman.watches.sockets import SocketFault

log = logging.getLogger(__name__)


async def main(config: Config, environment: Mapping[str, str], writer: Writer) -> None:
    """Keep every account until SIGTERM or SIGINT. Stopping is silence: nothing is sent to any venue.

    Raises Unable for a directory, an address or a socket that cannot be had.
    """
    clock = Clock(trio.lowlevel.current_clock().current_time, time.time)
    board = Board.new(clock)
    board.listen(transitions(board))
    store = FileStore(config.daemon.state_directory)
    with _unable(), store.lock(), _watches(config, environment, board) as watches:
        state = State(board, store)
        _remember(config, board, watches, state)
        with _exposition(config, board, writer):
            await Daemon(config, environment, board, watches, state).run()


def _remember(config: Config, board: Board, watches: Watches, state: State) -> None:
    """Everybody has a place on the board before the last run's word is put back, and before anybody keeps."""
    for account in config.accounts.values():
        board.add(account)
    watches.apply(config.watches)
    state.restore()


@contextmanager
def _exposition(config: Config, board: Board, writer: Writer) -> Iterator[None]:
    if config.daemon.listen is None:
        yield
        return
    exposition = Exposition(board, config.daemon.listen, writer.dropped)
    log.info("metrics and status page on http://%s/", host_and_port(*exposition.start()))
    try:
        yield
    finally:
        exposition.close()


@contextmanager
def _watches(config: Config, environment: Mapping[str, str], board: Board) -> Iterator[Watches]:
    daemon = config.daemon
    adopted = watch_sockets(inherited(environment, os.getpid()))
    inboxes = SocketInboxes(daemon.runtime_directory / "watch", daemon.socket_group, board.clock, adopted)
    watches = Watches(board, inboxes)
    try:
        yield watches
    finally:
        watches.close()


@contextmanager
def _unable() -> Iterator[None]:
    """What cannot be had, told in one sentence, from however deep a nursery."""
    kinds = (Unable, StateInUse, SocketFault, CannotListen)
    try:
        yield
    except kinds as error:
        raise Unable(str(error)) from error
    except BaseExceptionGroup as group:
        missing = group.subgroup(kinds)
        if missing is None:
            raise
        raise Unable(str(innermost(missing))) from group


@dataclass
class Daemon:
    """One run of the service."""

    config: Config
    environment: Mapping[str, str]
    board: Board
    watches: Watches
    state: State

    async def run(self) -> None:
        service = Service.of(self.board, self.environment)
        doors = Doors(self.board.clock, Vault(self.environment, redact))
        daemon = self.config.daemon
        async with trio.open_nursery() as nursery:
            trio.socket.set_custom_hostname_resolver(Resolver(nursery))
            keepers = Keepers(self.board, nursery, doors.chance, doors.door, partial(self._hire, doors))
            nursery.start_soon(Ticker(self.board, service.feed).run)
            nursery.start_soon(self.state.keep)
            nursery.start_soon(self.watches.run)
            nursery.start_soon(end_disarms, self.board)
            nursery.start_soon(Notifier(self.board, doors.dialler, doors.chance, daemon.webhook, daemon.ping).run)
            await nursery.start(serve, self.board, daemon.runtime_directory / "control.sock", Policy.of(daemon))
            nursery.start_soon(Presence(self._sockets).run)
            keepers.apply(self.config.accounts)
            nursery.start_soon(service.run)
            await self._obey(Reloader(self.config, self.environment, self.board, self.watches, keepers), service)
            service.stopping()
            nursery.cancel_scope.cancel()

    def _sockets(self) -> Iterator[Path]:
        directory = self.config.daemon.runtime_directory
        yield directory / "control.sock"
        yield from (directory / "watch" / f"{name}.sock" for name in self.board.watches())

    def _hire(self, doors: Doors, account: Account, open_session: OpenSession) -> Keeper:
        ready = partial(self.state.remember_alive, account.watches)
        return Keeper(account, self.board, open_session, doors.chance, ready)

    async def _obey(self, reloader: Reloader, service: Service) -> None:
        """SIGHUP reloads; any other signal ends the run."""
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async for received in signals:
                if received != signal.SIGHUP:
                    log.info("stopping on %s: nothing is sent to any venue", signal.Signals(received).name)
                    return
                service.reloading()
                await reloader.reload()
                service.reloaded()
