"""Orders of one venue. Plain facts, no protocol: the oracle that tests ask whether an order still stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

import trio

State = Literal["open", "cancelled"]


@dataclass(frozen=True, slots=True)
class Order:
    """One resting order. Instants are on the monotonic clock of the run, in seconds.

    Attributes:
        connection: the WebSocket connection that placed it; None for REST, FIX and SX Bet, where there is none to lose.
    """

    order_id: str
    account: str
    placed_at: float
    connection: int | None = None
    instrument: str = "BTC-PERPETUAL"
    currency: str = "BTC"
    kind: str = "future"
    type: str = "limit"
    label: str = ""
    event: str = ""
    direction: str = "buy"
    price: float = 100.0
    amount: float = 10.0
    state: State = "open"
    cancel_reason: str | None = None
    cancelled_at: float | None = None


@dataclass(slots=True)
class Exchange:
    """The book of one venue. `observers` hear of every order placed or cancelled, in order."""

    clock: Callable[[], float] = trio.current_time
    orders: dict[str, Order] = field(default_factory=dict)
    observers: list[Callable[[Order], None]] = field(default_factory=list)
    numbers: count[int] = field(default_factory=lambda: count(1))

    def place(
        self,
        account: str,
        *,
        connection: int | None = None,
        instrument: str = "BTC-PERPETUAL",
        currency: str = "BTC",
        kind: str = "future",
        type: str = "limit",  # noqa: A002  the venue's own word
        label: str = "",
        event: str = "",
    ) -> Order:
        """Let one more order rest; it never fills."""
        order = Order(
            order_id=f"{currency}-{next(self.numbers)}",
            account=account,
            placed_at=self.clock(),
            connection=connection,
            instrument=instrument,
            currency=currency,
            kind=kind,
            type=type,
            label=label,
            event=event,
        )
        return self.record(order)

    def open_orders(self, account: str | None = None) -> list[Order]:
        """What rests now, oldest first: of one account, or of all."""
        return [o for o in self.orders.values() if o.state == "open" and account in (None, o.account)]

    def cancel(self, orders: Iterable[Order], reason: str) -> list[Order]:
        """Cancel those of `orders` that are still open, and return them as they are now."""
        now = self.clock()
        standing = [o for o in orders if self.orders[o.order_id].state == "open"]
        return [self.record(replace(o, state="cancelled", cancel_reason=reason, cancelled_at=now)) for o in standing]

    def record(self, order: Order) -> Order:
        self.orders[order.order_id] = order
        for observer in self.observers:
            observer(order)
        return order
