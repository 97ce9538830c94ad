"""One line for every change of an account that somebody may have to act on, dated when it became true."""

from __future__ import annotations

import logging

from deadman.board import Board, Listener
from deadman.guard import Phase
from deadman.logs.meaning import label, meaning
from deadman.standing import Standing

_log = logging.getLogger(__name__)

_GRAVE = frozenset({Phase.EXPOSED, Phase.REFUSED, Phase.EXPIRED, Phase.UNVERIFIED})


def transitions(board: Board) -> Listener:
    """A listener for `board.listen` that logs each transition, and each proof that ran out under one."""

    def listen(account: str, before: Standing, after: Standing) -> None:
        if after.phase is not before.phase or (_protected(before) and not _protected(after)):
            why = meaning(board.configs[account], after, board.clock)
            log_transition(account, before, after, why, board.clock.timestamp_of(after.seen_at))

    return listen


def log_transition(account: str, before: Standing, after: Standing, why: str, timestamp: float) -> None:
    """`why` says what it means for the orders; `timestamp` is when it became true, Unix seconds."""
    if after.phase is before.phase:
        told, event = f"{label(after.phase)}, the last proof ran out", "proof_ran_out"
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


def level(before: Standing, after: Standing) -> int:
    """ERROR when nothing stands where something should, WARNING whenever protection ended, else INFO."""
    if after.phase in _GRAVE and after.alarming:
        return logging.ERROR
    if after.phase is Phase.TRIPPING or (_protected(before) and not _protected(after)):
        return logging.WARNING
    return logging.WARNING if after.phase is Phase.REFUSED else logging.INFO


def _protected(standing: Standing) -> bool:
    return standing.guard.protected(standing.seen_at)
