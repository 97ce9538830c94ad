"""The account's open orders on SX Bet, and the cancel of all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from deadman.model import facts
from deadman.model.errors import Reason, Unavailable
from deadman.venues.sxbet import wire
from deadman.venues.sxbet.conversation import Conversation
from deadman.venues.sxbet.settings import SxBetAccount

PAGES = 20
"""Of a listing at most, 100 orders each: past that the count is a lower bound, which is all anybody needs."""


@dataclass(frozen=True, slots=True)
class Orders:
    """V2 lists by address, V3 by key; only V3 cancels by key.

    `submitted`: the orders whose cancel the venue took: it may name one again as long as that is under way.
    """

    account: SxBetAccount
    conversation: Conversation
    submitted: set[str] = field(default_factory=set)

    async def count(self) -> int:
        """How many orders are open. Raises Unavailable where the listing cannot be read."""
        return len(await self._listed())

    async def ids(self) -> frozenset[str]:
        """The names of those that are open, as far as they have one. Raises Unavailable as `count` does."""
        return frozenset(wire.names(await self._listed()))

    async def end_of(self, order_id: str) -> str:
        """V3: why an order is open no more, in the venue's word; ACTIVE for one that is. Raises VenueError."""
        content = wire.body(await self.conversation.ask("GET", f"/orders-v3/{quote(order_id, safe='')}"))
        return wire.end(content)

    async def _listed(self) -> list[Any]:
        if self.account.api == "v2":
            return (await self._page(f"/orders?maker={quote(str(self.account.requestor))}&perPage=1000"))[0]
        every, key = [], ""
        for _ in range(PAGES):
            found, more = await self._page(f"/orders-v3?perPage=100{key}")
            every += found
            if more is None:
                break
            key = f"&nextKey={quote(more)}"
        return every

    async def cancel(self) -> tuple[int, int | None]:
        """V3: cancel everything, page by page; how many the venue took that it had not taken before, and how many it
        is not sure of; None where it does not say."""
        taken = 0
        for _ in range(PAGES):
            answer = wire.cancelled(wire.body(await self.conversation.ask("DELETE", "/orders-v3/all")))
            taken += len(answer.names - self.submitted) if answer.names else answer.count
            self.submitted.update(answer.names)
            if not answer.more:
                break
        return taken, answer.unsure

    async def look(self) -> tuple[str | None, int | None]:
        """The wallet of the orders that the key lists, and how many these are where that took one page.

        V2 lists by the wallet that the config names. Raises Unavailable as `count` does.
        """
        if self.account.api == "v2":
            return str(self.account.requestor).lower(), None
        listed, more = await self._page("/orders-v3?perPage=100")
        return wire.owner({"data": listed}), len(listed) if more is None else None

    async def _page(self, path: str) -> tuple[list[Any], str | None]:
        content = wire.body(await self.conversation.ask("GET", path))
        listed = wire.orders(content)
        if owner := wire.owner(content):
            self.conversation.post(facts.Identified(self.conversation.clock.now(), owner))
        if listed is None:
            raise Unavailable(Reason.GARBLED, f"{path.partition('?')[0]}: not a list of orders")
        return listed, wire.next_key(content)
