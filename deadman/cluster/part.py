"""This daemon's part among hosts: its own beats, its looks at other desks, and the register that both go through."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

import trio

from deadman.cluster.desk import OURS, Desk, may_be_witnessed
from deadman.cluster.etcd import ReadPassword, Register
from deadman.cluster.lookout import Lookout
from deadman.model.board import Board
from deadman.model.errors import VenueError
from deadman.model.settings import Account, ClusterConfig
from deadman.model.sight import Line, fingerprint
from deadman.model.watch import Watch
from deadman.transport.dial import Dialler

log = logging.getLogger(__name__)

REOPEN_INTERVAL = 5.0
"""Seconds between two tries with certificates that cannot be used."""

LAST_WORD_TIMEOUT = 5.0
"""Seconds for the last beat of a run, one before it that is under way included."""

OpenRegister = Callable[..., AbstractAsyncContextManager[Register]]
"""Takes the config, dialler, clock and how the password is read; raises Refused where the config cannot be used."""


@dataclass
class Part:
    """`config` None: this daemon is alone, and nothing here does anything. `machine`: a fingerprint of this host."""

    board: Board
    name: str
    config: ClusterConfig | None
    chance: Random
    dialler: Dialler
    open_register: OpenRegister
    machine: str = ""
    read_password: Callable[[ClusterConfig], ReadPassword | None] = lambda config: None
    _lookout: Lookout = field(init=False)
    _scope: trio.CancelScope | None = None
    _desk: Desk | None = None
    _register: Register | None = None

    def __post_init__(self) -> None:
        self._run = "" if self.config is None else f"{self.chance.getrandbits(32):08x}"
        prefix, timeout = (self.config.prefix, self.config.host_timeout) if self.config else ("", 0.0)
        self._lookout = Lookout(self.board, prefix, self.name, self._run, self.machine, timeout)
        self.board.listen_to_watches(self._on_watch)

    def _on_watch(self, before: Watch, after: Watch) -> None:
        """No witness shall cancel what a bot places that we had called dead, and that is back."""
        if self._desk is not None and before.died_at is not None and after.died_at is None:
            self._desk.hastened.set()

    def apply(self, accounts: Iterable[Account]) -> None:
        """Watch over these from now on, as far as they are others'."""
        self._lookout.apply(accounts if self.config is not None else ())

    def begin(self) -> None:
        """Once what an earlier run knew is back on the board."""
        if self.config is not None:
            self._lookout.begin()

    async def run(self) -> None:
        """Until cancelled. Whatever fails is tried again: no account waits for it."""
        while self.config is not None:
            try:
                password = self.read_password(self.config)
                async with self.open_register(self.config, self.dialler, self.board.clock, password) as register:
                    await self._talk(self.config, register)
            except VenueError as error:
                line = self.board.lines.get(OURS, Line())
                self.board.put_line(OURS, line.went_wrong(self.board.clock.now(), error.detail))
                log.error("no witness hears this host: %s", error.detail, extra={"event": "cluster_unreachable"})
            await trio.sleep(REOPEN_INTERVAL)

    async def _talk(self, config: ClusterConfig, register: Register) -> None:
        self._register = register
        self._desk = Desk(self.board, register, config.prefix, self.name, self._run, self.machine, config.host_timeout)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._desk.keep)
            with trio.CancelScope() as self._scope:
                await self._lookout.keep(register)
            await trio.sleep_forever()

    async def say_stopped(self) -> None:
        """The last word of a run whose host lives on: no witness is to take what follows for a death."""
        if self._scope is None or self._desk is None or self._register is None:
            return
        self._scope.cancel()
        with trio.move_on_after(LAST_WORD_TIMEOUT):
            async with trio.open_nursery() as nursery:
                if any(may_be_witnessed(account) for account in self.board.configs.values()):
                    nursery.start_soon(self._say, self._desk)
                nursery.start_soon(partial(self._lookout.look, self._register, stopped=True))

    async def _say(self, desk: Desk) -> None:
        if not await desk.beat(stopped=True):
            told = {"event": "last_word_lost"}
            log.warning("the register was not told that this is no death: a witness may cancel", extra=told)


_MACHINE_ID = Path("/etc/machine-id")


def machine(path: Path = _MACHINE_ID) -> str:
    """A fingerprint of this installation; empty where it has none. machine-id(5): the id itself is confidential."""
    try:
        return fingerprint(f"deadman {path.read_text().strip()}")
    except OSError:
        return ""
