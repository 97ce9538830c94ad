"""What a valid config says, in types. Facts only: how it is read lives in `load`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from random import Random
from typing import ClassVar, Literal, Self

from deadman.model.keys import NAME, Table, key, keys_of, settings
from deadman.model.readers import (
    address,
    boolean,
    choice,
    hook,
    listen,
    path,
    pattern,
    seconds,
    several,
    text,
    texts,
)
from deadman.model.secret import SecretSource, secret

REPLY_TIMEOUT = 5.0
"""Seconds any single answer may take at most."""

PROBE_TIMEOUT = REPLY_TIMEOUT
"""Seconds for a sign of life: as long as any answer may take, or a slow venue would be called a dead one."""

STABLE = 10.0
"""Seconds a session must have been proven before its loss counts as a first one."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """First retry at once, then doubling from `first` to `cap` seconds, half of it chance, and at the cap a fifth.

    Not all of it: with full jitter a run of short draws would break the bound on tries that `promise` states.
    """

    first: float
    cap: float

    def delay(self, failures: int, chance: Random) -> float:
        """Seconds to wait after `failures` (>= 1) failures in a row."""
        if failures <= 1:
            return chance.uniform(0.0, self.first / 4)
        longest = min(self.cap, self.first * 2.0 ** min(failures - 2, 30))
        return chance.uniform(longest * (0.8 if longest == self.cap else 0.5), longest)


@dataclass(frozen=True, slots=True)
class StartPace:
    """What holds up accounts that start together: so many requests each, of which `burst` at once and `rate` a second.

    `whose`: the budget that they share; `words` say whose pace it is.
    """

    whose: str
    requests: float
    burst: float
    rate: float
    words: str


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds, all but `cancels_per_second`, which is how many single cancels the venue takes of any account.

    Attributes:
        vouch: how long one proof is believed: the lease, or how long a reading of the switch is vouched for.
        rearm: from a successful dial to a proof, while the venue answers quickly.
        listing_timeout: for the list of open orders, which may be some thousand long.
        look_interval: between two counts of open orders while there is nothing else to ask the venue for.
    """

    renew_interval: float
    reply_timeout: float
    probe_interval: float
    probe_timeout: float
    vouch: float
    overdue_after: float
    retry: Backoff
    patient_after: float
    look_interval: float
    rearm: float
    listing_timeout: float = REPLY_TIMEOUT
    cancels_per_second: float = 5.0


REFUSED_AT_FIRST = Backoff(first=4.0, cap=5.0)
"""After a venue's no, for `Timers.patient_after` seconds: it may pass (a short ban, a key being replaced). In half a
minute that is some eight logins; how many failed ones a venue takes before it locks the key out is not documented."""

REFUSED = Backoff(first=6.0, cap=40.0)
"""After that: retry slowly, for ever; it may be a longer ban."""

REPAIR = Backoff(first=1.0, cap=20.0)
"""After the venue's word that the switch is off: every try costs a second connection."""


OnTrip = Literal["cancel", "expire", "lapse", "none"]


