"""What a valid config says, in types. Facts only: how it is read lives in `load`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NoReturn

OnTrip = Literal["cancel", "expire", "lapse", "none"]


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret lives; read anew at every login, so that a replaced file is a rotated key."""

    kind: Literal["credential", "file", "env"]
    name: str
    line: int | None = field(default=None, compare=False, repr=False)
    """Where the config says so, for faults; a line that moved is no other source."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of an account's orders a trip cancels; nothing set means all of them."""

    currency: str | None = None
    kind: str | None = None
    type: str | None = None
    label: str | None = None

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


@dataclass(frozen=True, slots=True)
class DaemonConfig:
    """`[daemon]`. `listen` is None when HTTP is turned off."""

    runtime_directory: Path
    state_directory: Path
    listen: tuple[str, int] | None = ("127.0.0.1", 9847)
    log_format: Literal["auto", "journal", "text", "json"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    socket_group: str | None = None
    operators: tuple[str, ...] = ()
    webhook: str | None = None
    ping: str | None = None


@dataclass(frozen=True, slots=True)
class WatchConfig:
    """One trading process. `timeout` in seconds, at least 1."""

    name: str
    timeout: float
    on_stopping: Literal["trip", "release"] = "trip"
    user: str | None = None


@dataclass(frozen=True, slots=True)
class DeribitAccount:
    """One Deribit (or Coinbase gateway) account. Intervals in seconds."""

    name: str
    network: Literal["mainnet", "testnet", "coinbase"]
    url: str
    client_id: str | None = None
    client_secret: SecretSource | None = None
    private_key: SecretSource | None = None
    key_name: str | None = None
    auth: Literal["signature", "secret"] = "signature"
    heartbeat_interval: int = 10
    verify_interval: float = 30.0
    watches: tuple[str, ...] = ()
    on_trip: OnTrip = "none"
    cancel: Selection = field(default_factory=Selection)
    orders_via: tuple[str, ...] = ("websocket",)
    observe: bool = False
    ca_file: Path | None = None

    venue = "deribit"


@dataclass(frozen=True, slots=True)
class SxBetAccount:
    """One SX Bet account. `timeout_seconds` is the lease, 5 to 3600; `renew_interval` at most a third of it."""

    name: str
    network: Literal["mainnet", "testnet"]
    url: str
    api: Literal["v2", "v3"]
    api_key: SecretSource
    requestor: str | None = None
    timeout_seconds: int = 30
    renew_interval: float = 10.0
    watches: tuple[str, ...] = ()
    on_trip: OnTrip = "cancel"
    observe: bool = False
    ca_file: Path | None = None

    venue = "sxbet"


Account = DeribitAccount | SxBetAccount


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file, valid."""

    path: Path
    daemon: DaemonConfig
    watches: Mapping[str, WatchConfig]
    accounts: Mapping[str, Account]


class Secret:
    """Holds a credential; `reveal()` is the only way out.

    `repr`, `str`, `format`, f-strings, tracebacks with locals and JSON show `***` or fail; pickling fails.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        return self.__value

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.__value == other.__value

    def __hash__(self) -> int:
        return hash(self.__value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")
