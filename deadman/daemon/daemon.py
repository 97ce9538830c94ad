"""The composition root: knows all the rooms, and hands them what `ports` has of the world."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import trio

from deadman import __version__
from deadman.checkins.rounds import Watches
from deadman.cluster.etcd import ReadPassword
from deadman.cluster.part import Part
from deadman.control.commands import end_disarms
from deadman.control.server import Policy
from deadman.daemon import systemd
from deadman.daemon.doors import Doors
from deadman.daemon.drill import DrillRunner
from deadman.daemon.keeper import Keeper
from deadman.daemon.keepers import Keepers, Reloader
from deadman.daemon.ports import Ports, real_ports
from deadman.daemon.state import FileStore, State
from deadman.daemon.systemd import Service
from deadman.daemon.ticker import Presence, Ticker
from deadman.model.board import Board
from deadman.model.errors import Unable, innermost
from deadman.model.settings import Account, ClusterConfig, Config
from deadman.model.text import host_and_port
from deadman.telemetry.http import Exposition
from deadman.telemetry.log import Writer
from deadman.telemetry.notify import Notifier
from deadman.telemetry.transitions import transitions
from deadman.transport.blocking import Resolver
from deadman.venues.venue import Door

log = logging.getLogger(__name__)


async def main(config: Config, environment: Mapping[str, str], writer: Writer) -> None:
    """Keep every account until SIGTERM or SIGINT. Stopping is silence: nothing is sent to any venue.

    Raises Unable for a directory, an address or a socket that cannot be had.
    """
    store = FileStore(config.daemon.state_directory)
    with ExitStack() as stack:
        stack.enter_context(_unable())
        stack.enter_context(store.lock())
        ports = real_ports(config, environment, store)
        stack.callback(ports.inboxes.close)
        daemon = Daemon(config, Board.new(ports.clock), ports)
        daemon.remember()
        if config.daemon.listen is not None:
            # A thread that writes metrics hands the interpreter back to the loop after so many seconds.
            sys.setswitchinterval(SWITCH_INTERVAL)
            exposition = Exposition(daemon.board, config.daemon.listen, writer.dropped)
            log.info("metrics and status page on http://%s/", host_and_port(*exposition.start()))
            stack.callback(exposition.close)
        await daemon.run()


@contextmanager
def _unable() -> Iterator[None]:
    """What cannot be had, told in one sentence, from however deep a nursery."""
    try:
        yield
    except BaseExceptionGroup as group:
        missing = group.subgroup(Unable)
        if missing is None:
            raise
        raise innermost(missing) from group


SWITCH_INTERVAL = 0.0005
"""A tenth of the interpreter's own: at a thousand accounts a scrape is some 40 ms of work, which answers wait for."""

LOOK_UP_TIMEOUT = 2.0
"""Seconds that looking up operators may take at the start."""


