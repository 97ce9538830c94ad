"""One account in the answer of `status`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from deadman.book import Gone
from deadman.config.schema import Account, DeribitAccount
from deadman.duty import trip_ready
from deadman.facts import Disarmed
from deadman.guard import Guard, Trouble
from deadman.report.deaths import if_bot_dies, if_host_dies
from deadman.report.fate import Case
from deadman.report.times import Times
from deadman.trip import Trip
from deadman.watch import Watch


def account_report(
    account: Account, guard: Guard, since: float, watches: Mapping[str, Watch], times: Times
) -> dict[str, Any]:
    """Everything about one account, judged at `times.now`; `since` dates its phase (monotonic)."""
    case = Case(account, guard, {name: watches[name] for name in account.watches if name in watches}, times)
    return {
        "venue": account.venue,
        "network": account.network,
        "observe": account.observe,
        "on_trip": account.on_trip,
        "cancels_only": (account.cancel.words or None) if isinstance(account, DeribitAccount) else None,
        **_judged(account, guard, times.now),
        "since": times.timestamp(since),
        **_proven(guard, times),
        **_counted(guard, times),
        "orders_unsure": guard.book.is_unsure,
        "gone_unseen": _gone(guard.book.gone, times) if guard.book.gone else None,
        "trouble": _trouble(guard.trouble, times) if guard.trouble else None,
        "trip": _trip(guard.trip, times) if guard.trip else None,
        "disarm": _disarm(guard.disarm, guard, times) if guard.disarm else None,
        "set_aside": _set_aside(guard),
        "watches": list(account.watches),
        "unmet": list(case.unmet),
        "if_bot_dies": asdict(if_bot_dies(case)),
        "if_host_dies": asdict(if_host_dies(case)),
    }


def _set_aside(guard: Guard) -> str | None:
    """What is kept of the account that this name stood for before, in words; None where there is none."""
    aside = guard.aside
    if aside is None:
        return None
    unfinished = aside.trip is not None and aside.trip.under_way
    word = (
        "a trip not carried to zero" if unfinished else "a trip" if aside.trip else "a disarm" if aside.disarm else ""
    )
    return f"kept of another account of this name, not acted upon: {word or 'what was proven of it'}"


def _judged(account: Account, guard: Guard, now: float) -> dict[str, Any]:
    return {
        "phase": str(guard.phase(now)),
        "protected": guard.protected(now),
        "wanted": guard.wanted(now),
        "can_cancel": guard.can_cancel,
        "trip_ready": trip_ready(guard, account),
        "connected": guard.session_at is not None,
        "margin": round(guard.margin(now), 3),
    }


def _proven(guard: Guard, times: Times) -> dict[str, Any]:
    proof = guard.proof
    return {
        "last_proof": times.timestamp(proof.asked_at) if proof else None,
        "expiry": times.timestamp(proof.expiry) if proof else None,
        "covered_since": times.timestamp_or_none(guard.covered_since),
        "lease_end": times.timestamp_or_none(guard.lease_end),
    }


def _counted(guard: Guard, times: Times) -> dict[str, Any]:
    """As the venue listed them last, and when; nobody knows while it cannot be reached, unless it told meanwhile."""
    trouble, counted_at = guard.trouble, guard.open_orders_at
    lost = guard.session_at is None and trouble is not None and (counted_at is None or counted_at <= trouble.at)
    count = None if lost else guard.open_orders
    return {
        "open_orders": count,
        "open_orders_at": None if count is None else times.timestamp_or_none(guard.open_orders_at),
    }


def _gone(gone: Gone, times: Times) -> dict[str, Any]:
    """Orders that were missed after a gap in which nobody watched them: when, and since which listing."""
    return {
        "at": times.timestamp(gone.at),
        "orders": gone.orders,
        "listed_at": times.timestamp(gone.listed_at),
        "lapsed": gone.lapsed,
    }


def _trouble(trouble: Trouble, times: Times) -> dict[str, Any]:
    """`reason` null: the venue answered, and the switch is off."""
    return {
        "reason": str(trouble.reason) if trouble.reason else None,
        "detail": trouble.detail,
        "since": times.timestamp(trouble.at),
    }


def _trip(trip: Trip, times: Times) -> dict[str, Any]:
    return {
        "at": times.timestamp(trip.at),
        "cause": str(trip.cause),
        "by": trip.by,
        "reason": trip.reason,
        "rounds": trip.rounds,
        "cancelled": trip.cancelled,
        "remaining": trip.remaining,
        "done_at": times.timestamp_or_none(trip.done_at),
        "presumed": trip.presumed,
        "resisting": trip.resisting,
        "resists_because": trip.words or None,
        "placed": trip.placed,
        "placed_at": times.timestamp_or_none(trip.placed_at),
        "fed": trip.is_fed(times.now),
    }


def _disarm(disarm: Disarmed, guard: Guard, times: Times) -> dict[str, Any]:
    return {
        "at": times.timestamp(disarm.at),
        "by": disarm.by,
        "reason": disarm.reason,
        "until": times.timestamp_or_none(disarm.until),
        "confirmed": guard.disarm_confirmed,
    }
