"""The machine we run on: clocks, disk, processes, names, and the files that we read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import trio

from deadman.model.secret import Secret
from deadman.transport.blocking import AddressInfo
from tests.support.registers import HostsRegister
from tests.swarm.world.disk import Disk
from tests.swarm.world.market import Market, VenueTime

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@dataclass
class Names:
    """The name service: how long an answer takes, `inf` while it hangs, and whether it fails."""

    seconds: float = 0.0
    failing: bool = False

    def lookup(self, host: str, port: int) -> AddressInfo:
        if self.failing:
            raise OSError("the name service fails")
        return [(None, None, 0, "", (host, port))]


@dataclass
class Host:
    """The machine.

    Attributes:
        directory: where the config file is.
        stepped: how far its wall clock was set off.
        sockets: where the watches' real sockets are; None where what bots say is handed over in memory.
        address: whom the venues see.
        woke_at: when our process last went on, after a sleep of the machine or a stop of its own.
        register: the one it shares with other hosts, as it reaches it; `machine` is its fingerprint there.
        going_down: the whole machine shuts down, and not the daemon alone.
        dial_fault, thread_fault: what the kernel says instead of giving a socket or a thread.
    """

    time: VenueTime
    directory: Path
    disk: Disk = field(default_factory=Disk)
    names: Names = field(default_factory=Names)
    stepped: float = 0.0
    woke_at: float = -1.0
    pids: set[int] = field(default_factory=set)
    numbers: count[int] = field(default_factory=lambda: count(4000))
    sockets_hidden: bool = False
    sockets: Path | None = None
    dial_fault: OSError | None = None
    thread_fault: OSError | None = None
    address: str = "client"
    register: HostsRegister | None = None
    machine: str = ""
    going_down: bool = False

    @property
    def config(self) -> Path:
        return self.directory / "config.toml"

    def timestamp(self) -> float:
        return self.time.timestamp() + self.stepped

    def sleep(self, seconds: float) -> None:
        """A suspend, from beginning to end."""
        self.time.ahead += seconds
        self.woke_at = trio.current_time()

    def offsets(self) -> tuple[float, float]:
        return self.time.ahead, self.time.ahead + self.stepped

    async def is_shutting_down(self) -> bool:
        return self.going_down

    @asynccontextmanager
    async def open_register(self, *_: object) -> AsyncIterator[HostsRegister]:
        assert self.register is not None
        yield self.register

    def is_gone(self, pid: int) -> bool:
        return pid not in self.pids

    def is_socket(self, path: Path) -> bool:
        """Sockets are there, unless somebody has closed their directory to us."""
        if self.sockets_hidden:
            raise PermissionError(f"{path}: Permission denied")
        return True

    async def off_loop(
        self, work: Callable[[*Ts], T], *arguments: *Ts, limiter: trio.CapacityLimiter | None = None
    ) -> T:
        """Takes as long as the disk or the name service does, and a place in `limiter` meanwhile."""
        if self.thread_fault is not None:
            raise self.thread_fault
        is_lookup = getattr(work, "__self__", None) is self.names
        async with limiter or trio.CapacityLimiter(1):
            await trio.sleep(self.names.seconds if is_lookup else self.disk.reading)
        return work(*arguments)


class Environment(Mapping[str, str]):
    """The daemon's environment: every account's secret under the account's name, but for those that are hidden."""

    def __init__(self, market: Market) -> None:
        self.market = market

    def __getitem__(self, name: str) -> str:
        if name in self.market.hidden:
            raise KeyError(name)
        return self.market.secrets[name].reveal()

    def __iter__(self) -> Iterator[str]:
        return iter(self.market.secrets.keys() - self.market.hidden)

    def __len__(self) -> int:
        return len(self.market.secrets.keys() - self.market.hidden)


def learn_nothing(secret: Secret) -> None:
    """The log of a world is read by its auditors as it would be without any redaction."""