@settings
class Selection:
    """Which of an account's orders a trip cancels; nothing set means all of them."""

    currency: str | None = key(
        pattern(r"[A-Z][A-Z0-9_]{1,15}", 'a currency as the venue writes it, "BTC"'), "of one currency", default=None
    )
    kind: str | None = key(
        choice("future", "option", "spot", "future_combo", "option_combo"), "of one kind of instrument", default=None
    )
    type: str | None = key(
        choice("all", "limit", "trigger_all", "stop", "take", "trailing_stop"), "of one type of order", default=None
    )
    label: str | None = key(text(64, trimmed=False), "with this label, compared exactly", default=None)

    @property
    def one_by_one(self) -> bool:
        """Whether no one method of the venue cancels exactly these: its cancel by label takes no kind and no type."""
        finer = self.kind is not None or self.type not in (None, "all")
        return self.label is not None and finer

    @property
    def words(self) -> str:
        """Which orders these are, for people; empty where they are all."""
        given = {"currency": self.currency, "kind": self.kind, "type": self.type, "label": self.label}
        parts = [
            f"{key} {value}" for key, value in given.items() if value is not None and (key, value) != ("type", "all")
        ]
        return f"orders of {', '.join(parts)}" if parts else ""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a trip cancels: as the config said when it began."""

    on_trip: OnTrip
    cancel: Selection


@settings
class DaemonConfig:
    """`[daemon]`. `listen` is None when HTTP is turned off."""

    runtime_directory: Path = key(
        path,
        "control.sock and watch/NAME.sock",
        otherwise="systemd's, /run/deadman, or the user's",
        example='"/run/deadman"',
    )
    state_directory: Path = key(
        path,
        "what must survive a restart",
        otherwise="systemd's, /var/lib/deadman, or the user's",
        example='"/var/lib/deadman"',
    )
    name: str = key(
        pattern(NAME.pattern, "a name of a-z, 0-9 and . _ -, beginning with a letter or digit"),
        "what people and witnesses call this daemon",
        default="",
        otherwise="the host's name",
        example='"alpha"',
    )
    listen: tuple[str, int] | None = key(
        listen,
        '/metrics, /healthz, /readyz and a status page at /; "" turns it off',
        default=("127.0.0.1", 9847),
        active=True,
    )
    log_format: Literal["auto", "journal", "text", "json"] = key(
        choice("auto", "journal", "text", "json"), "how log lines are written", default="auto"
    )
    log_level: Literal["debug", "info", "warning", "error"] = key(
        choice("debug", "info", "warning", "error"), "the least severe line that is written", default="info"
    )
    socket_group: str | None = key(
        text(32),
        "may check in and read the status",
        default=None,
        otherwise="the daemon's own group",
        example='"trading"',
    )
    operators: tuple[str, ...] = key(
        texts, "may arm, disarm, trip and hold, besides root and the daemon's own user", default=(), example='["alice"]'
    )
    webhook: str | None = key(
        hook,
        "JSON is posted there on every transition of a wanted account",
        default=None,
        example='"https://example.com/deadman"',
    )
    ping: str | None = key(
        hook,
        "called once a minute while every wanted account is protected",
        default=None,
        example='"https://example.com/ping"',
    )


@settings
class ClusterConfig:
    """`[cluster]`: the register in which hosts hear of each other. `host_timeout` in seconds."""

    endpoints: tuple[str, ...] = key(
        several(address("https", "http")),
        "the members of etcd 3.4 or newer: one or several",
        example='["https://10.0.0.5:2379"]',
        active=True,
    )
    prefix: str = key(
        pattern(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/", 'names that end in "/", "deadman/"'),
        "below which all keys are",
        default="deadman/",
    )
    user: str | None = key(text(64), "whom etcd knows us as", default=None, example='"alpha"')
    password: SecretSource | None = key(
        secret, "where the user's password lives", default=None, example='{ credential = "etcd" }'
    )
    ca_file: Path | None = key(
        path, "trusted instead of the system's certificates, in PEM form", default=None, example='"etcd-ca.pem"'
    )
    cert_file: Path | None = key(
        path, "our own certificate, where etcd asks for one", default=None, example='"alpha.pem"'
    )
    key_file: Path | None = key(path, "the key of cert_file", default=None, example='"alpha.key"')
    host_timeout: float = key(
        seconds(7, 3600), "seconds without this host's word after which witnesses take it for dead", default=15.0
    )


@settings
class WatchConfig:
    """One trading process. `timeout` in seconds."""

    name: str
    timeout: float = key(seconds(1, 86400), "seconds of silence after which the trading process is dead", example="5")
    on_stopping: Literal["trip", "release"] = key(
        choice("trip", "release"), "what STOPPING=1 does; release cancels nothing and waits", default="trip"
    )
    user: str | None = key(
        text(32),
        "only this user's datagrams count",
        default=None,
        otherwise="anybody who may write to the socket",
        example='"quoter"',
    )


@settings
class Account(ABC):
    """What the accounts of all venues have in common; each venue's settings add their own keys and rules.

    Everything that the model asks of a venue's rules is asked here, so that it need not know which venue it is.
    """

    name: str
    network: str
    url: str
    _: KW_ONLY
    watches: tuple[str, ...] = ()
    on_trip: OnTrip = "none"
    observe: bool = key(boolean, "true: look and report, change nothing", default=False)
    ca_file: Path | None = key(
        path, "trusted instead of the system's certificates, in PEM form", default=None, example='"ca.pem"'
    )

    venue: ClassVar[str]
    """Its name in the registry of venues, as a config writes it."""
    example: ClassVar[str]
    """Its part of what `init` prints, with {keys} where its keys are put."""

    @staticmethod  # noqa: B027 - a venue may have no such rules
    def settle(table: Table) -> None:
        """Check the rules between keys, and fill in the defaults that depend on other keys."""

    @property
    @abstractmethod
    def timers(self) -> Timers: ...

    @property
    def secret_source(self) -> SecretSource:
        """Where the one secret lives that its venue's rules let an account have."""
        values = (getattr(self, key.attribute) for key in keys_of(type(self)))
        return next(value for value in values if isinstance(value, SecretSource))

    @property
    @abstractmethod
    def place(self) -> str:
        """Venue and network, and whatever else separates its accounts from those of the same id elsewhere."""

    @property
    @abstractmethod
    def credential(self) -> tuple[str | None, ...]:
        """What tells the account that it logs in to from others at its place; never a secret."""

    @property
    def start_pace(self) -> StartPace | None:
        """None where nothing but this machine holds up a start."""
        return None

    @property
    def witness_of(self) -> str | None:
        """Of a witness's account: daemon and account that it watches over; it is neither armed nor renewed."""
        return None

    @property
    def desk(self) -> str | None:
        """Of a witness's account: the daemon that it watches over."""
        return self.witness_of.partition("/")[0] if self.witness_of is not None else None

    @property
    def desk_account(self) -> str:
        """Of a witness's account: the one it watches over, as its desk calls it; empty for any other."""
        return (self.witness_of or "").partition("/")[2]

    @property
    def outliving(self) -> tuple[str, ...]:
        """Kinds of its orders that stay when the host is lost, as the config says that they are placed."""
        return ()

    @property
    def account_id(self) -> str | None:
        """The venue's own id of the account, in lower case, where the config alone tells it."""
        return None

    @property
    def lease(self) -> float | None:
        """Seconds of the lease that it takes; None where the switch is a setting, which stays on until turned off.

        A lease is taken only for bots that live, and not again for a bot whose silence has tripped it. A setting is
        turned on for bots that are yet to come.
        """
        return None

    @property
    def selection(self) -> Selection:
        """Which orders a trip cancels."""
        return Selection()

    @property
    def strongest_cancel(self) -> OnTrip:
        """How an operator's trip cancels."""
        return "cancel"

    @property
    @abstractmethod
    def what_stays(self) -> str:
        """Which orders its switch does not reach when the host dies, or how late: the end of a sentence."""

    @property
    def terms(self) -> Terms:
        """How a trip of this account cancels, as its config says now."""
        return Terms(self.on_trip, self.selection)

    def under(self, terms: Terms) -> Self:
        """The account as it was when a trip began under these terms."""
        return replace(self, observe=False, on_trip=terms.on_trip)

    def session_settings(self) -> Self:
        """What its session hangs on: a change of anything else takes effect without a new one."""
        return replace(self, watches=(), on_trip="none")


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file, valid."""

    path: Path
    daemon: DaemonConfig
    watches: Mapping[str, WatchConfig]
    accounts: Mapping[str, Account]
    cluster: ClusterConfig | None = None
