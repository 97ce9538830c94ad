"""The leases that SX Bet may hold for one account, as far as it may have heard us. Pure; instants are monotonic.

A request that was not answered may be carried out later than we waited for it. So what the venue may hold has two
bounds: the latest end of any lease, which deaths and a disarm wait for, and the earliest end of the one it confirmed.
The venue keeps one lease an account, the one it was asked for last (assumed: its documents do not say).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from deadman.proof import Proof

HEARD_WITHIN = 30.0
"""Seconds after we gave a request up within which the venue may still carry it out. An assumption, since SX Bet
documents no such time: a gateway that cannot pass a request on drops it after half a minute at most."""

ANSWERED_WITHIN = 5.0
"""Seconds after which a request whose end nobody told counts as given up: no answer may take longer."""

SHORTEST = 1.0
"""Seconds of the shortest lease the venue grants: a request for that or less ends the lease, and renews nothing."""


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """SX Bet answered the request of `asked_at`: it holds a lease of `ttl` seconds at most; 0: it holds none.

    `sure`: seconds from the asking for which it surely holds it; None where the answer is not what we asked for.
    """

    at: float
    asked_at: float
    ttl: float
    sure: float | None


@dataclass(frozen=True, slots=True)
class LeaseDenied:
    """The request of `asked_at` was refused, or never left us: it is not carried out."""

    at: float
    asked_at: float


@dataclass(frozen=True, slots=True)
class LeaseGivenUp:
    """We stopped waiting for the answer to the request of `asked_at`: it may be carried out later."""

    at: float
    asked_at: float


@dataclass(frozen=True, slots=True)
class LeasePresumed:
    """Somebody before us, an earlier run as likely as not, may have asked for a lease of `ttl` seconds.

    `heard_until`: the latest instant at which the venue may carry that out.
    """

    at: float
    ttl: float
    heard_until: float


LeaseFact = LeaseGranted | LeaseDenied | LeaseGivenUp | LeasePresumed
"""What becomes of an asking, or is presumed of one that was not ours."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a lease of `ttl` seconds (0: to let it go) that no answer has settled."""

    at: float
    ttl: float
    given_up_at: float | None = None

    @property
    def heard_until(self) -> float:
        """The latest instant at which the venue may carry it out."""
        given_up_at = self.at + ANSWERED_WITHIN if self.given_up_at is None else self.given_up_at
        return given_up_at + HEARD_WITHIN

    def is_open(self, asked_at: float) -> bool:
        """Whether it is the request of that instant, and still waited for."""
        return self.at == asked_at and self.given_up_at is None

    @property
    def end(self) -> float:
        """The latest end of a lease that it may bring about; -inf where it brings about none."""
        return self.heard_until + self.ttl if self.ttl else -inf


@dataclass(frozen=True, slots=True)
class Held:
    """What the venue held when it answered last: a lease of `ttl` seconds at most, surely until `sure_until`.

    That is -inf where its answer was not what we asked for.
    """

    asked_at: float
    answered_at: float
    ttl: float
    sure_until: float

    @property
    def end(self) -> float:
        return self.answered_at + self.ttl if self.ttl else -inf


