"""The venue itself: what it holds, whom it serves, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import trio

from .ledger import Ledger
from .news import publish, tell
from .serving import serve


@dataclass(slots=True, eq=False)
class Deribit(Ledger):
    """One network of the venue, say testnet: its own accounts, keys, and book."""

    def __post_init__(self) -> None:
        Ledger.__post_init__(self)  # not super(), which knows the class as it was before it got its slots
        self.exchange.observers.append(partial(tell, self))

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Carry one connection, from upgrade to end, over any stream. Never raises for what the peer does."""
        await serve(self, stream)

    def publish(self, channel: str, data: Any) -> None:
        """Send a public notification, such as `platform_state`, to whoever subscribed."""
        publish(self, channel, data)
