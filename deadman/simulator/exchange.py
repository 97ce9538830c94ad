"""Orders of one venue. Plain facts, no protocol: the oracle that tests ask whether an order still stands."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import trio

State = Literal["open", "cancelled"]


@dataclass(frozen=True, slots=True)
class Order:
    """One resting order. Instants are on the monotonic clock of the run, in seconds.

    Attributes:
        connection: the WebSocket connection that placed it; None for REST, FIX and SX Bet, where there is none to lose.
        type: as the venue shows it; `stop` and `take` alone stand for those at the market's price.
        edited_at: when it was changed last, if ever.
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
    time_in_force: str = "good_til_cancelled"
    trigger: str = "mark_price"
    trigger_price: float = 100.0
    post_only: bool = False
    reduce_only: bool = False
    edited_at: float | None = None
    state: State = "open"
    cancel_reason: str | None = None
    cancelled_at: float | None = None


@dataclass(slots=True)
class Exchange:
    """The book of one venue.

    Attributes:
        observers: hear of every order placed, edited or cancelled, in order.
        due: run before any look at the book, to cancel what time alone has cancelled since the last one.
        name: gives the id of the so manieth order, in this currency.
        doomed: what is to be cancelled later: when, which orders, and the reason.
    """

    clock: Callable[[], float] = trio.current_time
    due: list[Callable[[], None]] = field(default_factory=list)
    book: dict[str, Order] = field(default_factory=dict)
    resting: dict[str, Order] = field(default_factory=dict)
    observers: list[Callable[[Order], None]] = field(default_factory=list)
    name: Callable[[int, str], str] = lambda number, currency: f"{currency}-{number}"
    doomed: list[tuple[float, list[Order], str]] = field(default_factory=list)

    @property
    def orders(self) -> dict[str, Order]:
        """Every order there ever was, as it is now."""
        self.settle()
        return self.book

    def settle(self) -> None:
        for catch_up in self.due:
            catch_up()
        if not self.doomed:
            return
        now = self.clock()
        over = [one for one in self.doomed if one[0] <= now]
        self.doomed = [one for one in self.doomed if one[0] > now]
        for at, orders, reason in over:
            self.cancel(orders, reason, at)

    def cancel_later(self, orders: list[Order], reason: str, late: float) -> None:
        """Cancel those of `orders` that are open so many seconds from now; without any, now."""
        self.doomed.append((self.clock() + late, orders, reason))
        self.settle()

    def place(self, account: str, *, connection: int | None = None, **details: Any) -> Order:
        """Let one more order rest; it never fills. `details` are fields of `Order`."""
        order_id = self.name(len(self.orders) + 1, details.get("currency", "BTC"))
        return self.record(Order(order_id, account, self.clock(), connection, **details))

    def edit(self, order: Order, **changes: Any) -> Order:
        """Change an open order, which keeps its id."""
        return self.record(replace(order, edited_at=self.clock(), **changes))

    def open_orders(self, account: str | None = None) -> list[Order]:
        """What rests now, oldest first: of one account, or of all."""
        self.settle()
        return [order for order in self.resting.values() if account in (None, order.account)]

    def cancel(self, orders: Iterable[Order], reason: str, at: float | None = None) -> list[Order]:
        """Cancel those of `orders` that are still open, and return them as they are now."""
        at = self.clock() if at is None else at
        standing = [order for order in orders if order.order_id in self.resting]
        return [self.record(replace(o, state="cancelled", cancel_reason=reason, cancelled_at=at)) for o in standing]

    def record(self, order: Order) -> Order:
        self.book[order.order_id] = order
        if order.state == "open":
            self.resting[order.order_id] = order
        else:
            self.resting.pop(order.order_id, None)
        for observer in self.observers:
            observer(order)
        return order


Pool = tuple[float, float, float]  # cost of one request, size, refill per second


@dataclass(slots=True)
class Credits:
    """What each owner (an account, a key, the address of whoever has neither) has left in each pool."""

    pools: Mapping[str, Pool]
    _left: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def spend(self, owner: str, pool: str, now: float) -> bool:
        """Pay for one request; False when the pool was empty."""
        cost, size, refill = self.pools[pool]
        left, at = self._left.get((owner, pool), (size, now))
        left = min(size, left + (now - at) * refill)
        self._left[owner, pool] = (max(0.0, left - cost), now)
        return left >= cost


LIMIT = 20_000  # the oldest are forgotten: a long simulation must not eat the machine


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived at `at`, before any fault. `params` may hold credentials: never print them."""

    at: float
    account: str | None
    connection: int
    method: str
    params: Mapping[str, Any]


def new_log() -> deque[Received]:
    return deque(maxlen=LIMIT)
