"""Facts: what happened to an account, each with the monotonic instant `at` which it became true.

Keepers, watches and operators post them; `guard` judges by them and `tally` counts them. Nothing else changes either.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf

from deadman.model.errors import Reason
from deadman.model.identity import Identity
from deadman.model.proof import Coverage, Proof
from deadman.model.settings import Terms
from deadman.model.sight import Sight, Witness

TRIP_PATIENCE = 60.0
"""Seconds of cancelling after which something keeps placing orders, and hammering helps nobody."""

CLOCK_TOLERANCE = 1.0
"""Seconds between two clocks from which an alert speaks of it; an answer that takes longer tells nothing of less."""


class Cause(StrEnum):
    """What pulled the switch."""

    SILENCE = "silence"
    HOST = "host"
    TRIGGER = "trigger"
    STOPPING = "stopping"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that became true of an account; only its kinds are posted."""

    at: float


@dataclass(frozen=True, slots=True)
class SessionOpened(Fact):
    """The venue accepted us; `can_cancel` when the session may also cancel orders."""

    can_cancel: bool


@dataclass(frozen=True, slots=True)
class Lost(Fact):
    """A session, or the attempt at one, ended."""

    reason: Reason
    detail: str = ""


class SessionClosed(Fact):
    """We left, since there is nothing to do at the venue."""


@dataclass(frozen=True, slots=True)
class Failed(Fact):
    """The venue answered that it could not; the session lives."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Attempted(Fact):
    """A renewal left for the venue: from here on it may have heard us. `ttl` is what we asked for; 0 ends a lease."""

    ttl: float
    coverage: Coverage = Coverage.LEASE


@dataclass(frozen=True, slots=True)
class LeaseGranted(Fact):
    """The venue answered the request of `asked_at`: it holds a lease of `ttl` seconds at most; 0: it holds none.

    Attributes:
        sure: seconds from the asking for which it surely holds it; None where the answer is not what we asked for.
        stands: where it is not, whether it surely holds a lease all the same; None: only if it held one before.
    """

    asked_at: float
    ttl: float
    sure: float | None
    stands: bool | None = False


@dataclass(frozen=True, slots=True)
class LeaseDenied(Fact):
    """The request of `asked_at` was refused, or never left us: it is not carried out."""

    asked_at: float


@dataclass(frozen=True, slots=True)
class LeaseGivenUp(Fact):
    """We stopped waiting for the answer to the request of `asked_at`: it may be carried out later."""

    asked_at: float


@dataclass(frozen=True, slots=True)
class LeasePresumed(Fact):
    """Somebody before us, an earlier run as likely as not, may have asked for a lease of `ttl` seconds.

    `heard_until`: the latest instant at which the venue may carry that out.
    """

    ttl: float
    heard_until: float


LeaseFact = LeaseGranted | LeaseDenied | LeaseGivenUp | LeasePresumed
"""What becomes of an asking, or is presumed of one that was not ours."""


@dataclass(frozen=True, slots=True)
class Proven(Fact):
    """A venue's answer to our own request renewed the claim. `at` is when the answer was read."""

    proof: Proof


@dataclass(frozen=True, slots=True)
class FoundOff(Fact):
    """The venue's last word: the switch is off, or the echo is not what we asked for."""

    detail: str


@dataclass(frozen=True, slots=True)
class TurnedAway(Fact):
    """The venue's last word: our key, scope or address is rejected."""

    reason: Reason
    detail: str


class TurnedOn(Fact):
    """Our own request turned the account's switch on: only then may `disarm` turn it off."""


class Repaired(Fact):
    """We turned the switch on and saw a new connection inherit it; a repair where it had come undone behind us."""


@dataclass(frozen=True, slots=True)
class SwitchSent(Fact):
    """A request to turn the switch on or off is about to leave. Unanswered, the venue may carry it out until `until`.

    Of a setting only. `until` is an instant of the monotonic clock, and tells this request from others.
    """

    enabled: bool
    until: float


@dataclass(frozen=True, slots=True)
class SwitchAnswered(Fact):
    """The request that was to be carried out by `until` at the latest was answered: with yes, or a no for good."""

    until: float


@dataclass(frozen=True, slots=True)
class SwitchRead(Fact):
    """The setting as the venue told it. `timestamp` is Unix seconds.

    Scope "connection" is read only of a connection that started by itself as it is: before we touch its switch.
    """

    scope: str
    enabled: bool
    timestamp: float


@dataclass(frozen=True, slots=True)
class Doubted(Fact):
    """Time may have gone by unseen (suspend, clock step): nothing proven before counts.

    `missed`: seconds that the venue's clock may have gone on while ours stood still.
    """

    detail: str
    missed: float = inf


