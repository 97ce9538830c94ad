"""What a venue must offer a keeper. Every venue package has the same rooms and these names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from deadman.model.facts import Fact
from deadman.model.proof import Proof
from deadman.model.settings import Account, OnTrip, Secret

Post = Callable[[Fact], None]
"""Where a session says what happened to its account."""

ReadSecret = Callable[[], Awaitable[Secret]]
"""Read anew at every login, so that a replaced file is a rotated key. Raises Refused in words."""


class Secrets(Protocol):
    """Where the secrets of all accounts are kept."""

    def of(self, account: Account) -> ReadSecret: ...


@dataclass(frozen=True, slots=True)
class Round:
    """One round of cancelling. `remaining` None: the venue's list cannot be read.

    Attributes:
        resisting: orders that the venue would not cancel when they were asked for one by one.
        words: what the venue said of one of them.
        listed: the ids of what remains; None where they are not known.
    """

    cancelled: int
    remaining: int | None
    resisting: int = 0
    words: str = ""
    listed: frozenset[str] | None = None


class Session(Protocol):
    """One conversation with a venue for one account; for SX Bet a sequence of requests.

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

    async def cancel_orders(self, means: OnTrip) -> Round:
        """One round of a trip by the given means, read back."""


OpenSession = Callable[[], AbstractAsyncContextManager[Session]]
