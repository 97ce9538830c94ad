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
    """A request for a lease of `ttl` seconds (0: to let it go) that no answer has settled.

    Attributes:
        heard_until: the latest instant at which the venue may carry it out.
        is_open: whether its answer is still waited for.
        times: how many requests of the same length it stands for, all given up.
    """

    at: float
    ttl: float
    heard_until: float
    is_open: bool = True
    times: int = 1

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
    def let_go(self) -> bool:
        """Whether the venue confirmed a 0, asked when nothing before it could be carried out any more."""
        held = self.held
        if held is None or held.ttl or held.sure_until < held.asked_at:
            return False
        return all(one.heard_until <= held.asked_at for one in self.asked if one.ttl)

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

        A cut that is carried out after that end takes a lease anew, but brings no order back: so each unanswered one
        counts for the second that it may add, and not from when it may be heard at the latest. Else cuts that are
        repeated for as long as nobody answers would put off the end of their own trip for ever.
        Orders that no lease covered rest on, and so may those that were seen (last at `seen_at`) after its end: only
        the venue's own list tells that these are gone.
        """
        if self.end is None or self.held is None or self.held.sure_until < since:
            return False
        put_off = self.held.put_off + sum(one.puts_off for one in self.asked)
        end = min(self.end, self.end_but_cuts + put_off)
        return end <= now and (seen_at is None or seen_at < end)

    def ask(self, at: float, ttl: float) -> Leases:
        """What is over is forgotten here, so that an outage of a day is remembered in a line."""
        kept = tuple(one for one in self.asked if max(one.end, one.heard_until) > at)
        over = sum(one.puts_off for one in self.asked if one not in kept)
        held = self.held and replace(self.held, put_off=self.held.put_off + over)
        return Leases((*kept, Asked(at, ttl, at + ANSWERED_WITHIN + HEARD_WITHIN)), held)

    def after(self, fact: LeaseFact) -> Leases:
        match fact:
            case LeaseGranted():
                return self._granted(fact)
            case LeaseDenied(asked_at=asked_at):
                return replace(self, asked=self._without(asked_at))
            case LeaseGivenUp(at=at, asked_at=asked_at):
                return self._given_up(at, asked_at)
            case LeasePresumed(at=at, ttl=ttl, heard_until=heard_until):
                return replace(self, asked=(*self.asked, Asked(at, ttl, heard_until, is_open=False)))

    def _granted(self, answer: LeaseGranted) -> Leases:
        """Where the answer is not what we asked for, what was held before may be held still, for as long as it was.

        Either that or what is answered ends by the later of both; which of them it is does not matter to a death, as
        long as there surely is one.
        """
        at, asked_at, ttl, held = answer.at, answer.asked_at, answer.ttl, self.held
        may_follow = tuple(one for one in self._without(asked_at) if one.heard_until > asked_at)
        is_cut = any(one.is_cut for one in self.asked if one.is_open and one.at == asked_at)
        if answer.sure is not None:
            undone = any(one.ttl < ttl for one in may_follow)
            sure_until = asked_at if undone else asked_at + answer.sure
        else:
            stood = held is not None and held.sure_until >= asked_at
            sure_until = asked_at if answer.stands or (answer.stands is None and stood) else -inf
            ttl = max(ttl, held.end + held.put_off - at if held else 0.0)
        return Leases(may_follow, Held(asked_at, at, ttl, sure_until, is_cut=is_cut))

    def prove(self, at: float, proof: Proof) -> Leases:
        """The answer is proof besides: its lease lasts for so long, unless something may yet undo it.

        Where it contradicts what was granted for the same asking, the longer of the two may be held.
        """
        if self.held is None or self.held.asked_at != proof.asked_at:
            return self.after(LeaseGranted(at, proof.asked_at, proof.ttl, proof.ttl))
        sure = self.held.asked_at + self.lasting(proof)
        return replace(self, held=replace(self.held, ttl=max(self.held.ttl, proof.ttl), sure_until=sure))

    def _given_up(self, at: float, asked_at: float) -> Leases:
        """Nobody waits for the answer any more. An earlier one given up for as long a lease says nothing besides."""
        others = self._without(asked_at)
        over = [replace(one, heard_until=at + HEARD_WITHIN, is_open=False) for one in self.asked if one not in others]
        lengths = {one.ttl for one in over}
        merged = [one for one in others if not one.is_open and one.ttl in lengths]
        times = {ttl: sum(one.times for one in (*merged, *over) if one.ttl == ttl) for ttl in lengths}
        kept = [one for one in others if one not in merged]
        return replace(self, asked=(*kept, *(replace(one, times=times[one.ttl]) for one in over)))

    def joined(self, later: Leases) -> Leases:
        """What is known of one account from two places, the second the later one."""
        return Leases((*self.asked, *later.asked), later.held or self.held)

    def _without(self, asked_at: float) -> tuple[Asked, ...]:
        """All but the request of that instant, if it is still waited for."""
        return tuple(one for one in self.asked if not (one.is_open and one.at == asked_at))
