"""One account in few words: its state, and the two cells that say what a death would do. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from deadman.problems.looks import account_look
from deadman.problems.told import Told, alarming
from deadman.spoken import instant, left, span

_LABELS: Mapping[str, str] = {
    "exposed": "SWITCH OFF",
    "refused": "REJECTED BY VENUE",
    "waiting": "NO BOT YET, not armed",
}

_TONES: Mapping[str, str] = {"armed": "good", "degraded": "warn", "disarmed": "warn", "tripped": "warn"}


def state(account: Told, now: float) -> str:
    """The phase in people's words; `now` in Unix seconds."""
    label = _LABELS.get(account["phase"], account["phase"].upper())
    if account["protected"]:
        label = f"{label}, good for {left(account['margin'])}"
    observed = " (observed)" if account["observe"] else ""
    return f"{label}{_since(account, now)}{observed}"


def tone(account: Told, watches: Told, now: float) -> str:
    """Green only where nothing is worth a look."""
    if alarming(account) or account["phase"] == "refused":
        return "bad"
    return "warn" if account_look(account, watches, now) else _TONES.get(account["phase"], "calm")


def cell(fate: Told) -> str:
    """A fate, without its footnote."""
    match fate["orders"], fate["within"]:
        case "cancelling", within:
            return f"being cancelled, gone in {span(within)}" if within else "being cancelled"
        case "gone", None:
            return "unknown"  # no bound, no claim
        case "gone", within:
            return f"gone in {span(within)}" if within else "–"
        case "stay", _:
            return "STAY"
        case orders, _:
            return str(orders)
    return ""


def _since(account: Told, now: float) -> str:
    match account["phase"]:
        case "tripping":
            return f", round {account['trip']['rounds'] + 1}"
        case "tripped":
            return _ended(account, now)
        case "disarmed" if not account["disarm"]["confirmed"]:
            return ", not confirmed"
        case "disarmed" if account["disarm"]["until"] is not None:
            return f" until {instant(account['disarm']['until'], now)}"
        case "expired" | "unverified":
            return f" since {instant(account['expiry'], now)}" if account["expiry"] else ""
        case "exposed" | "refused" if not account["protected"]:
            return f" since {instant(account['since'], now)}"
    return ""


def _ended(account: Told, now: float) -> str:
    """`gone` is not said beside orders that are open now, nor of more than the trip selects."""
    trip = account["trip"]
    at = instant(trip["done_at"], now)
    if account["open_orders"]:
        return f" {at}, orders open again"
    presumed = "presumed " if trip["presumed"] else ""
    return f", {'selected ' if account['cancels_only'] else ''}{presumed}gone {at}"
