"""What the venue holds: accounts and keys, leases and book."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Literal

from ..credits import Credits
from ..exchange import Exchange
from ..faults import Faults
from ..received import Received, new_log
from .leases import Lease, Leases
from .settings import Settings


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
    credits: Credits = field(init=False)

    def __post_init__(self) -> None:
        self.leases = Leases(self.exchange, lambda: self.random.uniform(*self.settings.expiry_lag))
        self.credits = Credits(self.settings.pools)

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
