"""Facts: what happened to an account, each with the monotonic instant `at` which it became true.

Keepers, watches and operators post them; `guard` judges by them and `tally` counts them. Nothing else changes either.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf

from deadman.model.errors import Reason
from deadman.model.identity import Called as Called
from deadman.model.identity import Heard as Heard
from deadman.model.identity import Identified as Identified
from deadman.model.identity import SuccessionFact
from deadman.model.identity import TakenOn as TakenOn
from deadman.model.proof import Coverage, LeaseFact, Proof
from deadman.model.proof import LeaseDenied as LeaseDenied
from deadman.model.proof import LeaseGivenUp as LeaseGivenUp
from deadman.model.proof import LeaseGranted as LeaseGranted
from deadman.model.proof import LeasePresumed as LeasePresumed
from deadman.model.settings import Terms

TRIP_PATIENCE = 60.0
"""Seconds of cancelling after which something keeps placing orders, and hammering helps nobody."""

CLOCK_TOLERANCE = 1.0
"""Seconds between two clocks from which an alert speaks of it; an answer that takes longer tells nothing of less."""


class Cause(StrEnum):
    """What pulled the switch."""

    SILENCE = "silence"
    TRIGGER = "trigger"
    STOPPING = "stopping"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """The venue accepted us; `can_cancel` when the session may also cancel orders."""

    at: float
    can_cancel: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """A session, or the attempt at one, ended."""

    at: float
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """We left, since there is nothing to do at the venue."""

    at: float


@dataclass(frozen=True, slots=True)
class Failed:
    """The venue answered that it could not; the session lives."""

    at: float
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Attempted:
    """A renewal left for the venue: from here on it may have heard us. `ttl` is what we asked for; 0 ends a lease."""

    at: float
    ttl: float
    coverage: Coverage = Coverage.LEASE


@dataclass(frozen=True, slots=True)
class Proven:
    """A venue's answer to our own request renewed the claim. `at` is when the answer was read."""

    at: float
    proof: Proof


@dataclass(frozen=True, slots=True)
class FoundOff:
    """The venue's last word: the switch is off, or the echo is not what we asked for."""

    at: float
    detail: str


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """The venue's last word: our key, scope or address is rejected."""

    at: float
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class TurnedOn:
    """Our own request turned the account's switch on: only then may `disarm` turn it off."""

    at: float


@dataclass(frozen=True, slots=True)
class Repaired:
    """We turned the switch on and saw a new connection inherit it; a repair where it had come undone behind us."""

    at: float


@dataclass(frozen=True, slots=True)
class SwitchSent:
    """A request to turn the switch on or off is about to leave. Unanswered, the venue may carry it out until `until`.

    Of a setting only. `until` is an instant of the monotonic clock, and tells this request from others.
    """

    at: float
    enabled: bool
    until: float


@dataclass(frozen=True, slots=True)
class SwitchAnswered:
    """The request that was to be carried out by `until` at the latest was answered: with yes, or a no for good."""

    at: float
    until: float


@dataclass(frozen=True, slots=True)
class SwitchRead:
    """The setting as the venue told it. `timestamp` is Unix seconds.

    Scope "connection" is read only of a connection that started by itself as it is: before we touch its switch.
    """

    at: float
    scope: str
    enabled: bool
    timestamp: float


@dataclass(frozen=True, slots=True)
class Doubted:
    """Time may have gone by unseen (suspend, clock step): nothing proven before counts.

    `missed`: seconds that the venue's clock may have gone on while ours stood still.
    """

    at: float
    detail: str
    missed: float = inf


@dataclass(frozen=True, slots=True)
class Awaited:
    """No lease is taken: the trading process has not checked in."""

    at: float


@dataclass(frozen=True, slots=True)
class BotSeen:
    """Every watch of the account that counts lives; `watches` are those that have lived since a lease is taken."""

    at: float
    watches: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Tripped:
    """The switch was pulled. `by` and `reason` are for people; `terms` None: those in force."""

    at: float
    cause: Cause
    by: str
    reason: str = ""
    terms: Terms | None = None


