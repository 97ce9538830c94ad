"""Every door there is, each before its venue in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from urllib.parse import urlsplit

import trio

from deadman.daemon.doors import Doors
from deadman.model.clock import Clock
from deadman.model.facts import Fact
from deadman.model.secret import Secret
from deadman.model.settings import Account, Timers
from deadman.simulator.exchange import Received
from deadman.simulator.faults import Faults
from deadman.simulator.sxbet.ledger import Settings
from deadman.venues.venue import Session
from tests.support import toy
from tests.swarm.world.accounts import coinbase_account, deribit_account, sxbet_account
from tests.swarm.world.host import Environment, Host, learn_nothing
from tests.swarm.world.life import PlainDialler
from tests.swarm.world.market import Market, open_market

DOORS = ("deribit", "coinbase", "sxbet-v2", "sxbet-v3")
Kind = TypeVar("Kind")


def account_of(name: str) -> Account:
    match name:
        case "deribit":
            return deribit_account("desk")
        case "coinbase":
            return coinbase_account("desk")
        case "toy":
            return toy.toy_account("desk")
        case _:
            return sxbet_account("desk", name.removeprefix("sxbet-"))


class Tracked(trio.abc.Stream):
    """A stream that knows whether we have let go of it."""

    def __init__(self, inner: trio.abc.Stream) -> None:
        self.inner, self.closed = inner, False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self.inner.receive_some(max_bytes)

    async def aclose(self) -> None:
        self.closed = True
        await self.inner.aclose()


@dataclass
class Doorway:
    """One account's door, and what came through it. `streams` are all connections that were ever dialled."""

    account: Account
    market: Market
    door: Any = None
    facts: list[Fact] = field(default_factory=list)
    streams: list[Tracked] = field(default_factory=list)

    @property
    def timers(self) -> Timers:
        return self.account.timers

    @property
    def faults(self) -> Faults:
        """The venue's knobs: an account's own are out of reach before a login."""
        return self.market.venue(self.account).faults

    @property
    def received(self) -> list[Received]:
        return list(self.market.venue(self.account).received)

    @property
    def host(self) -> str:
        return urlsplit(self.account.url).hostname or ""

    @property
    def secret(self) -> str:
        return self.market.secrets[self.account.name].reveal()

    def open(self) -> AbstractAsyncContextManager[Session]:
        opened: AbstractAsyncContextManager[Session] = self.door.open_session()
        return opened

    def look(self) -> AbstractAsyncContextManager[Any]:
        looked: AbstractAsyncContextManager[Any] = self.door.look()
        return looked

    def told(self, kind: type[Kind]) -> list[Kind]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def place(self, number: int) -> None:
        for _ in range(number):
            self.market.exchange(self.account).place(self.account.name)

    def spoil_key(self) -> None:
        """A key that looks like one, and is not the venue's."""
        spoilt = "A" * 86 + "==" if self.account.network == "coinbase" else f"x{self.secret}"
        self.market.secrets[self.account.name] = Secret(spoilt)

    async def dial(self, host: str, port: int) -> trio.abc.Stream:
        self.streams.append(Tracked(await self.market.network.open_stream(host, port)))
        return self.streams[-1]


@asynccontextmanager
async def doorway(name: str, latency: float = 0.0, seed: int = 1) -> AsyncIterator[Doorway]:
    """A door, shut; `latency` in seconds each way."""
    account = account_of(name)
    async with AsyncExitStack() as stack:
        if name == "toy":
            stack.enter_context(toy.registered())
        market = await stack.enter_async_context(open_market(seed, Settings()))
        market.network.delay(urlsplit(account.url).hostname or "", latency, latency)
        way, clock = Doorway(account, market), Clock(trio.current_time, market.time.timestamp)
        market.enroll(account)
        off_loop = Host(market.time, Path()).off_loop
        doors = Doors(clock, Environment(market), learn_nothing, off_loop, Random(seed), PlainDialler(way.dial))
        way.door = doors.door(account, way.facts.append)
        yield way
