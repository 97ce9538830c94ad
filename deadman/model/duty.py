"""What a guard calls for, and how it is to be done. Pure: the keeper obeys it, the simulation asserts it."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto
from typing import assert_never

from deadman.model import facts
from deadman.model.errors import Reason, Refused, Setback, SwitchOff, VenueError
from deadman.model.facts import TRIP_PATIENCE, Cause, Fact
from deadman.model.guard import Guard
from deadman.model.settings import Account, OnTrip
from deadman.model.trip import Trip

CUT_AGAIN = 14.0
"""Seconds after a cut lease's end before the next cut, if orders are left: the venue's own delay is not documented."""

LAPSE_GRACE = 5.0
"""Seconds given to the venue after the end of the last lease it may hold before one is taken to end the orders: its own
delay is not documented. Where a lapse ends and its list cannot be read, nobody would see what it does meanwhile."""


class Duty(Enum):
    """What the guard calls for."""

    REST = auto()
    STAND_BY = auto()
    IDENTIFY = auto()
    PROVE = auto()
    CANCEL = auto()
    DISARM = auto()


def duty(guard: Guard, account: Account) -> Duty:
    """A setting is proven again once a trip is done: bots that come back need it. A lease is not taken again.

    An observed account is looked at, whatever anybody says. A witness proves nothing: it is there to cancel.
    """
    if guard.stranger:
        return Duty.IDENTIFY
    kept = Duty.PROVE if account.witness_of is None else Duty.STAND_BY
    if account.observe:
        return kept
    if guard.disarm is not None:
        return Duty.REST if guard.disarm_confirmed else Duty.DISARM
    if guard.trip is not None and guard.trip.done_at is None:
        return Duty.CANCEL
    if account.lease is None:
        return kept
    return Duty.REST if guard.awaited or guard.trip is not None or guard.drills.withholds else Duty.PROVE


def in_force(account: Account, guard: Guard) -> Account:
    """The account as it is kept now: a trip under way is carried to zero as it was begun, and only then observed.

    A witness cancels by the terms of its desk, once it has heard them.
    """
    if not guard.tripping or guard.trip is None:
        told = guard.sight.terms if guard.sight is not None and account.witness_of is not None else None
        return account if told is None else replace(account.under(told), observe=account.observe)
    terms = guard.trip.terms
    return replace(account, observe=False) if terms is None else account.under(terms)


def means(account: Account, cause: Cause) -> OnTrip:
    """How a trip cancels: as configured, but an operator's always by the strongest means there is."""
    if account.lease is None or cause is Cause.OPERATOR:
        return account.strongest_cancel
    return account.on_trip


def can_send(guard: Guard, method: OnTrip) -> bool | None:
    """Whether what this method sends can leave now; None where it sends nothing.

    Any session can cut a lease, also one whose key cancels nothing.
    """
    match method:
        case "cancel":
            return guard.can_cancel
        case "expire":
            return guard.session_at is not None
        case "lapse" | "none":
            return None
        case _:
            assert_never(method)


def trip_ready(guard: Guard, account: Account) -> bool:
    """Whether a trip, the one under way or else its bots' next, could be carried out now, if it sends anything."""
    method = means(account, guard.trip.cause) if guard.trip is not None else account.on_trip
    return account.observe or can_send(guard, method) is not False


def cancel_method(guard: Guard, account: Account, now: float) -> OnTrip:
    """How this round of the trip cancels; `lapse` where nothing is to be sent, but the list is to be read.

    Where a lease's end was to cancel, or the venue has no list to confirm a cancel by, and no lease can stand any more
    but the orders are not known to be gone, a lease of a second is taken to end them: a trip is carried to zero.
    """
    trip = guard.trip
    if trip is None or account.lease is None:
        return "cancel"
    method = means(account, trip.cause)
    cuts = method == "expire"
    if method == "lapse" or (method == "cancel" and trip.remaining is None):
        # Once no lease can stand any more, and the venue has had time to tell what is open, where it tells.
        unread = method == "lapse" and trip.rounds > 0 and trip.remaining is None
        cuts = now >= max(guard.leases.end_but_cuts, trip.at) + (0.0 if unread else LAPSE_GRACE)
    if not cuts:
        return method
    waiting: OnTrip = "cancel" if method == "cancel" else "lapse"
    return "expire" if _cut_is_due(guard, trip, account.lease, now) else waiting


def _cut_is_due(guard: Guard, trip: Trip, timeout: float, now: float) -> bool:
    """Once a trip, and again when the cut lease has had time to end: one taken anew saves the orders meanwhile.

    A renewal is no cut, though it was asked for after the silence by which the trip is dated.
    Not for ever where the list cannot be read and every answer names a long lease: only its end then ends the trip.
    """
    held = guard.leases.held
    if held is None or held.asked_at < trip.at or not held.is_cut:
        return True
    if trip.remaining is None and held.sure_until >= trip.at and now >= trip.at + TRIP_PATIENCE:
        return False
    return now >= min(held.end, held.answered_at + timeout) + CUT_AGAIN


def trip_pace(spent: float, took: float = 0.0) -> float:
    """Seconds until the next round of a trip that began `spent` seconds ago and whose last round `took` so many.

    After a minute hammering helps nobody, whether something keeps placing orders or some cannot be cancelled: half of
    the time at least the account's credits are left to others.
    """
    return 0.5 if spent < TRIP_PATIENCE else max(5.0, took)


def fact_of(error: Exception, now: float) -> Fact:
    """What a failure says about the account; after a bug of ours its session, if there was one, is lost."""
    match error:
        case Refused():
            return facts.TurnedAway(now, error.reason, error.detail)
        case SwitchOff():
            return facts.FoundOff(now, error.detail)
        case Setback():
            return facts.Failed(now, error.reason, error.detail)
        case VenueError():
            return facts.Lost(now, error.reason, error.detail)
        case _:
            return facts.Lost(now, Reason.CRASH, f"a bug in deadman: {type(error).__name__}")
