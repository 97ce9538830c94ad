"""What `status` answers: all that is known and claimed, as JSON's own types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deadman import __version__
from deadman.model.board import Board
from deadman.model.duty import in_force, trip_ready
from deadman.model.facts import Disarmed
from deadman.model.fate import Case
from deadman.model.guard import Guard, Trouble
from deadman.model.settings import Account
from deadman.model.text import Times
from deadman.model.trip import Gone, Trip
from deadman.model.watch import Hold, Watch
from deadman.venues import VENUES


def account_report(
    account: Account, guard: Guard, since: float, watches: Mapping[str, Watch], times: Times
) -> dict[str, Any]:
    """Everything about one account, judged at `times.now`; `since` dates its phase (monotonic)."""
    venue = VENUES[account.venue]
    case = Case(account, guard, {name: watches[name] for name in account.watches if name in watches}, times)
    return {
        "venue": account.venue,
        "network": account.network,
        "observe": account.observe,
        "on_trip": account.on_trip,
        "cancels_only": account.selection.words or None,
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
        "if_bot_dies": asdict(venue.if_bot_dies(case, account)),
        "if_host_dies": asdict(venue.if_host_dies(case, account)),
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


def watch_report(watch: Watch, times: Times, directory: Path | None, is_gone: Callable[[int], bool]) -> dict[str, Any]:
    """`up`: it has checked in and no goodbye was acted upon; `silence`: in seconds.

    `silent`: up, and dead, but not of one whose goodbye a hold put off: that is about to be acted upon.
    """
    sender, up = watch.sender, watch.counted_from is not None and watch.goodbye_at is None
    return {
        "alive": watch.alive(times.now),
        "up": up,
        "silent": up and watch.stopping_at is None and not watch.alive(times.now),
        "goodbye_at": times.timestamp_or_none(watch.goodbye_at),
        "silence": _silence(watch, times.now),
        "timeout": watch.timeout,
        "last_check_in": times.timestamp_or_none(watch.last_check_in_at),
        "check_ins": watch.check_ins,
        "ignored": watch.ignored,
        "pid": sender.pid if sender else None,
        "uid": sender.uid if sender else None,
        "process_gone": sender is not None and is_gone(sender.pid),
        "status": watch.status,
        "held": watch.held(times.now),
        "hold": _hold(watch.hold, times) if watch.hold and watch.held(times.now) else None,
        "path": str(directory / f"{watch.name}.sock") if directory else None,
    }


def _silence(watch: Watch, now: float) -> float | None:
    """Since the last check-in of this run, else since silence is counted; None: it never was up."""
    heard = watch.last_check_in_at if watch.last_check_in_at is not None else watch.counted_from
    return None if heard is None else round(max(0.0, now - heard), 3)


def _hold(hold: Hold, times: Times) -> dict[str, Any]:
    return {"until": times.timestamp(hold.until), "by": hold.by, "reason": hold.reason}


def report(
    board: Board, watch_directory: Path | None = None, is_gone: Callable[[int], bool] = lambda pid: False
) -> dict[str, Any]:
    """The answer of `status` (contract, section 4), safe from any thread: instants in Unix seconds, spans in seconds.

    `watch_directory` is where the watches' sockets are, None: not told. `is_gone` says of a process id whether
    it is known to have ended; the safe side is False.
    """
    watches = board.watches()
    times = Times.of(board.clock)
    accounts = {
        name: account_report(
            in_force(board.configs[name], standing.guard), standing.guard, standing.since, watches, times
        )
        for name, standing in board.standings().items()
        if name in board.configs
    }
    return {
        "version": __version__,
        "timestamp": times.timestamp(times.now),
        "state_fault": board.state_fault,
        "accounts": accounts,
        "watches": {
            name: watch_report(watch, times, watch_directory, is_gone) for name, watch in sorted(watches.items())
        },
    }
