"""The leases that a venue may hold, by what was asked and what it answered. Pure.

A request that was not answered may be carried out later than we waited for it. So what the venue may hold has two
bounds: the latest end of any lease, which deaths and a disarm wait for, and the earliest end of the one it confirmed.
The venue keeps one lease an account, the one it was asked for last (assumed: its documents do not say).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from deadman.model.facts import LeaseDenied, LeaseFact, LeaseGivenUp, LeaseGranted, LeasePresumed
from deadman.model.proof import Proof

HEARD_WITHIN = 30.0
"""Seconds after we gave a request up within which the venue may still carry it out. An assumption, since no venue
documents such a time: a gateway that cannot pass a request on drops it after half a minute at most."""

ANSWERED_WITHIN = 5.0
"""Seconds after which a request whose end nobody told counts as given up: no answer may take longer."""

SHORTEST = 1.0
"""Seconds of the shortest lease the venue grants: a request for that or less ends the lease, and renews nothing."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a lease of `ttl` seconds (0: to let it go) that no answer has settled; `times`: so many of them."""

    at: float
    ttl: float
    given_up_at: float | None = None
    times: int = 1

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

    @property
    def is_cut(self) -> bool:
        """Whether it ends the lease that it meets."""
        return 0 < self.ttl <= SHORTEST

    @property
    def puts_off(self) -> float:
        """Seconds by which, all told, a cut may put off the end of the lease that it meets."""
        return self.times * self.ttl if self.is_cut else 0.0


@dataclass(frozen=True, slots=True)
class Held:
    """What the venue held when it answered last: a lease of `ttl` seconds at most, surely until `sure_until`.

    That is -inf where by its answer there may be none. `put_off`: seconds by which cuts that are forgotten since may
    have put off its end. `is_cut`: whether it answered a request that was to end the lease it met.
    """

    asked_at: float
    answered_at: float
    ttl: float
    sure_until: float
    put_off: float = 0.0
    is_cut: bool = False

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
    def end_but_cuts(self) -> float:
        """As `end`, without the cuts that nobody answered: whoever waits for these waits for himself; -inf for none."""
        longer = max((one.end for one in self.asked if not one.is_cut), default=-inf)
        return max(longer, self.held.end) if self.held else longer

    @property
    def gone_by(self) -> float | None:
        """The latest end of the lease that the venue held when it answered last, however it is put off; None for none.

        A cut that is carried out after that end takes a lease anew, but brings no order back: so each unanswered one
        counts for the second that it may add, and not from when it may be heard at the latest. Else cuts that are
        repeated for as long as nobody answers would put off the end of their own trip for ever.
        """
        if self.held is None or self.end is None:
            return None
        put_off = self.held.put_off + sum(one.puts_off for one in self.asked)
        return min(self.end, self.end_but_cuts + put_off)

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
    def cut_until(self) -> float | None:
        """Until when an unsettled request may still end whatever lease is held then; None when there is none."""
        return max((one.heard_until for one in self.asked if one.ttl <= SHORTEST), default=None)

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
        end = self.gone_by
        if end is None or self.held is None or self.held.sure_until < since:
            return False
        return end <= now and (seen_at is None or seen_at < end)

    def after(self, fact: LeaseFact) -> Leases:
        match fact:
            case LeaseGranted(at=at, asked_at=asked_at, ttl=ttl, sure=sure):
                return self.misstated(fact) if sure is None else self.grant(at, asked_at, ttl, sure)
            case LeaseDenied(asked_at=asked_at):
                return replace(self, asked=self._without(asked_at))
            case LeaseGivenUp(at=at, asked_at=asked_at):
                return self.give_up(at, asked_at)
            case LeasePresumed(at=at, ttl=ttl, heard_until=heard_until):
                return self.presume(at, ttl, heard_until)

    def ask(self, at: float, ttl: float) -> Leases:
        """What is over is forgotten here, so that an outage of a day is remembered in a line."""
        open_still = tuple(one for one in self.asked if max(one.end, one.heard_until) > at)
        over = sum(one.puts_off for one in self.asked if one not in open_still)
        held = self.held and replace(self.held, put_off=self.held.put_off + over)
        return Leases((*open_still, Asked(at, ttl)), held)

    def grant(self, at: float, asked_at: float, ttl: float, sure: float) -> Leases:
        """The venue holds a lease of `ttl` at most, and for `sure` seconds from the asking at least."""
        left = self._may_follow(asked_at)
        undone = any(one.ttl < ttl for one in left)
        sure_until = asked_at if undone else asked_at + sure
        return Leases(left, Held(asked_at, at, ttl, sure_until, is_cut=self._was_cut(asked_at)))

    def misstated(self, answer: LeaseGranted) -> Leases:
        """The answer is not what we asked for: what was held before may be held still, for as long as it was.

        Either that or what is answered ends by the later of both; which of them it is does not matter to a death, as
        long as there surely is one.
        """
        at, asked_at, held = answer.at, answer.asked_at, self.held
        stood = held is not None and held.sure_until >= asked_at
        stands = answer.stands or (answer.stands is None and stood)
        before = held.end + held.put_off - at if held else 0.0
        left = self._may_follow(asked_at)
        sure_until, is_cut = asked_at if stands else -inf, self._was_cut(asked_at)
        return Leases(left, Held(asked_at, at, max(answer.ttl, before), sure_until, is_cut=is_cut))

    def prove(self, at: float, proof: Proof) -> Leases:
        """The answer is proof besides: its lease lasts for so long, unless something may yet undo it.

        Where it contradicts what was granted for the same asking, the longer of the two may be held.
        """
        if self.held is None or self.held.asked_at != proof.asked_at:
            return self.grant(at, proof.asked_at, proof.ttl, proof.ttl)
        sure = self.held.asked_at + self.lasting(proof)
        return replace(self, held=replace(self.held, ttl=max(self.held.ttl, proof.ttl), sure_until=sure))

    def give_up(self, at: float, asked_at: float) -> Leases:
        """Nobody waits for the answer any more. An earlier one given up for as long a lease says nothing besides."""
        over = [replace(one, given_up_at=at) for one in self.asked if one.is_open(asked_at)]
        lengths = {one.ttl for one in over}
        kept = [one for one in self._without(asked_at) if one.given_up_at is None or one.ttl not in lengths]
        merged = [one for one in self._without(asked_at) if one not in kept]
        times = {ttl: sum(one.times for one in (*merged, *over) if one.ttl == ttl) for ttl in lengths}
        return replace(self, asked=(*kept, *(replace(one, times=times[one.ttl]) for one in over)))

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

    def _was_cut(self, asked_at: float) -> bool:
        return any(one.is_cut for one in self.asked if one.is_open(asked_at))

    def _may_follow(self, asked_at: float) -> tuple[Asked, ...]:
        """What may be carried out after the request of that instant, which is answered."""
        return tuple(one for one in self._without(asked_at) if one.heard_until > asked_at)

    def _without(self, asked_at: float) -> tuple[Asked, ...]:
        return tuple(one for one in self.asked if not one.is_open(asked_at))
