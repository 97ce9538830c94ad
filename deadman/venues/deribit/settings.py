"""An account at Deribit, or at Coinbase's gateway to it: its settings, and the rules the model asks of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit

from deadman.model.keys import NAME, Table, key, settings
from deadman.model.readers import address, choice, integer, one_or_several, pattern, seconds, subset, table_of, text
from deadman.model.secret import KeyForm, SecretSource, key_of
from deadman.model.settings import (
    PROBE_TIMEOUT,
    REPLY_TIMEOUT,
    Account,
    Backoff,
    OnTrip,
    Selection,
    StartPace,
    Terms,
    Timers,
)

COINBASE_PROBE = 8.0
"""Seconds: Coinbase's gateway hangs up after about 30 s without a message of ours; with a slow answer this is 13."""

LISTING_TIMEOUT = 8.0
"""Seconds for a list of open orders, which may be some thousand long."""


BURST, RATE = 80.0, 15.0
"""Requests before a login, at once and a second, of the 100 and 20 that an address has. Source:
docs.deribit.com, "Rate limits"."""

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

URLS = {
    "mainnet": "wss://www.deribit.com/ws/api/v2",
    "testnet": "wss://test.deribit.com/ws/api/v2",
    "coinbase": "wss://drb.coinbase.com/ws/api/v2",
}


CLIENT_SECRET = KeyForm(
    frozenset({"line"}), "an API key's secret, which is one line", "for an asymmetric API key name it under private_key"
)
PRIVATE_KEY = KeyForm(
    frozenset({"ed25519"}),
    "an Ed25519 private key in PEM form",
    "`openssl genpkey -algorithm ed25519` makes one, whose public half Deribit is given; a secret goes under "
    "client_secret",
)
COINBASE_KEY = KeyForm(
    frozenset({"base64", "ed25519", "p256"}),
    "a private key in PEM form (EC P-256 or Ed25519) or base64 of an Ed25519 one",
    "copy the privateKey that Coinbase gave, and nothing else",
)


@settings
class DrillOrder:
    """The order by which a drill tries the switch: the smallest there is, which only rests."""

    instrument: str = key(
        pattern(r"[A-Z0-9][A-Za-z0-9_-]{1,63}", 'an instrument as the venue writes it, "BTC-PERPETUAL"'),
        "where it rests",
        default="BTC-PERPETUAL",
    )
    percent: int = key(integer(5, 90, "percent"), "what it bids, of the lowest price that the venue names", default=50)


