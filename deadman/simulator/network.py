"""The venues on links in memory: a network whose weather a test decides. No DNS and no TLS here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import trio

from deadman.simulator.pipe import End, Pipe

Serve = Callable[[trio.abc.Stream], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Dial:
    """One attempt to connect, whatever became of it."""

    at: float
    host: str
    port: int


@dataclass(slots=True)
class Host:
    """Who answers at an address, and the weather on the way there.

    `latency` in seconds, lowest and highest; `dial`: what a new connection takes besides.
    """

    serve: Serve
    refused: bool = False
    frozen: bool = False
    latency: tuple[float, float] = (0.0, 0.0)
    dial: float = 0.0
    thawed: trio.Event = field(default_factory=trio.Event)
    pipes: list[Pipe] = field(default_factory=list)


class Network:
    """Addresses, links and weather. Faults are by host name and strike standing links as well as new ones."""

    def __init__(self, nursery: trio.Nursery, random: Random) -> None:
        self.dials: list[Dial] = []
        self._nursery = nursery
        self._random = random
        self._hosts: dict[tuple[str, int], Host] = {}

    def add(self, host: str, port: int, serve: Serve) -> None:
        self._hosts[host, port] = Host(serve)

    async def open_stream(self, host: str, port: int) -> trio.abc.Stream:
        """Connect. Hangs while the host is frozen.

        Raises:
            OSError: refused, or nobody is there.
        """
        self.dials.append(Dial(trio.current_time(), host, port))
        place = self._hosts.get((host, port))
        await trio.lowlevel.checkpoint()
        if place is None:
            raise OSError(f"no route to {host}:{port}")
        while place.frozen:
            await place.thawed.wait()
        if place.refused:
            raise ConnectionRefusedError(f"{host}:{port} refused the connection")
        await trio.sleep(place.dial + self._random.uniform(*place.latency))
        return self._link(place)

    def freeze(self, host: str) -> None:
        """Pull the cable: nothing arrives any more in either direction, and nobody is told."""
        for place in self._at(host):
            place.frozen, place.thawed = True, trio.Event()
            self._hold(place, True)

    def thaw(self, host: str) -> None:
        """Put it back. Links that neither side gave up live on, and what was under way arrives."""
        for place in self._at(host):
            place.frozen = False
            place.thawed.set()
            self._hold(place, False)

    def cut(self, host: str, share: float = 1.0) -> None:
        """Reset standing links, each with this probability."""
        for place in self._at(host):
            for outward, inward in zip(place.pipes[::2], place.pipes[1::2], strict=True):
                if self._random.random() < share:
                    outward.reset()
                    inward.reset()

    def refuse(self, host: str) -> None:
        for place in self._at(host):
            place.refused = True

    def allow(self, host: str) -> None:
        for place in self._at(host):
            place.refused = False

    def delay(self, host: str, lowest: float, highest: float) -> None:
        """Let every chunk take so many seconds, evenly drawn; (0, 0) heals."""
        for place in self._at(host):
            place.latency = (lowest, highest)

    def slow_dials(self, host: str, seconds: float) -> None:
        """Let every new connection take so much longer; 0 heals."""
        for place in self._at(host):
            place.dial = seconds

    def heal(self, host: str) -> None:
        self.allow(host)
        self.delay(host, 0.0, 0.0)
        self.slow_dials(host, 0.0)
        self.thaw(host)

    def _at(self, host: str) -> list[Host]:
        return [place for (name, _), place in self._hosts.items() if name == host]

    def _hold(self, place: Host, held: bool) -> None:
        for pipe in place.pipes:
            pipe.held = held
            pipe.wake()

    def _link(self, place: Host) -> End:
        outward, inward = (Pipe(lambda: self._random.uniform(*place.latency)) for _ in range(2))
        place.pipes += [outward, inward]
        self._nursery.start_soon(self._serve, place, End(inward, outward, "client"), outward, inward)
        return End(outward, inward, "venue")

    async def _serve(self, place: Host, end: End, outward: Pipe, inward: Pipe) -> None:
        try:
            await place.serve(end)
        finally:
            await trio.aclose_forcefully(end)
            place.pipes = [pipe for pipe in place.pipes if pipe is not outward and pipe is not inward]


@asynccontextmanager
async def open_network(random: Random | None = None) -> AsyncIterator[Network]:
    """A network that carries links until the block ends, which ends them all."""
    async with trio.open_nursery() as nursery:
        yield Network(nursery, random or Random(0))  # noqa: S311  chance of a simulation, to be repeated by its seed
        nursery.cancel_scope.cancel()
