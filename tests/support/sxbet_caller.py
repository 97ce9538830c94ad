"""A caller that knows of SX Bet what its documents say, and nothing of the simulator's inside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import h11
import trio

from deadman.simulator.network import Network, open_network
from deadman.simulator.sxbet.ledger import Settings
from deadman.simulator.sxbet.venue import SxBet
from tests.support.http_caller import Answer, exchange

HOST = "api.sx.bet"
MAKER = "0xAbCdEf0123456789aBcDeF0123456789abcdef01"
V2 = {"x-api-key": "old"}
V3 = {"X-SX-API-KEY": "new"}


class World:
    def __init__(self, network: Network, venue: SxBet) -> None:
        self.network = network
        self.venue = venue

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> Answer:
        stream = await self.network.open_stream(HOST, 443)
        async with stream:
            return await exchange(stream, h11.Connection(h11.CLIENT), method, path, headers, body)

    async def beat(self, seconds: Any = 30, headers: Mapping[str, str] = V3) -> Answer:
        return await self.ask("POST", "/heartbeat/v3", headers, {"timeoutSeconds": seconds})

    async def beat_v2(self, seconds: Any = 30, requestor: str = MAKER) -> Answer:
        return await self.ask("POST", "/heartbeat", V2, {"requestor": requestor, "timeoutSeconds": seconds})


@asynccontextmanager
async def world(settings: Settings | None = None) -> AsyncIterator[World]:
    venue = SxBet(settings or Settings(), timestamp=lambda: 1_700_000_000 + trio.current_time())
    venue.add_account("maker", "new", "v3")
    venue.add_account("old-maker", "old", "v2", MAKER)
    async with open_network() as network:
        network.add(HOST, 443, venue.serve)
        yield World(network, venue)