@settings
class DeribitAccount(Account):
    """Intervals in seconds."""

    venue: ClassVar[str] = "deribit"
    example: ClassVar[str] = """
# Deribit: cancel-on-disconnect is turned on for the whole account, proven, and kept on. It covers the connections
# that your bots open afterwards: start them behind `deadman status --wait 30 options-desk`.

[accounts.options-desk]
{keys}

# Deribit through Coinbase logs in with a key of the Coinbase Developer Platform.

# [accounts.coinbase-desk]
# venue = "deribit"
# network = "coinbase"
# key_name = "organizations/…/apiKeys/…"
# private_key = { credential = "secrets_coinbase-desk" }
"""

    network: Literal["mainnet", "testnet", "coinbase"] = key(choice(*URLS), "which exchange", example='"testnet"')
    url: str = key(
        address("wss", "ws"), "replaces the network's address", otherwise="the network's", example='"wss://…"'
    )
    client_id: str | None = key(
        text(256),
        "the id of an API key with account:read_write and trade:read_write",
        default=None,
        example='"REPLACE_ME"',
        active=True,
        unique=True,
    )
    client_secret: SecretSource | None = key(
        key_of(CLIENT_SECRET),
        "where the API key's secret lives",
        default=None,
        example='{ credential = "secrets_options-desk" }',
        active=True,
        unique=True,
    )
    private_key: SecretSource | None = key(
        key_of(PRIVATE_KEY),
        "instead of client_secret: for an asymmetric API key, or at Coinbase",
        default=None,
        example='{ file = "key.pem" }',
        unique=True,
    )
    key_name: str | None = key(
        text(512),
        "instead of client_id, at Coinbase: the key's name",
        default=None,
        example='"organizations/…/apiKeys/…"',
        unique=True,
    )
    auth: Literal["signature", "secret"] = key(
        choice("signature", "secret"), "sign the login, or send the secret itself", default="signature"
    )
    heartbeat_interval: int = key(integer(10, 3600, "seconds"), "how often the venue tests the connection", default=10)
    verify_interval: float = key(seconds(1, 3600), "between read-backs of cancel-on-disconnect", default=30.0)
    probe_interval: float | None = key(
        seconds(0.5, 10),
        "of silence until we ask for a sign of life; where it is given, 3.5 times that is death",
        default=None,
        otherwise="0.22 × heartbeat_interval",
        example="1",
    )
    watches: tuple[str, ...] = key(
        one_or_several,
        "whose silence trips this account: one name or several",
        name="watch",
        default=(),
        example='["quoter"]',
        active=True,
    )
    on_trip: OnTrip = key(
        choice("cancel", "none"),
        "what a trip does",
        default="none",
        otherwise="cancel with a watch, none without",
        example='"cancel"',
    )
    cancel: Selection = key(
        table_of(Selection),
        "all orders, or those of a currency, kind, type or label",
        default=Selection(),
        example='{ currency = "BTC", kind = "option" }',
    )
    drill: DrillOrder = key(
        table_of(DrillOrder),
        "the order of a `deadman drill`",
        default=DrillOrder(),
        example='{ instrument = "BTC-PERPETUAL", percent = 50 }',
    )
    orders_via: tuple[str, ...] = key(
        subset("websocket", "rest", "fix"),
        "how you place orders; only changes what deadman says",
        default=("websocket",),
    )
    witness_of: str | None = key(
        pattern(f"{NAME.pattern}/{NAME.pattern}", 'daemon and account, "alpha/options-desk"'),
        "another daemon's account, whose orders are cancelled here when its host or its bot is dead; needs [cluster]",
        default=None,
        example='"alpha/options-desk"',
        unique=True,
    )

    @staticmethod
    def settle(table: Table) -> None:
        values = table.values
        if values.get("network") == "coinbase":
            if values.get("private_key") is not None:
                values["private_key"] = replace(values["private_key"], form=COINBASE_KEY)
            _check_coinbase_keys(table)
        else:
            _check_deribit_keys(table)
        if "url" in values and values["url"] is None and "network" in values:
            values["url"] = URLS[values["network"]]
        if "on_trip" in values and values["on_trip"] is None:
            values["on_trip"] = "cancel" if values.get("watches") or table.given("witness_of") else "none"
        if table.given("witness_of"):
            _check_witness(table)

    @property
    def timers(self) -> Timers:
        """We probe more than four times as often as we ask the venue to, so that we know of a death before it does."""
        probe = 0.22 * self.heartbeat_interval if self.probe_interval is None else self.probe_interval
        patience = PROBE_TIMEOUT if self.probe_interval is None else min(PROBE_TIMEOUT, 2.5 * self.probe_interval)
        return Timers(
            renew_interval=self.verify_interval,
            reply_timeout=REPLY_TIMEOUT,
            probe_interval=min(probe, COINBASE_PROBE if self.network == "coinbase" else 10.0),
            probe_timeout=patience,
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
    def start_pace(self) -> StartPace:
        """Heartbeat and login come before the account is known, so that our address pays for them."""
        words = f"Deribit is asked at most {RATE:g} times a second from one address"
        return StartPace(self.url, 2.0, BURST, RATE, words)

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
    def outliving(self) -> tuple[str, ...]:
        return tuple(word.upper() for word in ("rest", "fix") if word in self.orders_via)

    @property
    def what_stays(self) -> str:
        uncovered = [f", {word} orders" for word in self.outliving]
        stays = f"orders of connections opened before the arming{''.join(uncovered)}"
        return f"WebSocket orders go when Deribit misses the bot's own heartbeat; {stays} stay"

    def under(self, terms: Terms) -> Self:
        return replace(self, observe=False, on_trip=terms.on_trip, cancel=terms.cancel)

    def session_settings(self) -> Self:
        return replace(self, watches=(), on_trip="none", orders_via=(), drill=DrillOrder())


def _check_witness(table: Table) -> None:
    """What its desk decides is not decided here once more."""
    for name in ("watch", "on_trip", "cancel", "orders_via", "verify_interval"):
        if table.given(name):
            table.fault(name, "not for a witness", "its desk's own settings apply; they come with its beats")


def _check_coinbase_keys(table: Table) -> None:
    if find_spec("jwt") is None:
        table.fault("network", "coinbase needs an extra package", "pip install 'deadman[coinbase]'")
    for name in ("key_name", "private_key"):
        if not table.given(name):
            table.fault(name, "missing", "Coinbase logs in with key_name and private_key")
    for name in ("client_id", "client_secret"):
        if table.given(name):
            table.fault(name, "not for Coinbase", "it logs in with key_name and private_key")
    if table.values.get("auth") == "secret":
        table.fault("auth", '"secret" is not for Coinbase', "leave it out: a private key always signs")


def _check_deribit_keys(table: Table) -> None:
    if table.given("key_name"):
        table.fault("key_name", 'only for network "coinbase"', "Deribit knows a key by its client_id")
    if not table.given("client_id"):
        table.fault("client_id", "missing", "it is the API key's id at Deribit")
    if table.given("client_secret") and table.given("private_key"):
        table.fault("private_key", "given beside client_secret", "keep the one this API key was made with")
    if not table.given("client_secret") and not table.given("private_key"):
        table.fault("client_secret", "missing", "or private_key, for an asymmetric API key")
    if table.given("private_key") and table.values.get("auth") == "secret":
        table.fault("auth", '"secret" does not go with private_key', "leave it out: a private key always signs")


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
