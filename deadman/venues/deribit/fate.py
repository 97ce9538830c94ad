"""Deribit: cancel-on-disconnect reaches the orders of each dropped connection; everything else is ours to cancel.

Source: docs.deribit.com, private/enable_cancel_on_disconnect. Our own session covers no order of a bot.
"""

from __future__ import annotations

from dataclasses import replace

from deadman.model.fate import Case, Fate
from deadman.model.guard import Phase
from deadman.venues.deribit.settings import DeribitAccount

DISARMED = Fate(
    "unknown",
    None,
    "Disarmed: deadman cancels nothing; connections opened while cancel-on-disconnect was on still carry it.",
)
"""Never `stay`: who disarms to keep orders must hear that open connections keep the switch they started with."""


def if_bot_dies(case: Case, account: DeribitAccount) -> Fate:
    """Our own cancel while we can; else what the bot's connections carry by themselves."""
    if case.phase is Phase.DISARMED:
        return DISARMED
    only = account.cancel.words
    if case.cleared and only:
        return Fate("partly", 0.0, f"Already cancelled, but only {only}.")
    if case.cleared:
        return Fate("gone", 0.0, "Already cancelled: Deribit listed no open order.")
    if case.phase is Phase.TRIPPING and case.guard.can_cancel:
        if only:
            return Fate("partly", None, f"Being cancelled now, but only {only}.")
        return Fate("cancelling", None, "Being cancelled now, until Deribit lists no open order.")
    if case.phase not in (Phase.TRIPPING, Phase.TRIPPED) and case.trips and case.guard.can_cancel:
        singly, count = "", case.guard.open_orders
        if account.cancel.one_by_one:  # the bound then depends on their number
            singly = ", one by one" if count is None else f", one by one: {count} were open when last counted"
        if only:
            return Fate("partly", case.bound(), f"deadman cancels only {only}{singly}.")
        return Fate("gone", case.bound(), f"deadman cancels once {case.names} is silent.")
    unable, fate = _unable(case), if_host_dies(case, account)
    return replace(fate, because=f"{unable} {fate.because}") if unable else fate


def if_host_dies(case: Case, account: DeribitAccount) -> Fate:
    """Nobody is left to cancel: only what the bot's own connections carry."""
    if case.phase is Phase.DISARMED:
        return DISARMED
    if case.found_off:
        words = "By Deribit's last word cancel-on-disconnect is off: new connections carry no switch."
        return Fate("stay", None, words)
    if case.stands:
        return _covered(case, account)
    if case.guard.proof is not None:
        since = case.times.told(case.guard.proof.asked_at)
        words = f"Cancel-on-disconnect was last proven on at {since}; whether it still is, unknown."
        return Fate("unknown", None, words)
    return Fate("unknown", None, "Whether cancel-on-disconnect is on is not proven yet.")


def _covered(case: Case, account: DeribitAccount) -> Fate:
    """The proof stands; what it means depends on how the orders are placed."""
    if account.orders_via == ("fix",):
        return Fate("unknown", None, "FIX orders follow the switch of their own Logon, which deadman cannot see.")
    if "websocket" not in account.orders_via:
        return Fate("stay", None, "Orders placed by REST belong to no connection: no disconnect cancels them.")
    since = case.times.told(case.guard.covered_since if case.guard.covered_since is not None else case.now)
    others = [via.upper() for via in ("rest", "fix") if via in account.orders_via]
    used = f" (and {' and '.join(others)} is used here)" if others else ""
    because = (
        f"Orders of WebSocket connections opened after {since} go when Deribit misses the bot's heartbeat. "
        f"REST, FIX, older: stay{used}."
    )
    return case.as_drilled(Fate("partly", None, because))


def _unable(case: Case) -> str:
    """Why deadman would not cancel: of several reasons the one that is hardest to change."""
    if case.account.observe:
        return "deadman only observes here and cancels nothing."
    if case.phase is Phase.TRIPPED:
        return "Tripped already: deadman cancels nothing that is placed before it re-arms."
    if case.phase is not Phase.TRIPPING and not case.trips:
        if not case.account.watches:
            return ""
        if case.account.on_trip == "none":
            return "on_trip is none: deadman cancels nothing."
        return f"{case.names} has not checked in: its silence trips nothing yet."
    if case.guard.session_at is None:
        return "deadman cannot cancel now: it has no session with Deribit, and tries again until it has."
    return "deadman cannot cancel here: its key lacks trade:read_write."
