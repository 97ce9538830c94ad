"""A trading desk in memory: our keepers on one side, simulated venues on the other, and a clock that jumps ahead."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import trio

from deadman.board import Board
from deadman.clock import Clock
from deadman.config.schema import Account, DeribitAccount
from deadman.guard import Phase
from deadman.keeper import Keeper
from deadman.keepers import Keepers
from deadman.secret import Secret
from deadman.simulator.deribit import DERIBIT
from deadman.simulator.deribit import Deribit as Exchange
from deadman.simulator.network import Network, open_network
from deadman.standing import Standing
from deadman.ticker import Ticker
from deadman.transport.dial import Dialler
from deadman.venue import OpenSession, Post
from deadman.venues.deribit.door import Deribit

HOST = "deribit.localhost"
FULL = "account:read_write trade:read_write"
EPOCH = 1_700_000_000.0


def deribit_account(name: str = "desk", **changes: object) -> DeribitAccount:
    fields = {"network": "testnet", "url": f"ws://{HOST}/ws/api/v2", "client_id": f"id-{name}", **changes}
    return DeribitAccount(name, **fields)  # type: ignore[arg-type]


@dataclass
class Desk:
    network: Network
    exchange: Exchange
    board: Board
    keepers: Keepers
    secrets: dict[str, str] = field(default_factory=dict)

    def standing(self, name: str = "desk") -> Standing:
        return self.board.standing(name)

    def phase(self, name: str = "desk") -> Phase:
        return self.standing(name).phase

    def protected(self, name: str = "desk") -> bool:
        return self.standing(name).guard.protected(self.board.clock.now())

    async def until(self, *phases: Phase, within: float, name: str = "desk") -> float:
        """Seconds until the account stands in one of the phases."""
        began = trio.current_time()
        with trio.fail_after(within):
            while self.phase(name) not in phases:
                await trio.sleep(0.01)
        return trio.current_time() - began


@asynccontextmanager
async def open_desk(*accounts: Account, seed: int = 1) -> AsyncIterator[Desk]:
    chance = Random(seed)
    clock = Clock(trio.current_time, lambda: EPOCH + trio.current_time())
    board = Board.new(clock)
    async with open_network(Random(seed)) as network, trio.open_nursery() as nursery:
        exchange = Exchange(DERIBIT, random=Random(seed), timestamp=clock.timestamp)
        network.add(HOST, 80, exchange.serve)
        dialler = Dialler(network.open_stream)

        async def secret() -> Secret:
            return Secret("hush")

        def door(account: Account, post: Post) -> Deribit:
            assert isinstance(account, DeribitAccount)
            exchange.add_key(str(account.client_id), account.name, secret="hush", scope=FULL)
            return Deribit(account, dialler, clock, chance, post, secret)

        def hire(account: Account, open_session: OpenSession) -> Keeper:
            return Keeper(account, board, open_session, chance)

        keepers = Keepers(board, nursery, chance, door, hire)
        nursery.start_soon(Ticker(board, offsets=lambda: (0.0, 0.0)).run)
        keepers.apply({account.name: account for account in accounts})
        yield Desk(network, exchange, board, keepers)
        nursery.cancel_scope.cancel()
