"""A trading process: it holds connections, lets orders rest, checks in; and dies in every way there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from deadman.model.settings import Account
from deadman.simulator.deribit.connection import Cause, Connection
from deadman.simulator.deribit.venue import Deribit
from deadman.simulator.exchange import Order
from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.world.host import Host
from tests.swarm.world.market import Market

Deliver = Callable[[str, float, bytes, int], bool]
"""Watch, instant, words, pid; False where nobody listens."""


@dataclass
class Bot:
    """`every`: seconds between two check-ins. `beats`: when it checked in, whether or not anybody heard."""

    watch: str
    market: Market
    host: Host
    deliver: Deliver
    every: float = 0.5
    beating: bool = True
    beats: list[float] = field(default_factory=list)
    pid: int = field(init=False)
    connections: dict[str, Connection] = field(default_factory=dict)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)

    def __post_init__(self) -> None:
        self.pid = next(self.host.numbers)

    async def run(self) -> None:
        self.host.pids.add(self.pid)
        with self.scope:
            while True:
                if self.beating:
                    self.say("WATCHDOG=1")
                await trio.sleep(self.every)

    @property
    def alive(self) -> bool:
        return not self.scope.cancel_called

    def say(self, *words: str, at: float | None = None) -> bool:
        at = trio.current_time() if at is None else at
        if words[0] in ("WATCHDOG=1", "READY=1"):
            self.beats.append(at)
        return self.deliver(self.watch, at, "\n".join(words).encode(), self.pid)

    def place(self, account: Account, label: str = "", number: int = 1) -> list[Order]:
        """Let orders rest: at Deribit on a connection of its own, which starts as the account's default has it."""
        exchange = self.market.exchange(account)
        if isinstance(account, SxBetAccount):
            return [exchange.place(account.name, label=label) for _ in range(number)]
        connection = self.connect(account)
        return [exchange.place(account.name, connection=connection.id, label=label) for _ in range(number)]

    def connect(self, account: Account) -> Connection:
        venue = self.market.venue(account)
        assert isinstance(venue, Deribit)
        known = self.connections.get(account.name)
        if known is None or known.ended is not None:
            self.connections[account.name] = venue.attach(account.name)
        return self.connections[account.name]

    def die(self, *accounts: Account) -> None:
        """The process ends: its sockets close, and where the switch was on their orders go."""
        self.hang()
        self.scope.cancel()
        self.host.pids.discard(self.pid)
        for account in accounts:
            self.lose(account)

    def hang(self) -> None:
        """It trades no more and says nothing, but its sockets live on."""
        self.beating = False

    def lose(self, account: Account) -> None:
        connection, venue = self.connections.pop(account.name, None), self.market.venue(account)
        if connection is not None and isinstance(venue, Deribit):
            venue.end(connection, Cause.GONE)
