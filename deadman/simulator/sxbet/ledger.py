"""What the venue holds: accounts and keys, leases and book."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Literal

from deadman.simulator.exchange import Credits, Exchange, Order, Pool, Received, new_log
from deadman.simulator.faults import Faults


@dataclass(frozen=True, slots=True)
class Lease:
    """Instants on the monotonic clock. `fires_at` is when the venue notices the end."""

    ends_at: float
    fires_at: float


@dataclass(slots=True)
class Leases:
    """One lease per account; the last word wins, and a lease that fired is used up.

    A renewal that comes after the end but before the venue noticed still saves the orders. Nothing runs here: what time
    has done is made good whenever the book is looked at, dated when it became true.
    """

    exchange: Exchange
    lag: Callable[[str], float]
    standing: dict[str, Lease] = field(default_factory=dict)
    fired: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.exchange.due.append(self.settle)

    def grant(self, account: str, seconds: float) -> None:
        """Register or renew; 0 disarms and leaves the orders alone."""
        self.settle()
        if seconds == 0:
            self.standing.pop(account, None)
            return
        ends_at = self.exchange.clock() + seconds
        self.standing[account] = Lease(ends_at, ends_at + self.lag(account))

    def settle(self) -> None:
        now = self.exchange.clock()
        due = [(lease.fires_at, account) for account, lease in self.standing.items() if lease.fires_at <= now]
        for fires_at, account in sorted(due):
            if self.standing.pop(account, None) is None:
                continue  # whoever hears of a cancelled order may look at the book again
            self.fired.append((fires_at, account))
            resting = [order for order in self.exchange.resting.values() if order.account == account]
            self.exchange.cancel(resting, "heartbeat_expired", fires_at)


@dataclass(slots=True)
class Submitted:
    """Cancels that were taken and are carried out a while later."""

    exchange: Exchange
    lag: Callable[[], float]
    waiting: list[tuple[float, list[Order]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.exchange.due.append(self.settle)

    def take(self, orders: list[Order]) -> None:
        self.waiting.append((self.exchange.clock() + self.lag(), orders))
        self.settle()

    def settle(self) -> None:
        now = self.exchange.clock()
        due = [one for one in self.waiting if one[0] <= now]
        self.waiting = [one for one in self.waiting if one[0] > now]
        for at, orders in due:
            self.exchange.cancel(orders, "user_request", at)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the venue behaves when all is well. Times in seconds.

    Attributes:
        v2: the second generation is live; retired, saying so; or hollow: its heartbeat says yes and guards nothing.
        errors: the shape of error bodies: the documents' own, or the one clients report.
        lower_case: what a requestor that is not checksummed gets: an error, or a yes that registers nothing.
        expiry_lag: from the end of a lease to the cancelling, drawn evenly between these.
        clock_skew: how far the venue's wall clock is ahead, in `Date` and `expiresAt`.
        orders_in: where the list of V3's open orders stands: `data` itself, or `data.orders`.
        cancel_lag: from a cancel of all to the orders' end, drawn evenly between these.
        cancel_page: orders that one cancel of all takes at most.
        keep_alive: an idle connection is closed after this.
        pools: requests a minute: 500 in general, 5,500 for the routes of orders.
    """

    v2: Literal["live", "retired", "hollow"] = "live"
    errors: Literal["documented", "nestjs"] = "nestjs"
    lower_case: Literal["rejected", "ignored"] = "ignored"
    expiry_lag: tuple[float, float] = (0.0, 0.0)
    clock_skew: float = 0.0
    orders_in: Literal["data", "data.orders"] = "data.orders"
    cancel_lag: tuple[float, float] = (0.0, 0.0)
    cancel_page: int = 100
    keep_alive: float = 900.0
    pools: Mapping[str, Pool] = field(
        default_factory=lambda: {"any": (1, 500, 500 / 60), "orders": (1, 5_500, 5_500 / 60)}
    )


@dataclass(slots=True)
class Account:
    """`address` is the requestor of the second generation, EIP-55 checksummed."""

    name: str
    address: str
    faults: Faults = field(default_factory=Faults)


@dataclass(slots=True, eq=False)
class Ledger:
    """What one network of the venue has. Attributes as those of the other venue; `keys` by generation and key."""

    settings: Settings = field(default_factory=Settings)
    exchange: Exchange = field(default_factory=Exchange)
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311  a simulation, to be repeated by its seed
    timestamp: Callable[[], float] = time.time
    faults: Faults = field(default_factory=Faults)
    accounts: dict[str, Account] = field(default_factory=dict)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    received: deque[Received] = field(default_factory=new_log)
    numbers: count[int] = field(default_factory=lambda: count(1))
    leases: Leases = field(init=False)
    submitted: Submitted = field(init=False)
    credits: Credits = field(init=False)

    def __post_init__(self) -> None:
        self.leases = Leases(self.exchange, self.expiry_lag)
        self.submitted = Submitted(self.exchange, self.cancel_lag)
        self.exchange.name = lambda number, _: f"0x{hashlib.sha256(str(number).encode()).hexdigest()}"
        self.credits = Credits(self.settings.pools)

    def expiry_lag(self, account: str) -> float:
        late = max(self.accounts[account].faults.fires_late, self.faults.fires_late)
        return late + self.random.uniform(*self.settings.expiry_lag)

    def cancel_lag(self) -> float:
        return self.random.uniform(*self.settings.cancel_lag) if any(self.settings.cancel_lag) else 0.0

    def add_account(self, name: str, key: str, api: Literal["v2", "v3"] = "v3", address: str = "") -> Account:
        self.accounts[name] = Account(name, address or f"0x{len(self.accounts) + 1:040x}")
        self.set_key(name, key, api)
        return self.accounts[name]

    def set_key(self, account: str, key: str, api: Literal["v2", "v3"] = "v3") -> None:
        """Give an account its only key: making a new one revokes the old, as at the venue."""
        self.keys = {known: owner for known, owner in self.keys.items() if owner != account}
        self.keys[api, key] = account

    def lease(self, account: str) -> Lease | None:
        """The oracle: when this account's orders go if nobody renews; None if they stay."""
        self.leases.settle()
        return self.leases.standing.get(account)
