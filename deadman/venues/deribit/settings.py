"""An account at Deribit, or at Coinbase's gateway to it: its settings, and the rules the model asks of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit

from deadman.model.settings import Account, SecretSource, Selection, Terms
from deadman.model.timers import PROBE_TIMEOUT, REPLY_TIMEOUT, Backoff, Timers

COINBASE_PROBE = 8.0
"""Seconds: Coinbase's gateway hangs up after about 30 s without a message of ours; with a slow answer this is 13."""

LISTING_TIMEOUT = 8.0
"""Seconds for a list of open orders, which may be some thousand long."""

CANCEL_RATE = 5.0
"""Single cancels a second that every account has. Source: docs.deribit.com, "Rate limits": requests to the matching
engine, lowest tier 5 a second with a burst of 20, highest 30."""

CONNECTIONS = 32
"""Per address, authenticated or not; the next one gets HTTP 429. Source: docs.deribit.com, "Rate limits"."""

CONNECTIONS_PER_ACCOUNT = 2
"""A session, and for a moment a second one that proves what a new connection inherits."""

COINBASE_IDLE = 15
"""Seconds: Coinbase's gateway drops a connection that sent no message for about 30, so half of that is safe."""

GRACE = 10.0
"""Seconds that the venue waits for the answer to a test request before it closes the connection."""

REARM = 3.0
"""Seconds from a successful dial to a proof, while the venue answers within 0.3 s."""


@dataclass(frozen=True, slots=True)
class DeribitAccount(Account):
    """Intervals in seconds."""

    network: Literal["mainnet", "testnet", "coinbase"]
    client_id: str | None = None
    client_secret: SecretSource | None = None
    private_key: SecretSource | None = None
    key_name: str | None = None
    auth: Literal["signature", "secret"] = "signature"
    heartbeat_interval: int = 10
    verify_interval: float = 30.0
    cancel: Selection = field(default_factory=Selection)
    orders_via: tuple[str, ...] = ("websocket",)

    venue: ClassVar[str] = "deribit"

    @property
    def timers(self) -> Timers:
        """We probe more than four times as often as we ask the venue to, so that we know of a death before it does."""
        interval = float(self.heartbeat_interval)
        return Timers(
            renew_interval=self.verify_interval,
            reply_timeout=REPLY_TIMEOUT,
            probe_interval=min(0.22 * interval, COINBASE_PROBE if self.network == "coinbase" else 10.0),
            probe_timeout=PROBE_TIMEOUT,
            vouch=2 * self.verify_interval + REPLY_TIMEOUT,
            overdue_after=self.verify_interval + REPLY_TIMEOUT,
            retry=Backoff(first=0.5, cap=5.0),
            patient_after=30.0,
            look_interval=60.0,
            rearm=REARM,
            listing_timeout=LISTING_TIMEOUT,
            cancels_per_second=CANCEL_RATE,
        )

    @property
    def secrets(self) -> Mapping[str, SecretSource]:
        given = {"private_key": self.private_key, "client_secret": self.client_secret}
        return {key: source for key, source in given.items() if source is not None}

    @property
    def place(self) -> str:
        return f"{self.venue} {self.network}"

    @property
    def credential(self) -> tuple[str | None, ...]:
        """Another URL is asked again whose account it is."""
        return self.url, self.client_id, self.key_name

    @property
    def selection(self) -> Selection:
        return self.cancel

    @property
    def what_stays(self) -> str:
        uncovered = [f", {word.upper()} orders" for word in ("rest", "fix") if word in self.orders_via]
        stays = f"orders of connections opened before the arming{''.join(uncovered)}"
        return f"WebSocket orders go when Deribit misses the bot's own heartbeat; {stays} stay"

    @property
    def silence_limit(self) -> float:
        return self.heartbeat_interval + GRACE

    def under(self, terms: Terms) -> Self:
        return replace(self, observe=False, on_trip=terms.on_trip, cancel=terms.cancel)

    def session_settings(self) -> Self:
        return replace(self, watches=(), on_trip="none", orders_via=())


def advice(accounts: Sequence[DeribitAccount]) -> Iterator[str]:
    hosts = Counter(urlsplit(account.url).hostname for account in accounts)
    for host, count in hosts.items():
        mine = count * CONNECTIONS_PER_ACCOUNT
        if mine > CONNECTIONS // 2:
            yield (
                f"{host} allows {CONNECTIONS} connections per address, all programs together: "
                f"{count} accounts take {count}, and up to {mine} while they are proven; your bots need the rest"
            )
    for account in accounts:
        if account.network == "coinbase" and account.heartbeat_interval > COINBASE_IDLE:
            yield (
                f"accounts.{account.name}: Coinbase's gateway drops connections that are quiet for about 30 s; "
                f"keep heartbeat_interval at {COINBASE_IDLE} or less"
            )
