"""What there is to tell of each change of an account, dated when it became true: once, to log, history and webhook."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deadman.model.account import Standing
from deadman.model.board import Board, Event, Listener
from deadman.model.facts import TRIP_PATIENCE
from deadman.model.guard import Phase
from deadman.model.text import instant
from deadman.status.report import standing_report
from deadman.status.vocabulary import explain, log_label, transition

_log = logging.getLogger(__name__)

_GRAVE = frozenset({Phase.EXPOSED, Phase.REFUSED, Phase.EXPIRED, Phase.UNVERIFIED})


@dataclass(frozen=True, slots=True)
class Transition:
    """One thing to tell of an account. `text` begins with its name; `fields` are for the log alone."""

    event: str
    level: int
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)


def transitions(board: Board) -> Listener:
    """A listener for `board.listen` that logs, and keeps for `history`, what there is to tell."""

    def listen(account: str, before: Standing, after: Standing) -> None:
        for change in changes(board, account, before, after):
            at = board.clock.timestamp_of(after.seen_at)
            extra = {"event": change.event, "account": account, "at": at, **change.fields}
            _log.log(change.level, "%s", change.text, extra=extra)
            board.keep(Event(round(at, 3), change.event, change.text, account, None, before.phase, after.phase))

    return listen


def changes(board: Board, account: str, before: Standing, after: Standing) -> Iterator[Transition]:
    """Whatever somebody may have to act on; nothing for most changes."""
    if fired := after.tally.fired - before.tally.fired:
        # No phase changes by it: the switch worked, and who lost the orders is a bot.
        told = f"the venue's own switch fired: {fired} of its orders went with their connection"
        words = f"{account}: {told}; positions are not closed"
        yield Transition("venue_fired", logging.WARNING, words, {"orders": fired})
    if after.guard.aside is not None and before.guard.taken_on_at != after.guard.taken_on_at is not None:
        # The name has come to stand for another account, or for one of which that is not known.
        told = "what was known of it belongs to another account, or may: it is kept aside and not acted upon"
        word = "; an operator's word by this name withholds it until `arm`" if after.guard.withheld else ""
        yield Transition("set_aside", logging.WARNING, f"{account}: {told}{word}")
    if after.tally.gone_unseen > before.tally.gone_unseen and (gone := after.guard.book.gone):
        # Whose doing it was nobody tells: a bot that lives may have cancelled its own while we did not look.
        listed = instant(board.clock.timestamp_of(gone.listed_at), board.clock.timestamp())
        why = "the lease ran out in between" if gone.lapsed else "nobody watched them in between"
        told = f"{gone.orders} orders open at {listed} are gone, and not by us: {why}; positions are not closed"
        yield Transition("orders_gone_unseen", logging.WARNING, f"{account}: {told}", {"orders": gone.orders})
    if event := _event(before, after):
        yield _change(event, board, account, before, after)


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


def _change(event: str, board: Board, account: str, before: Standing, after: Standing) -> Transition:
    report, timestamp = standing_report(board, account, after), board.clock.timestamp_of(after.seen_at)
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
    protected = int(after.guard.protected(after.seen_at))
    fields = {"phase": str(after.phase), "phase_before": str(before.phase), "protected": protected}
    return Transition(event, level, f"{account}: {told}", fields)


def _protection_ended(before: Standing, after: Standing) -> bool:
    return before.guard.protected(before.seen_at) and not after.guard.protected(after.seen_at)
