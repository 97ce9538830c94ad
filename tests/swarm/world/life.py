"""One run of the daemon, from its start to its end: `deadman.daemon.daemon.Daemon` itself, on the ports of a world."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import trio

from deadman.checkins.protocol import Datagram
from deadman.config.load import load_with_secrets
from deadman.control.server import Policy, Server
from deadman.daemon.daemon import Daemon
from deadman.daemon.ports import Ports
from deadman.daemon.systemd import ServiceManager
from deadman.model.account import Standing
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.facts import Fact
from deadman.model.watch import Sender
from deadman.transport.dial import Dialler
from deadman.transport.peers import Peer
from tests.swarm.world.disk import MemorySilences, MemoryStore
from tests.swarm.world.host import Environment, Host, learn_nothing
from tests.swarm.world.inboxes import HostInboxes, Stranger
from tests.swarm.world.kernel import KernelInboxes
from tests.swarm.world.market import Market

Observer = Callable[[str, Fact], None]
OPERATOR = Peer(1, 0)


@dataclass
class ObservedBoard(Board):
    """A board that also tells of every fact, after it has been folded in."""

    observers: list[Observer] = field(default_factory=list)

    def post(self, account: str, *facts: Fact) -> None:
        super().post(account, *facts)
        for fact in facts:
            for observer in self.observers:
                observer(account, fact)


class PlainDialler(Dialler):
    """Spares every run the 15 ms of reading the system's authorities: nothing here speaks TLS."""

    def context(self, ca_file: object) -> None:  # type: ignore[override]
        return None


class Refused(Exception):
    """The daemon's error answer to a command, or that it was gone before there was one."""


@dataclass
class Control:
    """The control socket without a socket: one line in, one line out."""

    server: Server | None = None

    async def serve(
        self, board: Board, path: Path, policy: Policy, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        self.server = Server(board, policy, path.parent / "watch")
        task_status.started()
        await trio.sleep_forever()

    async def ask(self, method: str, params: dict[str, Any], peer: Peer = OPERATOR) -> dict[str, Any]:
        """The result. Raises Refused with the daemon's words."""
        assert self.server is not None
        line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        answer = json.loads(await self.server.answer(peer, line))
        if "error" in answer:
            raise Refused(answer["error"]["message"])
        result: dict[str, Any] = answer["result"]
        return result


class Life:
    """From start to crash. `observers` hear of every fact, those of the last run that are put back included."""

    def __init__(self, market: Market, host: Host, chance: Random, *observers: Observer) -> None:
        clock = Clock(trio.current_time, host.timestamp, host.time.now, "this boot")
        board = ObservedBoard.new(clock)
        assert isinstance(board, ObservedBoard)
        board.observers.extend(observers)
        self.board, self.host, self.market = board, host, market
        self.begins: Callable[[], None] = lambda: None
        self.inboxes = HostInboxes() if host.sockets is None else KernelInboxes(host.sockets, clock)
        self.store = MemoryStore(host.disk)
        self.control = Control()
        self.restoring = True
        self.restored: dict[str, Standing] = {}
        self.scope = trio.CancelScope()
        self.ended = trio.Event()
        self.fault: Exception | None = None
        self.running = trio.Event()
        self.send_signal, self._signals = trio.open_memory_channel[int](100)
        self.ports = self._ports(clock, chance)

    def _ports(self, clock: Clock, chance: Random) -> Ports:
        host, environment = self.host, Environment(self.market)
        return Ports(
            clock=clock,
            boottime=host.time.now,
            offsets=host.offsets,
            chance=chance,
            is_gone=host.is_gone,
            is_socket=host.is_socket,
            off_loop=host.off_loop,
            store=self.store,
            silences=MemorySilences(self.store),
            inboxes=self.inboxes,
            dialler=PlainDialler(self._open_stream),
            lookup=host.names.lookup,
            environment=environment,
            read_config=partial(load_with_secrets, host.config, environment),
            learned=learn_nothing,
            manager=ServiceManager(None),
            watchdog_interval=None,
            signals=self._receive_signals,
            serve_control=self.control.serve,
            open_register=host.open_register,
            machine=host.machine,
            is_shutting_down=host.is_shutting_down,
        )

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Raises Faults for a config that cannot be used: the daemon would not have started."""
        daemon = Daemon(self.ports.read_config(), self.board, self.ports)
        self.begins()
        try:
            daemon.remember()
            self.restoring, self.restored = False, self.board.standings()
            with self.scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._tell_of_start, task_status)
                    await daemon.run()
                    nursery.cancel_scope.cancel()
        except Exception as error:
            if not self.running.is_set():
                raise
            self.fault = error  # a law reads it
        finally:
            self.inboxes.close()
            self.ended.set()

    async def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """What a command is answered. Raises Refused for the daemon's no, and where it ends before its answer."""
        answers: list[dict[str, Any] | Refused] = [Refused("the daemon is gone")]

        async def ask() -> None:
            try:
                answers.append(await self.control.ask(method, params))
            except Refused as error:
                answers.append(error)
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hang_up, nursery.cancel_scope)
            nursery.start_soon(ask)
        if isinstance(answers[-1], Refused):
            raise answers[-1]
        return answers[-1]

    async def _hang_up(self, scope: trio.CancelScope) -> None:
        await self.ended.wait()
        scope.cancel()

    async def reload(self) -> bool:
        """SIGHUP, as `systemctl reload` sends it; whether the config was taken."""
        before = self.board.reload
        self.send_signal.send_nowait(signal.SIGHUP)
        with trio.fail_after(30):
            while self.board.reload is before and not self.ended.is_set():
                if self.host.disk.reading:
                    await trio.sleep(0.001)
                else:  # a story looks before anything else happens
                    await trio.lowlevel.checkpoint()
        return self.board.reload.successful or self.ended.is_set()  # the next start takes it

    def hear(self, watch: str, at: float, words: bytes, pid: int) -> bool:
        """A datagram at the watch's socket; False where there is none."""
        try:
            self.inboxes.send(watch, Datagram(at, words, Sender(pid, 1000)))
        except (KeyError, Stranger):
            return False
        return True

    async def _tell_of_start(self, task_status: trio.TaskStatus[None]) -> None:
        await self.running.wait()
        task_status.started()

    @contextmanager
    def _receive_signals(self) -> Iterator[AsyncIterator[int]]:
        self.running.set()
        yield self._signals

    async def _open_stream(self, host: str, port: int) -> trio.abc.Stream:
        await trio.socket.getaddrinfo(host, port)
        if self.host.dial_fault is not None:
            raise self.host.dial_fault
        return await self.market.network.open_stream(host, port, self.host.address)
