"""What a venue offers to the rest of deadman. Every venue's folder has the same modules and these names in them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

from deadman.model import facts
from deadman.model.account import Histogram, Tally
from deadman.model.facts import Fact, Round
from deadman.model.fate import Case, Fate
from deadman.model.proof import Proof
from deadman.model.secret import Secret
from deadman.model.settings import Account, OnTrip

A = TypeVar("A", bound=Account)


@dataclass(frozen=True, slots=True)
class Venue(Generic[A]):
    """One line of the registry. What depends on an account's settings alone, `settings` answers itself.

    Attributes:
        title: its name for people.
        settings: the class of its accounts' settings.
        load_door: returns the class of its doors; only then are the modules that talk to the network imported.
        if_bot_dies: what becomes of the orders if the trading process dies, while this host and deadman go on.
        if_host_dies: the same if this host vanishes with everything on it.
        advice: sentences about what `check` should warn of, given all accounts at this venue.
        metrics: what is measured of this venue's accounts only.
    """

    title: str
    settings: type[A]
    load_door: Callable[[], Callable[..., Door]]
    if_bot_dies: Callable[[Case, A], Fate]
    if_host_dies: Callable[[Case, A], Fate]
    advice: Callable[[Sequence[A]], Iterator[str]]
    metrics: tuple[VenueMetric, ...] = ()


@dataclass(frozen=True, slots=True)
class VenueMetric:
    """One metric of the accounts of one venue; with a `label` a number for each of its values."""

    kind: Literal["gauge", "counter", "histogram"]
    name: str
    help: str
    read: Callable[[Tally], float | Mapping[str, float] | Histogram]
    label: str = ""


Post = Callable[[Fact], None]
"""Where a session says what happened to its account."""

ReadSecret = Callable[[], Awaitable[Secret]]
"""Read anew at every login, so that a replaced file is a rotated key. Raises Refused in words."""


class Door(Protocol):
    """An account's way into its venue, opened anew for every session."""

    def open_session(self) -> AbstractAsyncContextManager[Session]: ...

    async def count_orders(self) -> int:
        """The open orders that a trip would cancel, over a connection of its own. Raises VenueError."""

    async def inspect(self, look: Look) -> None:
        """Log in, read what can be read and tell it to `look`; nothing is changed. Raises VenueError."""

    def drill(self, label: str) -> Drill:
        """A drill whose orders, where it places any, carry `label`, and no others do."""


@dataclass(frozen=True, slots=True)
class Fired:
    """The venue was seen to cancel, so many seconds after the death that was played; `words` tell how."""

    seconds: float
    words: str


class Drill(Protocol):
    """One drill, by connections of its own.

    `unsettled_until`: until then the venue may carry out a request of it that it left unanswered; -inf for none.
    """

    unsettled_until: float

    async def fire(self) -> Fired:
        """Make the switch fire, and see the venue cancel. May be cancelled anywhere.

        Raises:
            VenueError: nothing was proven, neither that it fires nor that it does not.
            NotFired: it was not seen to fire.
        """

    async def clean_up(self) -> str:
        """Cancel whatever order of it may rest; returns once the venue lists none, with what is left to people.

        Raises VenueError until then.
        """


@dataclass
class Look:
    """What one account's venue said to `check --online`; `offset` is its clock less ours, in seconds."""

    fine: bool = True
    said: list[str] = field(default_factory=list)
    offset: float | None = None

    def wrong(self, sentence: str) -> None:
        self.fine = False
        self.said.append(sentence)

    def hear(self, fact: Fact) -> None:
        if isinstance(fact, facts.ClockCompared) and fact.is_telling:
            self.offset = fact.offset


class Session(Protocol):
    """One conversation with a venue for one account, over one connection or in a sequence of requests.

    Every method raises `Unavailable`, `Refused` or `SwitchOff`, and may be cancelled between requests.
    """

    async def arm(self) -> Proof:
        """Turn the switch on where it is off, and prove it."""

    async def attend(self, until: float) -> None:
        """Listen and answer until that monotonic instant, or until a proof is due sooner."""

    def recount(self) -> None:
        """List the open orders when next attended, however early that is: they may have gone unseen."""

    async def renew(self) -> Proof:
        """Prove the switch once more."""

    async def identify(self) -> str | None:
        """The account as the venue tells it, in lower case; None where it does not tell."""

    async def disarm(self) -> None:
        """An operator's word alone: turn off what we turned on. Orders stay."""

    async def cancel_orders(self, method: OnTrip) -> Round:
        """One round of a trip by the given method, read back."""


OpenSession = Callable[[], AbstractAsyncContextManager[Session]]
