"""How far a command has come with an account, in words: nothing is called done that the venue has not confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from deadman.model.guard import Guard, Phase
from deadman.model.settings import Account
from deadman.model.text import Times, left
from deadman.model.trip import Trip
from deadman.status.vocabulary import TRYING, VOCABULARY, gone


@dataclass(frozen=True, slots=True)
class Outcome:
    done: bool
    words: str


def of_arm(_: Account, guard: Guard, times: Times) -> Outcome:
    """Armed is proven, or waiting for a bot that is not up."""
    phase = guard.phase(times.now)
    sentence = VOCABULARY[phase].sentence.format(
        venue="the venue", expiry=times.told(guard.proof.expiry) if guard.proof else ""
    )
    if guard.protected(times.now):
        word = "armed" if guard.sight is None else "stands by"
        return Outcome(True, f"{word}, good for {left(guard.margin(times.now))}")
    match phase:
        case Phase.WAITING if guard.sight is not None:
            return Outcome(True, f"stands by once it can: {guard.sight.awaits}")
        case Phase.WAITING:
            rest = f"; {guard.open_orders} orders open that nobody guards until then" if guard.open_orders else ""
            return Outcome(True, f"{sentence}: armed once it checks in{rest}")
        case Phase.TRIPPING:
            return Outcome(False, f"still being cancelled ({_open(guard.trip)}): arm it again once that is done")
        case Phase.DISARMED:
            return Outcome(False, f"{sentence} again meanwhile")
        case Phase.EXPOSED | Phase.REFUSED:
            return Outcome(False, f"{sentence}{_detail(guard)}")
    held = guard.leases.held
    undone_until = guard.leases.undone_until(held.ttl) if held else -inf
    if undone_until > times.now:
        rest = f": an unanswered request may still end the lease until {times.told(undone_until)}"
    else:
        rest = _detail(guard)
    return Outcome(False, f"not proven yet{rest}; {TRYING}")


def of_disarm(_: Account, guard: Guard, times: Times) -> Outcome:
    if guard.disarm is None:
        return Outcome(False, "armed or tripped again meanwhile")
    if guard.disarm_confirmed:
        until = guard.disarm.until
        return Outcome(True, "disarmed" if until is None else f"disarmed until {times.told(until)}")
    return Outcome(False, f"not confirmed by the venue{_lease(guard, times)}{_detail(guard)}; {TRYING}")


def of_trip(account: Account, guard: Guard, times: Times) -> Outcome:
    trip = guard.trip
    if trip is None:
        return Outcome(False, "armed or disarmed again meanwhile")
    if trip.done_at is None:
        return Outcome(False, f"{_open(trip)}{_lease(guard, times)}{_detail(guard)}; {TRYING}")
    return Outcome(True, gone(trip.cancelled, trip.presumed, account.selection.words))


def unwritten(fault: str | None) -> str:
    """What a change's answer ends with where the disk does not know of it; empty where it does."""
    return "" if fault is None else f"; a restart would forget this: the state cannot be written ({fault})"


def _open(trip: Trip | None) -> str:
    if trip is None or trip.remaining is None:
        return "open orders not known yet"
    return f"{trip.remaining} open after round {trip.rounds}"


def _lease(guard: Guard, times: Times) -> str:
    """Until when the venue may still hold a lease: what it may have heard counts."""
    end = guard.lease_end
    if end is None or end <= times.now:
        return ""
    surely = guard.leases.held is not None and guard.leases.heard_until <= times.now
    return f"; the lease ends at {times.told(end)}" if surely else f"; a lease may run until {times.told(end)}"


def _detail(guard: Guard) -> str:
    if guard.trouble is None:
        return ""
    return f": {guard.trouble.detail or guard.trouble.reason}"
