"""A maker on SX Bet, simulated or on the test network: what a stranger with one key can do and see."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import h11
import trio

from tests.support.http_caller import Answer, exchange
from tests.support.sxbet_caller import HOST, MAKER, V2, V3, world
from tests.venue_facts.facts import Door
from tests.venue_facts.places import Place, place_of

HEADER = {"v2": "X-Api-Key", "v3": "x-sx-api-key"}
HASH = f"0x{7:064x}"


@dataclass
class Maker:
    """`key`: the header that says who asks. `place`: lets an order rest, which takes a signature elsewhere."""

    open_stream: Callable[[], Awaitable[trio.abc.Stream]]
    host: str
    key: Mapping[str, str]
    requestor: str = ""

    async def ask(self, method: str, path: str, body: Any = None, key: Mapping[str, str] | None = None) -> Answer:
        sent = {"Host": self.host, "Content-Type": "application/json"} | dict(self.key if key is None else key)
        async with await self.open_stream() as stream:
            return await exchange(stream, h11.Connection(h11.CLIENT), method, path, sent, body)

    async def beat(self, seconds: Any) -> Answer:
        if self.requestor:
            return await self.ask("POST", "/heartbeat", {"requestor": self.requestor, "timeoutSeconds": seconds})
        return await self.ask("POST", "/heartbeat/v3", {"timeoutSeconds": seconds})

    async def place(self, event: str = "") -> str:
        """The id of an order that rests."""
        shape = {"marketHash": HASH, "maker": f"0x{1:040x}", "totalBetSize": "3000000", "eventId": event}
        shape |= {"percentageOdds": "40000000000000000000", "timeInForce": "GTC"}
        answer = await self.ask("POST", "/orders-v3", {"orders": [shape | {"isMakerBettingOutcomeOne": True}]})
        return str(answer.data["orders"][0]["orderId"])

    async def open_orders(self) -> list[dict[str, Any]]:
        return list((await self.ask("GET", "/orders-v3?perPage=100")).data["orders"])

    async def order(self, order_id: str) -> dict[str, Any]:
        return dict((await self.ask("GET", f"/orders-v3/{order_id}")).data["order"])


@asynccontextmanager
async def unarmed(maker: Maker) -> AsyncIterator[Maker]:
    """Whatever lease a fact takes is given back."""
    try:
        yield maker
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 15):
            await maker.beat(0)


@asynccontextmanager
async def simulated(api: Literal["v2", "v3"]) -> AsyncIterator[Maker]:
    async with world() as made:
        key = V2 if api == "v2" else V3
        dial = partial(made.network.open_stream, HOST, 443)
        async with unarmed(Maker(dial, HOST, key, MAKER if api == "v2" else "")) as maker:
            yield maker


@asynccontextmanager
async def on_test_network(place: Place) -> AsyncIterator[Maker]:
    api, key = place.key
    async with unarmed(Maker(place.dial, place.host, {HEADER[api]: key}, place.requestor)) as maker:
        yield maker


def open_live(api: str, config: Path) -> AbstractAsyncContextManager[Maker] | None:
    place = place_of(config, "sxbet", api)
    return on_test_network(place) if place else None


sxbet = Door(lambda: simulated("v3"), partial(open_live, "v3"))
older = Door(lambda: simulated("v2"), partial(open_live, "v2"))
