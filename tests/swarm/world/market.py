"""Both venues in memory on one network, and the keys that open them: what lies beyond our door."""

from __future__ import annotations

import base64
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from random import Random
from urllib.parse import urlsplit

import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deadman.model.secret import Secret
from deadman.model.settings import Account
from deadman.simulator.deribit.settings import COINBASE, DERIBIT
from deadman.simulator.deribit.venue import Deribit
from deadman.simulator.exchange import LIMIT, Exchange, Order, Received
from deadman.simulator.faults import Faults
from deadman.simulator.network import Network, open_network
from deadman.simulator.sxbet.ledger import Settings
from deadman.simulator.sxbet.venue import SxBet
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.world.accounts import COINBASE_HOST, DERIBIT_HOST, OTHER_DERIBIT_HOST, OTHER_SXBET_HOST, SXBET_HOST

FURTHER: dict[str, type[SxBet]] = {}
"""Venues by host that a test adds to every market, for accounts whose URL leads there; none by itself."""

EPOCH = 1_700_000_000.0
FULL = "account:read_write trade:read_write"
GATEWAY_SCOPE = "rat#trade wallet:buys:create"
GATEWAY_SEED = bytes(range(32))


@cache
def _host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


@dataclass
class VenueTime:
    """Time goes on at the venues while our machine sleeps and its monotonic clock stands still."""

    ahead: float = 0.0

    def now(self) -> float:
        return trio.current_time() + self.ahead

    def timestamp(self) -> float:
        return EPOCH + self.now()


class Requests(deque[Received]):
    """A venue's log of requests that is read as it is written."""

    def __init__(self, readers: list[Callable[[Received], None]]) -> None:
        super().__init__(maxlen=LIMIT)
        self.readers = readers

    def append(self, received: Received) -> None:
        super().append(received)
        for reader in self.readers:
            reader(received)


