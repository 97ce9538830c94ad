"""One line for every change of an account that somebody may have to act on, dated when it became true."""

from __future__ import annotations

import logging

from deadman.model import text
from deadman.model.account import Standing
from deadman.model.board import Board, Listener
from deadman.model.clock import Clock
from deadman.model.duty import in_force
from deadman.model.facts import TRIP_PATIENCE, Cause
from deadman.model.guard import Guard, Phase
from deadman.model.proof import Coverage
from deadman.model.settings import Account
from deadman.model.trip import Gone, Trip

_log = logging.getLogger(__name__)

_GRAVE = frozenset({Phase.EXPOSED, Phase.REFUSED, Phase.EXPIRED, Phase.UNVERIFIED})


def transitions(board: Board) -> Listener:
    """A listener for `board.listen` that logs each transition, and under one: a proof that ran out, a first trouble."""

    def listen(account: str, before: Standing, after: Standing) -> None:
        if fired := after.tally.fired - before.tally.fired:
            _log_fired(account, fired)
        if _is_set_aside(before, after):
            _log_set_aside(account, after)
        if after.tally.gone_unseen > before.tally.gone_unseen and after.guard.book.gone:
            _log_gone(account, after.guard.book.gone, board)
        news = (_ran_out, _first_trouble, _endless)
        if after.phase is not before.phase or any(happened(before, after) for happened in news):
            why = meaning(in_force(board.configs[account], after.guard), after, board.clock)
            log_transition(account, before, after, why, board.clock.timestamp_of(after.seen_at))

    return listen


def _log_fired(account: str, orders: int) -> None:
    """No phase changes by it: the switch worked, and who lost the orders is a bot."""
    told = "the venue's own switch fired: %d of its orders went with their connection; positions are not closed"
    _log.warning(f"%s: {told}", account, orders, extra={"event": "venue_fired", "account": account, "orders": orders})


def _is_set_aside(before: Standing, after: Standing) -> bool:
    """Whether the name has come to stand for another account, or for one of which that is not known."""
    return after.guard.aside is not None and before.guard.taken_on_at != after.guard.taken_on_at is not None


def _log_set_aside(account: str, after: Standing) -> None:
    told = "what was known of it belongs to another account, or may: it is kept aside and not acted upon%s"
    word = "; an operator's word by this name withholds it until `arm`" if after.guard.withheld else ""
    _log.warning(f"%s: {told}", account, word, extra={"event": "set_aside", "account": account})


def _log_gone(account: str, gone: Gone, board: Board) -> None:
    """Whose doing it was nobody tells: a bot that lives may have cancelled its own while we did not look."""
    listed = text.instant(board.clock.timestamp_of(gone.listed_at), board.clock.timestamp())
    why = "the lease ran out in between" if gone.lapsed else "nobody watched them in between"
    told = f"{gone.orders} orders open at {listed} are gone, and not by us: {why}; positions are not closed"
    fields = {"event": "orders_gone_unseen", "account": account, "orders": gone.orders}
    _log.warning("%s: %s", account, told, extra=fields)


def log_transition(account: str, before: Standing, after: Standing, why: str, timestamp: float) -> None:
    """`why` says what it means for the orders; `timestamp` is when it became true, Unix seconds."""
    if _ran_out(before, after) and after.phase is before.phase:
        told, event = f"{label(after.phase)}, the last proof ran out", "proof_ran_out"
    elif _endless(before, after):
        told, event = f"{label(after.phase)}, NOT finished after {TRIP_PATIENCE:.0f} s", "trip_unfinished"
    elif after.phase is before.phase:
        told, event = f"{label(after.phase)}, in trouble{_of_which(after, why)}", "trouble"
    else:
        told, event = f"{before.phase.upper()} -> {label(after.phase)}", "transition"
    fields = {
        "event": event,
        "account": account,
        "phase": str(after.phase),
        "phase_before": str(before.phase),
        "protected": int(_protected(after)),
        "at": timestamp,
    }
    _log.log(level(before, after), "%s: %s: %s", account, told, why, extra=fields)


def _of_which(after: Standing, why: str) -> str:
    """The trouble itself, where `why` tells of something else: of a trip or a disarm, for instance."""
    trouble = after.guard.trouble
    words = (trouble.detail or str(trouble.reason or "")) if trouble else ""
    return f" ({words})" if words and words not in why else ""


def _ran_out(before: Standing, after: Standing) -> bool:
    return _protected(before) and not _protected(after)


def _first_trouble(before: Standing, after: Standing) -> bool:
    """A venue that never lets us in changes no phase, and has to be told of all the same; once, not at every try."""
    return before.guard.trouble is None and after.guard.trouble is not None


def _endless(before: Standing, after: Standing) -> bool:
    """A trip still under way when patience ends: something keeps placing orders, or the venue is out of reach."""
    trip = after.guard.trip
    if trip is None or trip.done_at is not None:
        return False
    return before.seen_at < trip.at + TRIP_PATIENCE <= after.seen_at


def level(before: Standing, after: Standing) -> int:
    """ERROR when nothing stands where something should, WARNING whenever protection ended, else INFO."""
    if (after.phase in _GRAVE and after.alarming) or _endless(before, after):
        return logging.ERROR
    if after.phase is Phase.TRIPPING or _ran_out(before, after):
        return logging.WARNING
    troubled = after.phase is Phase.REFUSED or (after.phase is before.phase and _first_trouble(before, after))
    return logging.WARNING if troubled else logging.INFO


def _protected(standing: Standing) -> bool:
    return standing.guard.protected(standing.seen_at)


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
            return _meaning_of_end(guard, now, clock)
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


def _meaning_of_end(guard: Guard, now: float, clock: Clock) -> str:
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
        only = account.selection.words
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
    return text.left(guard.margin(now))


def _told(at: float, clock: Clock) -> str:
    return text.instant(clock.timestamp_of(at), clock.timestamp())
