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
        if event := _event(before, after):
            at = board.clock.timestamp_of(after.seen_at)
            _log_change(event, account, before, after, standing_report(board, account, after), at)

    return listen


def _log_gone(account: str, gone: Gone, board: Board) -> None:
    """Whose doing it was nobody tells: a bot that lives may have cancelled its own while we did not look."""
    listed = instant(board.clock.timestamp_of(gone.listed_at), board.clock.timestamp())
    why = "the lease ran out in between" if gone.lapsed else "nobody watched them in between"
    told = f"{gone.orders} orders open at {listed} are gone, and not by us: {why}; positions are not closed"
    fields = {"event": "orders_gone_unseen", "account": account, "orders": gone.orders}
    _log.warning("%s: %s", account, told, extra=fields)


def _event(before: Standing, after: Standing) -> str:
    """What there is to tell, the worst first; empty for nothing."""
    trip = after.guard.trip
    if trip and trip.done_at is None and before.seen_at < trip.at + TRIP_PATIENCE <= after.seen_at:
        return "trip_unfinished"  # something keeps placing orders, or the venue is out of reach
    if after.phase is not before.phase:
        return "transition"
    if _protection_ended(before, after):
        return "proof_ran_out"
    # A venue that never lets us in changes no phase, and has to be told of all the same; once, not at every try.
    return "trouble" if before.guard.trouble is None and after.guard.trouble is not None else ""


def _log_change(
    event: str, account: str, before: Standing, after: Standing, report: AccountReport, timestamp: float
) -> None:
    """`timestamp` is when it became true, Unix seconds."""
    label, why = log_label(after.phase), explain(report, timestamp)
    match event:
        case "trip_unfinished":
            told = f"{label}, NOT finished after {TRIP_PATIENCE:.0f} s: {why}"
        case "transition":
            told = transition(before.phase, report, timestamp)
        case "proof_ran_out":
            told = f"{label}, the last proof ran out: {why}"
        case _:
            trouble = report.trouble.words if report.trouble else ""
            told = f"{label}, in trouble{f' ({trouble})' if trouble not in why else ''}: {why}"
    if event == "trip_unfinished" or (after.phase in _GRAVE and after.alarming):
        level = logging.ERROR
    elif event == "trouble" or after.phase in (Phase.TRIPPING, Phase.REFUSED) or _protection_ended(before, after):
        level = logging.WARNING
    else:
        level = logging.INFO
    fields = {
        "event": event,
        "account": account,
        "phase": str(after.phase),
        "phase_before": str(before.phase),
        "protected": int(after.guard.protected(after.seen_at)),
        "at": timestamp,
    }
    _log.log(level, "%s: %s", account, told, extra=fields)


def _protection_ended(before: Standing, after: Standing) -> bool:
    return before.guard.protected(before.seen_at) and not after.guard.protected(after.seen_at)
