"""What a valid config says, in types. Facts only: how it is read lives in `load`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal, NoReturn, Self

from deadman.model.timers import Timers

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
    observe: bool = False
    ca_file: Path | None = None

    venue: ClassVar[str]
    """Its name in the registry of venues, as a config writes it."""

    @property
    @abstractmethod
    def timers(self) -> Timers: ...

    @property
    @abstractmethod
    def secrets(self) -> Mapping[str, SecretSource]:
        """Where its secrets live, by key."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Venue and network, and whatever else separates its accounts from those of the same id elsewhere."""

    @property
    @abstractmethod
    def credential(self) -> tuple[str | None, ...]:
        """What tells the account that it logs in to from others at its place; never a secret."""

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
    def silence_limit(self) -> float | None:
        """Seconds of our silence after which the venue ends the session and cancels; None where it does not."""
        return None

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
