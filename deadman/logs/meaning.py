"""What a phase means for the orders of an account, in a sentence for the log. Pure."""

from __future__ import annotations

from deadman import spoken
from deadman.clock import Clock
from deadman.config.schema import Account, DeribitAccount
from deadman.facts import TRIP_PATIENCE, Cause
from deadman.guard import Guard, Phase
from deadman.proof import Coverage
from deadman.standing import Standing
from deadman.trip import Trip

LABELS = {
    Phase.EXPOSED: "EXPOSED (switch off)",
    Phase.REFUSED: "REFUSED (rejected by the venue)",
    Phase.WAITING: "WAITING (no bot yet, not armed)",
}


def label(phase: Phase) -> str:
    return LABELS.get(phase, phase.upper())


def meaning(account: Account, standing: Standing, clock: Clock) -> str:
    """Why the account stands as it does and what becomes of its orders, as of `standing.seen_at`."""
    guard, now = standing.guard, standing.seen_at
    match standing.phase:
        case Phase.ARMED:
            return _armed(guard, now)
        case Phase.DEGRADED:
            return f"{_trouble(guard) or 'a renewal is overdue'}; the last proof is good for {_left(guard, now)}"
        case Phase.REFUSED:
            return f"{_trouble(guard)}; {_refused(guard, now)}"
        case Phase.EXPOSED:
            return f"{_trouble(guard)}: its orders stay if the bot or this host dies"
        case Phase.EXPIRED | Phase.UNVERIFIED:
            return _ran_out(guard, now, clock)
        case Phase.TRIPPING | Phase.TRIPPED:
            return _tripped(account, guard.trip, now) if guard.trip else ""
        case Phase.DISARMED:
            return _disarmed(guard, clock)
        case Phase.WAITING:
            open_now = f" ({guard.open_orders} when last counted)" if guard.open_orders else ""
            return f"no lease is taken before its bot checks in; orders open now stay{open_now}"
        case Phase.ARMING:
            return "the venue lets us in; nothing is proven yet"
        case Phase.CONNECTING:
            return f"{_trouble(guard) or 'no session yet'}; nothing is proven"


def _armed(guard: Guard, now: float) -> str:
    if guard.proof is not None and guard.proof.coverage is Coverage.LEASE:
        return f"the venue cancels its orders unless we renew; good for {_left(guard, now)}"
    return f"cancel-on-disconnect is proven on for connections opened from now on; good for {_left(guard, now)}"


def _refused(guard: Guard, now: float) -> str:
    if guard.protected(now):
        return f"the last proof is good for {_left(guard, now)}"
    return "nothing is proven: whether its orders would be cancelled is unknown"


def _ran_out(guard: Guard, now: float, clock: Clock) -> str:
    since = f"; {_trouble(guard)}" if _trouble(guard) else ""
    if guard.proof is None or guard.proof.coverage is Coverage.INHERITED:
        last = _told(guard.proof.asked_at, clock) if guard.proof else "never"
        return f"cancel-on-disconnect was last proven at {last}; whether it is still on is unknown{since}"
    ended = f"the lease ran out at {_told(guard.proof.expiry, clock)}"
    if guard.lease_end is not None and guard.lease_end > now:
        until = _told(guard.lease_end, clock)
        return f"{ended}, but one that is not proven may run until {until}{since}"
    return f"{ended}: its orders are presumed cancelled{since}"


def _tripped(account: Account, trip: Trip, now: float) -> str:
    pulled = f"{trip.cause} of {trip.by}" if trip.cause is not Cause.OPERATOR else f"by {trip.by}"
    reason = f" ({trip.reason})" if trip.reason else ""
    return f"{pulled}{reason}: {_fate(account, trip, now)}"


def _fate(account: Account, trip: Trip, now: float) -> str:
    if account.observe:
        return "we only observe here and cancel nothing"
    if trip.done_at is not None:
        how = "presumed gone, since the last lease ended" if trip.presumed else f"gone, {trip.cancelled} cancelled"
        only = account.cancel.words if isinstance(account, DeribitAccount) else ""
        return f"its orders are {how}{f' (only {only}, others stay)' if only else ''}; positions are not closed"
    if account.on_trip == "lapse" and trip.cause is not Cause.OPERATOR:
        return "renewals have stopped, the venue cancels its orders when the lease ends"
    if trip.remaining and now >= trip.at + TRIP_PATIENCE:
        return f"{trip.remaining} orders still open after {trip.rounds} rounds; {_why_open(trip, now)}"
    return "its orders are being cancelled"


def _why_open(trip: Trip, now: float) -> str:
    if trip.is_fed(now):
        return "something keeps placing them, stop it"
    if trip.resisting:
        return f"the venue would not cancel {trip.resisting} of them ({trip.words}); cancel them there by hand"
    return "cancel them at the venue by hand"


def _disarmed(guard: Guard, clock: Clock) -> str:
    if guard.disarm is None:
        return ""
    reason = f" ({guard.disarm.reason})" if guard.disarm.reason else ""
    until = f"until {_told(guard.disarm.until, clock)}" if guard.disarm.until is not None else "until `arm`"
    return f"by {guard.disarm.by}{reason}: nothing is renewed, repaired or tripped {until}"


def _trouble(guard: Guard) -> str:
    if guard.trouble is None:
        return ""
    return guard.trouble.detail or str(guard.trouble.reason or "the venue says no")


def _left(guard: Guard, now: float) -> str:
    return spoken.left(guard.margin(now))


def _told(at: float, clock: Clock) -> str:
    return spoken.instant(clock.timestamp_of(at), clock.timestamp())