class Daemon:
    """One run of the service. `remember` comes before `run`."""

    def __init__(self, config: Config, board: Board, ports: Ports) -> None:
        self.config = config
        self.board = board
        board.name = config.daemon.name
        self.ports = ports
        self.watches = Watches(board, ports.inboxes, ports.boottime, ports.is_gone, ports.silences)
        self.doors = Doors(board.clock, ports.environment, ports.learned, ports.off_loop, ports.chance, ports.dialler)
        self.state = State(board, ports.store)
        self.part = Part(
            board,
            config.daemon.name,
            config.cluster,
            ports.chance,
            ports.dialler,
            ports.open_register,
            ports.machine,
            self._password,
        )
        board.listen(transitions(board))

    def remember(self) -> None:
        """Put all accounts and watches on the board, then restore what the last run wrote down.

        Raises SocketFault for a watch's socket that cannot be had.
        """
        accounts, bots = len(self.config.accounts), len(self.config.watches)
        words = f"deadman {__version__} starts as {self.board.name}: accounts: {accounts}, bots: {bots}"
        self.board.tell(log, logging.INFO, "started", words)
        for account in self.config.accounts.values():
            self.board.add(account)
        self.watches.apply(self.config.watches)
        self.part.apply(self.config.accounts.values())
        self.state.restore()
        self.watches.recall()
        self.part.begin()

    async def run(self) -> None:
        """Until a signal says so. Raises Unable for a control socket that cannot be had."""
        board, ports, daemon = self.board, self.ports, self.config.daemon
        control_socket = daemon.runtime_directory / "control.sock"

        def sockets() -> Iterator[Path]:
            yield control_socket
            bots = (watch.name for watch in board.watches().values() if watch.seen_until is None)
            yield from (daemon.runtime_directory / "watch" / f"{name}.sock" for name in bots)

        service = Service(board, ports.manager, ports.watchdog_interval)
        async with trio.open_nursery() as nursery:
            trio.socket.set_custom_hostname_resolver(Resolver(nursery, ports.lookup, ports.off_loop))
            keepers = Keepers(board, nursery, ports.chance, self._hire)
            await nursery.start(DrillRunner(board, ports.chance, self._door).run)
            nursery.start_soon(Ticker(board, service.feed, ports.offsets).run)
            nursery.start_soon(self.state.keep)
            nursery.start_soon(self.watches.run)
            nursery.start_soon(end_disarms, board)
            nursery.start_soon(Notifier(board, ports.dialler, ports.chance, daemon.webhook, daemon.ping).run)
            await nursery.start(ports.serve_control, board, control_socket, await self._policy())
            nursery.start_soon(Presence(sockets, ports.is_socket).run)
            keepers.apply(self.config.accounts)
            nursery.start_soon(self.part.run)
            nursery.start_soon(service.run)
            reloader = Reloader(self.config, board, self.watches, keepers, ports.read_config, ports.off_loop)
            reloader.follow = self._follow
            await self._obey(reloader)
            if self.config.cluster is not None and not await ports.is_shutting_down():
                await self.part.say_stopped()
            nursery.cancel_scope.cancel()

    async def _policy(self) -> Policy:
        """Who may do what; a name service that hangs keeps the operators out, and no switch from being armed."""
        daemon = self.config.daemon
        with trio.move_on_after(LOOK_UP_TIMEOUT), suppress(OSError):
            return await self.ports.off_loop(Policy.of, daemon)
        log.error("the name service hangs: only root and the daemon's own user may change anything until a restart")
        return Policy({os.geteuid(): f"uid {os.geteuid()}", 0: "root"})

    def _follow(self, config: Config) -> None:
        """Of other hosts those that a reloaded config names."""
        self.part.apply(config.accounts.values())
        self.part.begin()

    def _password(self, config: ClusterConfig) -> ReadPassword | None:
        return None if config.password is None else partial(self.doors.read, config.password)

    def _door(self, account: Account) -> Door:
        return self.doors.door(account, partial(self.board.post, account.name))

    def _hire(self, account: Account) -> Keeper:
        door = self._door(account)
        keeper = Keeper(account, self.board, door.open_session, self.ports.chance, count_orders=door.count_orders)
        keeper.secret_changed = lambda: self.doors.changed(keeper.account)
        keeper.ready = lambda: self.state.remember_alive(keeper.account.watches)
        return keeper

    async def _obey(self, reloader: Reloader) -> None:
        """SIGHUP reloads; any other signal ends the run."""
        tell = self.ports.manager.send
        with self.ports.signals() as signals:
            async for received in signals:
                if received != signal.SIGHUP:
                    log.info("stopping on %s: nothing is sent to any venue", signal.Signals(received).name)
                    tell(systemd.STOPPING, systemd.status("stopping: nothing is sent to any venue"))
                    return
                tell(systemd.reloading(time.monotonic()))
                await reloader.reload()
                tell(systemd.READY)
