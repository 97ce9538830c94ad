"""The venue's own numbers, and our reading of what its documents leave open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from deadman.simulator.exchange import Pool

LEVELS = {"none": 0, "read": 1, "read_write": 2}
NAMES = {level: name for name, level in LEVELS.items()}
REACH = ("session", "expires", "ip")

FULL = "account:read_write trade:read_write wallet:read_write block_trade:read_write custody:read_write mainaccount"
COINBASE_SCOPES = "wallet:user:read wallet:accounts:read wallet:transactions:read wallet:buys:create"

# The gateway's names for the same permissions: any one word does. What reads need there is documented nowhere.
COINBASE_WORDS = {
    "account:read": tuple(COINBASE_SCOPES.split()),
    "account:read_write": ("rat#trade", "wallet:buys:create"),
    "trade:read": tuple(COINBASE_SCOPES.split()),
    "trade:read_write": ("rat#trade", "wallet:buys:create"),
}


def narrow(requested: str, maximum: str) -> frozenset[str]:
    """What is granted of `requested` to a key that may do `maximum`; all of it where no resource was named."""
    most, wanted = levels(maximum), levels(requested)
    granted = {name: min(level, most.get(name, 0)) for name, level in (wanted or most).items()}
    words = {f"{name}:{NAMES[level]}" for name, level in granted.items() if level > 0}
    reach = {word for word in requested.split() if word.startswith("session:")} or {"connection"}
    return frozenset(words | reach | ({"mainaccount"} & set(maximum.split())))


def levels(scope: str) -> dict[str, int]:
    pairs = (word.partition(":") for word in scope.split())
    return {name: LEVELS[level] for name, _, level in pairs if level in LEVELS and name not in REACH}


def allows(granted: frozenset[str], need: str, words: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether `need`, such as "account:read", is within what was granted; read_write includes read."""
    return not granted.isdisjoint(words.get(need, (need, f"{need}_write")))


def lifetime(requested: str, longest: int) -> int:
    """Seconds a token lives: `expires:N` can only shorten it."""
    asked = [int(w.removeprefix("expires:")) for w in requested.split() if w.startswith("expires:") and w[8:].isdigit()]
    return min([*asked, longest])


@dataclass(frozen=True, slots=True)
class Settings:
    """How the venue behaves when all is well. Times in seconds.

    Attributes:
        grants: what `public/auth` takes.
        token_lifetime: `expires_in` of a token that asked for nothing shorter.
        first_test, test_period: added to the heartbeat interval for the first test_request, and between later ones.
        grace: from an unanswered test_request to the close, code 4000. Unknown whether it follows the interval.
        bare_idle: a socket on which nothing was ever asked is cut after this, without a close frame.
        idle: as much silence on any other socket without a heartbeat. The documents' ten minutes.
        silence_close: the gateway's rule: close 1011 after this long without an application message; None for Deribit.
        connections: sockets and HTTP connections per address; one more gets HTTP 429.
        sessions: named sessions per key; one more drops the least recently refreshed.
        failed_logins: within a minute, before logins are answered 12003.
        clock_tolerance: how far a signature's timestamp may be off.
        bad_signature: what a signature is answered that is wrong, stale or used before: 13009 by the table of errors;
            clients also tell of 13004.
        account_scope_covers_current: whether enabling account scope also arms the very connection. Documents disagree.
        token_in_every_request: whether a connection-scope token must come with each private request. Practice says no.
        words: the venue's own names for permissions, where they are not Deribit's.
        keep_alive: an HTTP connection is closed after this, busy or not.
        outbox: frames a slow reader may leave unread before the connection is dropped.
    """

    testnet: bool = False
    grants: frozenset[str] = frozenset({"client_credentials", "client_signature", "refresh_token"})
    refresh_tokens: Literal["given", "none"] = "given"
    token_lifetime: int = 31_536_000
    first_test: float = 0.5
    test_period: float = 0.6
    grace: float = 10.0
    bare_idle: float = 60.0
    idle: float = 600.0
    silence_close: float | None = None
    connections: int = 32
    sessions: int = 16
    failed_logins: int = 10
    clock_tolerance: float = 60.0
    bad_signature: int = 13009
    account_scope_covers_current: bool = False
    token_in_every_request: bool = False
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keep_alive: float = 900.0
    outbox: int = 1000
    path: str = "/ws/api/v2"
    http_path: str = "/api/v2/"
    version: str = "1.2.26"
    pools: Mapping[str, Pool] = field(
        default_factory=lambda: {  # source: the documents' rate limits
            "any": (500, 50_000, 10_000),
            "subscribe": (3_000, 30_000, 10_000),
            "instruments": (10_000, 500_000, 10_000),
            "matching": (1, 20, 5),
            "cancel_all": (1, 250, 200),
        }
    )


DERIBIT = Settings()
TESTNET = Settings(testnet=True)
COINBASE = Settings(
    grants=frozenset({"coinbase_cdp"}),
    refresh_tokens="none",
    token_lifetime=3600,
    silence_close=30.0,
    words=COINBASE_WORDS,
)