@dataclass(frozen=True, slots=True)
class Leases:
    """What was asked and is not settled, and what was answered last."""

    asked: tuple[Asked, ...] = ()
    held: Held | None = None

    @property
    def end(self) -> float | None:
        """The latest end of any lease that the venue may hold or come to hold; None when there can be none."""
        ends = [one.end for one in self.asked] + ([self.held.end] if self.held else [])
        latest = max(ends, default=-inf)
        return None if latest == -inf else latest

    @property
    def let_go(self) -> bool:
        """Whether the venue confirmed a 0, asked when nothing before it could be carried out any more."""
        held = self.held
        if held is None or held.ttl or held.sure_until < held.asked_at:
            return False
        return all(one.heard_until <= held.asked_at for one in self.asked if one.ttl)

    @property
    def is_waited_for(self) -> bool:
        """Whether a request is under way, its answer not yet given up."""
        return any(one.given_up_at is None for one in self.asked)

    def may_be_heard(self, now: float) -> bool:
        """Whether the venue may still carry out a request that is not settled."""
        return any(one.heard_until > now for one in self.asked)

    @property
    def heard_until(self) -> float:
        """Until when an unsettled request may still take a lease; -inf when there is none."""
        return max((one.heard_until for one in self.asked if one.ttl), default=-inf)

    @property
    def longest(self) -> float:
        """Seconds of the longest lease among them, 0 for none."""
        return max([one.ttl for one in self.asked] + ([self.held.ttl] if self.held else []), default=0.0)

    def taken_since(self, at: float) -> bool:
        """Whether a lease may have been asked for at that instant or later."""
        later = any(one.ttl and one.at >= at for one in self.asked)
        return later or (self.held is not None and self.held.ttl > 0 and self.held.asked_at >= at)

    def undone_until(self, ttl: float) -> float:
        """Until when an unsettled request may still replace a lease of `ttl` by a shorter one; -inf: nothing may."""
        return max((one.heard_until for one in self.asked if one.ttl < ttl), default=-inf)

    def lasting(self, proof: Proof) -> float:
        """Seconds the proven lease lasts at least, whichever shorter one may yet replace it; 0: it may be ended."""
        shorter = (one.ttl for one in self.asked if one.heard_until > proof.asked_at)
        least = min(shorter, default=proof.ttl)
        return 0.0 if least < proof.ttl and least <= SHORTEST else min(proof.ttl, least)

    def lapsed(self, since: float, now: float, seen_at: float | None) -> bool:
        """Whether the orders of `since` are gone, as a lease that surely stood then has surely ended.

        Orders that no lease covered rest on, and so may those that were seen (last at `seen_at`) after its end: only
        the venue's own list tells that these are gone.
        """
        if self.held is None or self.end is None or self.held.sure_until < since:
            return False
        return self.end <= now and (seen_at is None or seen_at < self.end)

    def after(self, fact: LeaseFact) -> Leases:
        match fact:
            case LeaseGranted(at=at, asked_at=asked_at, ttl=ttl, sure=sure):
                return self.grant(at, asked_at, ttl, sure)
            case LeaseDenied(asked_at=asked_at):
                return self.deny(asked_at)
            case LeaseGivenUp(at=at, asked_at=asked_at):
                return self.give_up(at, asked_at)
            case LeasePresumed(at=at, ttl=ttl, heard_until=heard_until):
                return self.presume(at, ttl, heard_until)

    def ask(self, at: float, ttl: float) -> Leases:
        """What is over is forgotten here, so that an outage of a day is remembered in a line."""
        open_still = tuple(one for one in self.asked if max(one.end, one.heard_until) > at)
        return replace(self, asked=(*open_still, Asked(at, ttl)))

    def grant(self, at: float, asked_at: float, ttl: float, sure: float | None) -> Leases:
        """The venue answered that it holds a lease of `ttl` at most, and for `sure` seconds from the asking at least.

        None: the answer is not what we asked for, so that what was held before may be held still.
        """
        left = tuple(one for one in self._without(asked_at) if one.heard_until > asked_at)
        if sure is None:
            before = self.held.end - at if self.held else 0.0
            return Leases(left, Held(asked_at, at, max(ttl, before), -inf))
        undone = any(one.ttl < ttl for one in left)
        return Leases(left, Held(asked_at, at, ttl, asked_at if undone else asked_at + sure))

    def prove(self, at: float, proof: Proof) -> Leases:
        """The answer is proof besides: its lease lasts for so long, unless something may yet undo it."""
        if self.held is None or self.held.asked_at != proof.asked_at:
            return self.grant(at, proof.asked_at, proof.ttl, proof.ttl)
        sure = self.held.asked_at + self.lasting(proof)
        return replace(self, held=replace(self.held, sure_until=sure))

    def deny(self, asked_at: float) -> Leases:
        """That request was not carried out, and will not be."""
        return replace(self, asked=self._without(asked_at))

    def give_up(self, at: float, asked_at: float) -> Leases:
        """Nobody waits for the answer any more. An earlier one given up for as long a lease says nothing besides."""
        given_up = [replace(one, given_up_at=at) for one in self.asked if one.is_open(asked_at)]
        lengths = {one.ttl for one in given_up}
        kept = [one for one in self._without(asked_at) if one.given_up_at is None or one.ttl not in lengths]
        return replace(self, asked=(*kept, *given_up))

    def presume(self, at: float, ttl: float, heard_until: float) -> Leases:
        """Somebody before us may have asked for a lease, to be carried out by `heard_until` at the latest."""
        return replace(self, asked=(*self.asked, Asked(at, ttl, heard_until - HEARD_WITHIN)))

    def joined(self, later: Leases) -> Leases:
        """What is known of one account from two places, the second the later one."""
        return Leases((*self.asked, *later.asked), later.held or self.held)

    def doubt(self, missed: float) -> Leases:
        """So many seconds may have gone by unseen: the confirmed lease may have ended so much sooner."""
        if self.held is None:
            return self
        return replace(self, held=replace(self.held, sure_until=self.held.sure_until - missed))

    def release(self, at: float) -> Leases:
        """Nothing is held; what may yet be carried out stays."""
        return Leases(tuple(one for one in self.asked if one.heard_until > at))

    def _without(self, asked_at: float) -> tuple[Asked, ...]:
        return tuple(one for one in self.asked if not one.is_open(asked_at))
