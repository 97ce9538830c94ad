"""Telling a person what becomes of orders, in few words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import trio

from .exchange import Exchange, Order


async def narrate(exchanges: Sequence[Exchange], say: Callable[[str], object], pause: float = 0.5) -> None:
    """Say, at most every `pause` seconds, how many orders of whom were cancelled and why. Until cancelled itself."""
    gone: Counter[tuple[str, str | None]] = Counter()

    def hear(order: Order) -> None:
        if order.state == "cancelled":
            gone[order.account, order.cancel_reason] += 1

    for exchange in exchanges:
        exchange.observers.append(hear)
    while True:
        await trio.sleep(pause)
        for exchange in exchanges:
            exchange.settle()
        for (account, reason), count in gone.items():
            say(f"{account}: {count} {'order' if count == 1 else 'orders'} cancelled, {reason}")
        gone.clear()
