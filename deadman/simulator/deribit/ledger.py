"""What the venue holds: accounts, keys, connections, and what happens to orders when a connection ends."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random

import trio

from deadman.simulator.deribit.access import Key, Login, Vault
from deadman.simulator.deribit.connection import Account, Cause, Connection, Timers, new_connection
from deadman.simulator.deribit.settings import DERIBIT, FULL, Settings
from deadman.simulator.exchange import Credits, Exchange, Order, Received, new_log
from deadman.simulator.faults import Faults


@dataclass(slots=True, eq=False)
class Ledger:
    """What one network of the venue, say testnet, has for itself: accounts, keys, and book.

    Attributes:
        received: every request in the order it arrived, the oldest forgotten.
        callers: HTTP connections by address.
        ended: every connection that ended: when, of which account, why.
        timestamp: Unix time in seconds. Everything else runs on `trio.current_time()`.
    """

    settings: Settings = DERIBIT
    exchange: Exchange = field(default_factory=Exchange)
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311  tokens of a simulation guard nothing
    timestamp: Callable[[], float] = time.time
    faults: Faults = field(default_factory=Faults)
    accounts: dict[str, Account] = field(default_factory=dict)
    connections: dict[int, Connection] = field(default_factory=dict)
    received: deque[Received] = field(default_factory=new_log)
    ended: deque[tuple[float, str | None, Cause]] = field(default_factory=lambda: deque(maxlen=20_000))
    numbers: count[int] = field(default_factory=lambda: count(1))
    callers: Counter[str] = field(default_factory=Counter)
    opened: int = 0
    vault: Vault = field(init=False)
    login: Login = field(init=False)
    credits: Credits = field(init=False)

    def __post_init__(self) -> None:
        self.vault = Vault(self.settings, self.random)
        self.login = Login(self.vault.keys, self.settings)
        self.credits = Credits(self.settings.pools)

    def add_account(self, name: str) -> Account:
        return self.accounts.setdefault(name, Account(name))

    def add_key(
        self,
        client_id: str,
        account: str,
        *,
        secret: str | None = None,
        public_key: bytes | None = None,
        scope: str = FULL,
    ) -> Key:
        """Register a key, and its account where that is new. On Coinbase `client_id` is the key's name."""
        self.add_account(account)
        self.vault.keys[client_id] = Key(client_id, account, secret, public_key, scope)
        return self.vault.keys[client_id]

    def switch(self, account: str, *, on: bool) -> None:
        """Set the account's default, as any process with a key may, behind everybody's back."""
        self.add_account(account).history.append((self.opened, on))

    def inherits(self, account: str) -> bool:
        """The oracle: whether the orders of a bot connecting now would go with its connection."""
        known = self.add_account(account)
        return known.cancel_on_disconnect and not (known.faults.lying or self.faults.lying)

    def attach(self, account: str) -> Connection:
        """Let a bot connect and log in, without a wire; place its orders with `connection=bot.id`."""
        connection = self.open("bots")
        session = self.vault.open(Key(account, account), "session:bot", connection.id, trio.current_time())
        connection.sign_in(self.add_account(account), session)
        return connection

    def open(self, address: str) -> Connection:
        self.opened = next(self.numbers)
        timers = Timers(self.settings, trio.current_time())
        connection = new_connection(self.opened, address, timers, self.faults)
        self.connections[connection.id] = connection
        return connection

    def end(self, connection: Connection, cause: Cause = Cause.GONE) -> None:
        """End a connection: now its orders are cancelled or not, whenever the peer may learn of it."""
        if connection.ended is not None:
            return
        connection.ended = cause
        del self.connections[connection.id]
        self.ended.append((trio.current_time(), connection.account.name if connection.account else None, cause))
        self.vault.forget_connection(connection.id)
        connection.outbox.close()
        connection.scope.cancel()
        if connection.cancel_on_disconnect and cause is not Cause.LOGOUT:
            late, orders = max(faults.fires_late for faults in connection.levels), self.orders_of(connection)
            self.exchange.cancel_later(orders, "cancel_on_disconnect", late)

    def orders_of(self, connection: Connection) -> list[Order]:
        return [order for order in self.exchange.open_orders() if order.connection == connection.id]

    def connections_of(self, account: str | None = None) -> list[Connection]:
        """Those logged in to an account; without one, every connection there is."""
        return [
            connection
            for connection in self.connections.values()
            if account is None or (connection.account is not None and connection.account.name == account)
        ]

    def drop(self, account: str | None = None) -> None:
        """Cut connections off without a close frame."""
        for connection in self.connections_of(account):
            self.end(connection, Cause.DROPPED)

    def at(self, address: str) -> int:
        return self.callers[address] + sum(known.address == address for known in self.connections.values())

    def expire_tokens(self, account: str) -> None:
        self.vault.expire(account, trio.current_time())

    def reset(self, account: str | None = None) -> None:
        """Break connections: a TCP RST where there is TCP."""
        for connection in self.connections_of(account):
            connection.sever()
            self.end(connection, Cause.DROPPED)

    def inject(self, text: str | bytes, account: str | None = None) -> None:
        """Send any text at all, unasked; bytes go out as they are, in no frame."""
        for connection in self.connections_of(account):
            connection.post_text(text)