class Awaited(Fact):
    """No lease is taken: the trading process has not checked in."""


@dataclass(frozen=True, slots=True)
class BotSeen(Fact):
    """Every watch of the account that counts lives; `watches` are those that have lived since a lease is taken."""

    watches: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Tripped(Fact):
    """The switch was pulled. `by`, `reason`: for people; `terms` None: those in force; `cancelled`: by the last run."""

    cause: Cause
    by: str
    reason: str = ""
    terms: Terms | None = None
    cancelled: int = 0


@dataclass(frozen=True)
class Round:
    """One round of cancelling: what the venue said it cancelled, and what it still lists (None: cannot be read).

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


@dataclass(frozen=True, slots=True)
class RoundDone(Round, Fact):
    """A round of cancelling was carried out."""


@dataclass(frozen=True, slots=True)
class TripDone(Fact):
    """The orders are gone: listed as none by the venue, or `presumed` after the last attempted lease ended."""

    presumed: bool


@dataclass(frozen=True, slots=True)
class Disarmed(Fact):
    """An operator's word. `until` ends it by itself (monotonic, as of `Clock.slept`), None: only `arm` does."""

    by: str
    reason: str = ""
    until: float | None = None
    slept: float = 0.0


@dataclass(frozen=True, slots=True)
class Slept(Fact):
    """The machine was suspended, in which spans go on that people gave; `slept` in all, as `Clock.slept` tells."""

    slept: float


class DisarmConfirmed(Fact):
    """The venue confirmed what a disarm asked for, or nothing had to be asked."""


@dataclass(frozen=True, slots=True)
class Rearmed(Fact):
    """An operator's `arm`, or a later check-in after a trip."""

    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Answered(Fact):
    """A request of ours was answered after `round_trip` seconds."""

    round_trip: float


@dataclass(frozen=True, slots=True)
class TestRequestAnswered(Fact):
    """A test_request was answered; `delay` in seconds from frame read to reply written."""

    __test__ = False
    delay: float


@dataclass(frozen=True, slots=True)
class Erred(Fact):
    """The venue answered with an error code."""

    code: str


@dataclass(frozen=True, slots=True)
class OrdersCounted(Fact):
    """Open orders as the venue lists them; None: it would not tell.

    Of those listed before a gap and missing now the venue says that it cancelled `by_venue` by itself, and that
    `accounted` were filled, or cancelled by request.
    """

    count: int | None
    by_venue: int = 0
    accounted: int = 0


@dataclass(frozen=True, slots=True)
class OrdersRemembered(Fact):
    """Open orders as the venue listed them at `listed_at`, before we were away."""

    count: int
    listed_at: float


@dataclass(frozen=True, slots=True)
class TokenGranted(Fact):
    """`expiry_timestamp` is Unix seconds, from the venue's own lifetime."""

    expiry_timestamp: float


@dataclass(frozen=True, slots=True)
class ClockCompared(Fact):
    """The venue's clock less ours, in seconds; a cross-check, never a deadline.

    The venue read its clock at some time in the `round_trip`, so that the true offset is within half of it of ours.
    """

    offset: float
    round_trip: float

    @property
    def is_telling(self) -> bool:
        """Whether it tells of clocks rather than of a slow venue."""
        return self.round_trip <= CLOCK_TOLERANCE or abs(self.offset) - self.round_trip / 2 > CLOCK_TOLERANCE


@dataclass(frozen=True, slots=True)
class VenueFired(Fact):
    """The venue itself cancelled `orders` orders because a connection dropped or a lease ran out."""

    orders: int


@dataclass(frozen=True, slots=True)
class TakenOn(Fact):
    """From here on the config names this account, with these terms for its trips."""

    identity: Identity
    terms: Terms


@dataclass(frozen=True, slots=True)
class Identified(Fact):
    """The venue told whose account it is; None: it would not."""

    account: str | None


class Called(Fact):
    """Somebody wants a try now, whatever we wait for: a reload, or a secret that has changed."""


class Heard(Fact):
    """Every bot has checked in since the account took the place of another."""


@dataclass(frozen=True, slots=True)
class Sighted(Fact):
    """What a witness knows of the account that it watches over; None: it watches over none any more."""

    sight: Sight | None


class StoodBy(Fact):
    """The venue let a witness in, and answers it."""


@dataclass(frozen=True, slots=True)
class Witnessed(Fact):
    """Who watches over this account from other hosts."""

    witnesses: tuple[Witness, ...]