@dataclass(frozen=True, slots=True)
class RoundDone:
    """One round of cancelling: what the venue said it cancelled, and what it still lists (None: cannot be read).

    Attributes:
        resisting: orders that the venue would not cancel when they were asked for one by one.
        words: what the venue said of one of them.
        listed: the ids of what remains; None where they are not known.
    """

    at: float
    cancelled: int
    remaining: int | None
    resisting: int = 0
    words: str = ""
    listed: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class TripDone:
    """The orders are gone: listed as none by the venue, or `presumed` after the last attempted lease ended."""

    at: float
    presumed: bool


@dataclass(frozen=True, slots=True)
class Disarmed:
    """An operator's word. `until` ends it by itself (monotonic, as of `Clock.slept`), None: only `arm` does."""

    at: float
    by: str
    reason: str = ""
    until: float | None = None
    slept: float = 0.0


@dataclass(frozen=True, slots=True)
class Slept:
    """The machine was suspended, in which spans go on that people gave; `slept` in all, as `Clock.slept` tells."""

    at: float
    slept: float


@dataclass(frozen=True, slots=True)
class DisarmConfirmed:
    """The venue confirmed what a disarm asked for, or nothing had to be asked."""

    at: float


@dataclass(frozen=True, slots=True)
class Rearmed:
    """An operator's `arm`, or a later check-in after a trip."""

    at: float
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """A request of ours was answered after `round_trip` seconds."""

    at: float
    round_trip: float


@dataclass(frozen=True, slots=True)
class TestRequestAnswered:
    """A test_request was answered; `delay` in seconds from frame read to reply written."""

    __test__ = False
    at: float
    delay: float


@dataclass(frozen=True, slots=True)
class Erred:
    """The venue answered with an error code."""

    at: float
    code: str


@dataclass(frozen=True, slots=True)
class OrdersCounted:
    """Open orders as the venue lists them; None: it would not tell.

    Of those listed before a gap and missing now the venue says that it cancelled `by_venue` by itself, and that
    `accounted` were filled, or cancelled by request.
    """

    at: float
    count: int | None
    by_venue: int = 0
    accounted: int = 0


@dataclass(frozen=True, slots=True)
class OrdersRemembered:
    """Open orders as the venue listed them at `listed_at`, before we were away."""

    at: float
    count: int
    listed_at: float


@dataclass(frozen=True, slots=True)
class TokenGranted:
    """`expiry_timestamp` is Unix seconds, from the venue's own lifetime."""

    at: float
    expiry_timestamp: float


@dataclass(frozen=True, slots=True)
class ClockCompared:
    """The venue's clock less ours, in seconds; a cross-check, never a deadline.

    The venue read its clock at some time in the `round_trip`, so that the true offset is within half of it of ours.
    """

    at: float
    offset: float
    round_trip: float

    @property
    def is_telling(self) -> bool:
        """Whether it tells of clocks rather than of a slow venue."""
        return self.round_trip <= CLOCK_TOLERANCE or abs(self.offset) - self.round_trip / 2 > CLOCK_TOLERANCE


@dataclass(frozen=True, slots=True)
class VenueFired:
    """The venue itself cancelled `orders` orders because a connection dropped or a lease ran out."""

    at: float
    orders: int


Fact = (
    SuccessionFact
    | SessionOpened
    | SessionClosed
    | Lost
    | Failed
    | Attempted
    | LeaseFact
    | Proven
    | FoundOff
    | TurnedAway
    | TurnedOn
    | Repaired
    | SwitchSent
    | SwitchAnswered
    | SwitchRead
    | Doubted
    | Awaited
    | BotSeen
    | Tripped
    | RoundDone
    | TripDone
    | Disarmed
    | Slept
    | DisarmConfirmed
    | Rearmed
    | Answered
    | TestRequestAnswered
    | Erred
    | OrdersCounted
    | OrdersRemembered
    | TokenGranted
    | ClockCompared
    | VenueFired
)
