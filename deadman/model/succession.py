"""Who takes whose place: what becomes of a guard when its name comes to stand for another account. Pure.

A guard belongs to an account at the venue and not to a name. What is known of another account, or of one that may be
another, is set aside and never acted upon: nothing is cancelled, turned off or claimed by it. Where the venue tells
that it was this one all along, everything holds again. An operator's word by name withholds meanwhile: the other
account is neither armed nor cancelled until he lifts it.
"""

from __future__ import annotations

from dataclasses import replace

from deadman.model import facts
from deadman.model.drill import DrillBegun, DrillCleaned, DrillEnded
from deadman.model.facts import Cause, Fact
from deadman.model.guard import Guard
from deadman.model.identity import Identity, Relation
from deadman.model.leases import Leases


def fold(guard: Guard, fact: Fact) -> Guard:
    """The guard after one more fact, of whatever kind."""
    match fact:
        case facts.TakenOn(at=at, identity=identity, terms=terms):
            known = _taken_on(guard, identity, at)
            return replace(known, terms=known.sight.terms if known.sight and known.sight.terms else terms)
        case facts.Identified(at=at, account=account):
            return replace(guard, untold=True) if account is None else _identified(guard, account, at)
        case facts.Heard():
            return replace(guard, taken_on_at=None)
        case facts.Called(at=at):
            return replace(guard, called_at=at)
        case facts.Disarmed(at=at) | facts.Rearmed(at=at) | facts.Tripped(at=at, cause=Cause.OPERATOR):
            return replace(guard.post(fact), called_at=at)
        case DrillBegun() | DrillEnded() | DrillCleaned():
            return replace(guard, drills=guard.drills.after(fact))
        case _:
            return guard.post(fact)


def _taken_on(guard: Guard, identity: Identity, at: float) -> Guard:
    """An identity that the config alone tells: what the venue told of the same credential before still holds."""
    known, aside = guard.identity, guard.aside
    if known is None:
        return replace(guard, identity=identity)
    if known.is_of(identity):
        return replace(guard, unchecked=True, untold=False)
    if aside is not None and aside.identity is not None and aside.identity.is_of(identity):
        return _gone_back(guard, aside, aside.identity)
    if known.relation(identity) is Relation.SAME:
        return replace(guard, identity=identity, untold=False)
    return _set_aside(guard, identity, at)


def _identified(guard: Guard, account: str, at: float) -> Guard:
    known, aside = guard.identity, guard.aside
    if known is None:
        return guard
    identity = replace(known, account=account)
    if aside is not None and aside.identity is not None and aside.identity.relation(identity) is Relation.SAME:
        return _restored(guard, aside, identity) if known.account is None else _gone_back(guard, aside, identity)
    if known.relation(identity) is Relation.SAME:
        return replace(guard, identity=identity, unchecked=False)
    return _set_aside(guard, identity, at)


def _set_aside(guard: Guard, identity: Identity, at: float) -> Guard:
    """Start over as another account."""
    leases = Leases()
    if guard.leases.longest:
        leases = leases.after(facts.LeasePresumed(at, guard.leases.longest, at))
    kept = guard.aside if guard.aside is not None and not _is_worth_keeping(guard) else replace(guard, aside=None)
    fresh = Guard(guard.overdue_after, leases=leases, aside=kept, taken_on_at=at)
    return _with_word_of(guard, _as_it_runs_now(fresh, guard, identity))


def _restored(guard: Guard, aside: Guard, identity: Identity) -> Guard:
    """The account set aside was this one all along. What people said meanwhile is their later word."""
    before = replace(
        _as_it_runs_now(aside, guard, identity),
        unchecked=False,
        untold=guard.untold,
        trouble=guard.trouble or aside.trouble,
        proof=guard.proof or aside.proof,
        leases=aside.leases.joined(guard.leases),
        covered_since=guard.covered_since if guard.proof is not None else aside.covered_since,
        turned_on=guard.turned_on or aside.turned_on,
    )
    if guard.withheld or (guard.disarm is None and guard.trip is None):
        return before
    return replace(before, disarm=guard.disarm, disarm_confirmed=guard.disarm_confirmed, trip=guard.trip)


def _gone_back(guard: Guard, aside: Guard, identity: Identity) -> Guard:
    """The account set aside is in its place again; what was proven of it before is too old to be claimed."""
    other = replace(guard, aside=None) if _is_worth_keeping(guard) else None
    before = replace(_as_it_runs_now(retired(aside), guard, identity), aside=other)
    return before if guard.withheld or before.disarm is not None else _with_word_of(guard, before)


def moved_in(guard: Guard, before: Guard) -> Guard:
    """With what is known of this very account under the name that it had before.

    It goes by what was said of itself, and by what was said of its new name only where nothing was.
    """
    if guard.identity is None:
        return guard
    known = _restored(replace(guard, withheld=guard.disarm is not None), retired(before), guard.identity)
    kept = replace(known, aside=guard.aside)
    if guard.withheld and known.disarm is None and known.trip is None:
        return replace(kept, disarm=guard.disarm, disarm_confirmed=guard.disarm_confirmed, withheld=True)
    return kept


def _as_it_runs_now(before: Guard, guard: Guard, identity: Identity) -> Guard:
    """An earlier guard with the config and the session of the present one."""
    return replace(
        before,
        overdue_after=guard.overdue_after,
        provable=guard.provable,
        terms=guard.terms,
        identity=identity,
        session_at=guard.session_at,
        can_cancel=guard.can_cancel,
        awaited=guard.awaited,
    )


def retired(guard: Guard) -> Guard:
    """What outlives the keeping of this account: claims, sessions and counts do not."""
    return Guard(
        guard.overdue_after,
        identity=guard.identity,
        aside=guard.aside,
        withheld=guard.withheld,
        trip=guard.trip,
        disarm=guard.disarm,
        disarm_confirmed=guard.disarm_confirmed,
        leases=guard.leases,
        turned_on=guard.turned_on,
        switch=guard.switch,
        bots=guard.bots,
        taken_on_at=guard.taken_on_at,
        drills=guard.drills.resumed(),
    )


def _is_worth_keeping(guard: Guard) -> bool:
    own = guard.disarm is not None and not guard.withheld
    drill = guard.drills.under_way or guard.drills.left
    return own or guard.trip is not None or guard.turned_on or drill is not None


def _with_word_of(other: Guard, guard: Guard) -> Guard:
    """What an operator said of the other account of this name, a disarm or a trip, leaves this one alone.

    It may turn out to be the same one, by another key: then the word is in force again, as it was.
    """
    said = "said while this name stood for another key: nothing is armed or cancelled until `arm`"
    if other.disarm is not None:
        words = other.disarm.reason if other.withheld else "; ".join(filter(None, (other.disarm.reason, said)))
        word = replace(other.disarm, reason=words)
    elif other.trip is not None and other.trip.cause is Cause.OPERATOR:
        words = "; ".join(filter(None, ("tripped", other.trip.reason, said)))
        word = facts.Disarmed(other.trip.at, other.trip.by, words)
    else:
        return guard
    return replace(guard, disarm=word, disarm_confirmed=True, withheld=True)