@dataclass
class Market:
    """Everything beyond our door.

    Attributes:
        secrets: what each account's own secret reads as, now.
        hidden: whose secret cannot be read.
        readers: hear of every request as it arrives.
        others: venues with keys and books of their own, by host; nobody has an account there at first.
        drifts: which changes of an account's switch at Deribit were another's, not ours.
    """

    network: Network
    deribit: Deribit
    coinbase: Deribit
    sxbet: SxBet
    time: VenueTime
    chance: Random
    others: dict[str, Deribit | SxBet]
    secrets: dict[str, Secret] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    readers: list[Callable[[Received], None]] = field(default_factory=list)
    drifts: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        for venue in self.venues:
            venue.received = Requests(self.readers)

    @property
    def venues(self) -> tuple[Deribit | SxBet, ...]:
        return (self.deribit, self.coinbase, self.sxbet, *self.others.values())

    def enroll(self, account: Account) -> None:
        """Make the account known at its venue, once, with a secret of its own."""
        if account.name in self.secrets:
            return
        self.secrets[account.name] = secret = self._new_secret(account)
        match account:
            case DeribitAccount(network="coinbase"):
                public = Ed25519PrivateKey.from_private_bytes(GATEWAY_SEED).public_key()
                pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
                self.coinbase.add_key(str(account.key_name), account.name, public_key=pem, scope=GATEWAY_SCOPE)
            case DeribitAccount():
                self.deribit.add_key(str(account.client_id), account.name, secret=secret.reveal(), scope=FULL)
            case SxBetAccount():
                self.sxbet.add_account(account.name, secret.reveal(), account.api, address=account.requestor or "")
            case _:
                venue = self.venue(account)
                assert isinstance(venue, SxBet)
                venue.add_account(account.name, secret.reveal())

    def rotate_key(self, account: SxBetAccount) -> Secret:
        """A new key at the venue, which revokes the old one; the caller decides when we may read it."""
        fresh = self._new_secret(account)
        self.sxbet.set_key(account.name, fresh.reveal(), account.api)
        return fresh

    def venue(self, account: Account) -> Deribit | SxBet:
        if self.others and (other := self.others.get(_host_of(account.url))):
            return other
        if isinstance(account, SxBetAccount):
            return self.sxbet
        return self.coinbase if account.network == "coinbase" else self.deribit

    def exchange(self, account: Account) -> Exchange:
        return self.venue(account).exchange

    def faults(self, account: Account) -> Faults:
        """The knobs of this account alone."""
        return self.venue(account).accounts[self.owner(account)].faults

    def owner(self, account: Account) -> str:
        """The venue's own account that a configured one opens: two names may open the same, and a name another."""
        if isinstance(account, SxBetAccount):
            return self._wallet(account)
        if not isinstance(account, DeribitAccount):
            return account.name
        key = self.venue(account).vault.keys.get(str(account.client_id or account.key_name))  # type: ignore[union-attr]
        return account.name if key is None else key.account

    def _wallet(self, account: SxBetAccount) -> str:
        venue = self.venue(account)
        assert isinstance(venue, SxBet)
        if account.api == "v2":
            known = {one.address: name for name, one in venue.accounts.items()}
            return known.get(account.requestor or "", account.name)
        secret = self.secrets.get(account.api_key.name)
        return account.name if secret is None else venue.keys.get((account.api, secret.reveal()), account.name)

    def open_orders(self, account: Account) -> list[Order]:
        return self.exchange(account).open_orders(self.owner(account))

    def would_cancel(self, account: Account) -> bool:
        """The oracle: whether the venue holds a switch for orders placed now."""
        venue, owner = self.venue(account), self.owner(account)
        return venue.lease(owner) is not None if isinstance(venue, SxBet) else venue.inherits(owner)

    def drift(self, account: DeribitAccount) -> None:
        """Somebody else turns the account's switch off."""
        venue, owner = self.venue(account), self.owner(account)
        assert isinstance(venue, Deribit)
        self.drifts[owner].add(len(venue.add_account(owner).history))
        venue.switch(owner, on=False)

    def lease_end(self, account: Account) -> float | None:
        """When the lease that the venue holds now ends, on our own monotonic clock; None where it holds none."""
        venue = self.venue(account)
        lease = venue.lease(self.owner(account)) if isinstance(venue, SxBet) else None
        return None if lease is None else lease.ends_at - self.time.ahead

    def sessions(self, account: Account) -> int:
        """Connections of ours that are logged in to the account, as the venue sees it."""
        if isinstance(account, SxBetAccount):
            return 0
        ours = self.venue(account).connections_of(self.owner(account))  # type: ignore[union-attr]
        return sum(connection.address != "bots" for connection in ours)

    def shuts_out(self, account: Account) -> bool:
        """Whether the venue answers no login from here for a while, after too many that failed."""
        venue = self.venue(account)
        return isinstance(venue, Deribit) and venue.login.failed.is_shut("client", trio.current_time())

    def _new_secret(self, account: Account) -> Secret:
        if isinstance(account, DeribitAccount) and account.network == "coinbase":
            return Secret(base64.b64encode(GATEWAY_SEED + bytes(32)).decode())
        return Secret(f"hush-{account.name}-{self.chance.getrandbits(64):016x}")


@asynccontextmanager
async def open_market(seed: int, sxbet: Settings) -> AsyncIterator[Market]:
    time = VenueTime()
    async with open_network(Random(seed + 1)) as network:
        market = Market(
            network,
            Deribit(DERIBIT, random=Random(seed + 2), timestamp=time.timestamp),
            Deribit(COINBASE, random=Random(seed + 3), timestamp=time.timestamp),
            SxBet(sxbet, Exchange(time.now), random=Random(seed + 4), timestamp=time.timestamp),
            time,
            Random(seed),
            {
                OTHER_DERIBIT_HOST: Deribit(DERIBIT, random=Random(seed + 5), timestamp=time.timestamp),
                OTHER_SXBET_HOST: SxBet(sxbet, Exchange(time.now), random=Random(seed + 6), timestamp=time.timestamp),
                **{host: venue(exchange=Exchange(time.now)) for host, venue in FURTHER.items()},
            },
        )
        network.add(DERIBIT_HOST, 443, market.deribit.serve)
        network.add(COINBASE_HOST, 443, market.coinbase.serve)
        network.add(SXBET_HOST, 443, market.sxbet.serve)
        for host, venue in market.others.items():
            network.add(host, 443, venue.serve)
        yield market
