"""One line for every change of an account that somebody may have to act on, dated when it became true."""

from __future__ import annotations

import logging

from deadman.model.account import Standing
from deadman.model.board import Board, Listener
from deadman.model.facts import TRIP_PATIENCE
from deadman.model.guard import Phase
from deadman.model.text import instant
from deadman.model.trip import Gone
from deadman.status.report import standing_report
from deadman.status.schema import AccountReport
from deadman.status.vocabulary import explain, log_label, transition

_log = logging.getLogger(__name__)

_GRAVE = frozenset({Phase.EXPOSED, Phase.REFUSED, Phase.EXPIRED, Phase.UNVERIFIED})


def transitions(board: Board) -> Listener:
    """A listener for `board.listen`."""

    def listen(account: str, before: Standing, after: Standing) -> None:
        if fired := after.tally.fired - before.tally.fired:
            # No phase changes by it: the switch worked, and who lost the orders is a bot.
            told = f"the venue's own switch fired: {fired} of its orders went with their connection"
            fields = {"event": "venue_fired", "account": account, "orders": fired}
            _log.warning("%s: %s; positions are not closed", account, told, extra=fields)
        if after.guard.aside is not None and before.guard.taken_on_at != after.guard.taken_on_at is not None:
            # The name has come to stand for another account, or for one of which that is not known.
            told = "what was known of it belongs to another account, or may: it is kept aside and not acted upon"
            word = "; an operator's word by this name withholds it until `arm`" if after.guard.withheld else ""
            _log.warning("%s: %s%s", account, told, word, extra={"event": "set_aside", "account": account})
        if after.tally.gone_unseen > before.tally.gone_unseen and after.guard.book.gone:
            _log_gone(account, after.guard.book.gone, board)
        news = (_ran_out, _first_trouble, _endless)
        if after.phase is not before.phase or any(happened(before, after) for happened in news):
            at = board.clock.timestamp_of(after.seen_at)
            _log_change(account, before, after, standing_report(board, account, after), at)

    return listen


def _log_gone(account: str, gone: Gone, board: Board) -> None:
    """Whose doing it was nobody tells: a bot that lives may have cancelled its own while we did not look."""
    listed = instant(board.clock.timestamp_of(gone.listed_at), board.clock.timestamp())
    why = "the lease ran out in between" if gone.lapsed else "nobody watched them in between"
    told = f"{gone.orders} orders open at {listed} are gone, and not by us: {why}; positions are not closed"
    fields = {"event": "orders_gone_unseen", "account": account, "orders": gone.orders}
    _log.warning("%s: %s", account, told, extra=fields)


def _log_change(account: str, before: Standing, after: Standing, report: AccountReport, timestamp: float) -> None:
    """`timestamp` is when it became true, Unix seconds."""
    label, why = log_label(after.phase), explain(report, timestamp)
    if _endless(before, after):
        told, event = f"{label}, NOT finished after {TRIP_PATIENCE:.0f} s: {why}", "trip_unfinished"
    elif after.phase is not before.phase:
        told, event = transition(before.phase, report, timestamp), "transition"
    elif _ran_out(before, after):
        told, event = f"{label}, the last proof ran out: {why}", "proof_ran_out"
    else:
        trouble = report.trouble.words if report.trouble else ""
        told, event = f"{label}, in trouble{f' ({trouble})' if trouble not in why else ''}: {why}", "trouble"
    fields = {
        "event": event,
        "account": account,
        "phase": str(after.phase),
        "phase_before": str(before.phase),
        "protected": int(_protected(after)),
        "at": timestamp,
    }
    _log.log(level(before, after), "%s: %s", account, told, extra=fields)


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
