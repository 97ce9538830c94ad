"""One account in few words: its state, and the two cells that say what a death would do. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deadman.spoken import instant, left, span

Told = Mapping[str, Any]
"""A part of the answer of `status` (contract, section 4)."""

VENUES: Mapping[str, str] = {"deribit": "Deribit", "sxbet": "SX Bet"}

_LABELS: Mapping[str, str] = {
    "exposed": "SWITCH OFF",
    "refused": "REJECTED BY VENUE",
    "waiting": "NO BOT YET, not armed",
}

_TONES: Mapping[str, str] = {"armed": "good", "degraded": "warn", "disarmed": "warn", "tripped": "warn"}


def alarming(account: Told) -> bool:
    """What exit codes count: wanted and not protected."""
    return bool(account["wanted"] and not account["protected"])


def unreachable(account: Told) -> bool:
    """No session though one is wanted, and the venue has not said no to us. What was let go is not dialled again."""
    if account["connected"] or account["trouble"] is None or account["phase"] in ("exposed", "refused"):
        return False
    return not _let_go(account)


def _let_go(account: Told) -> bool:
    """Whether nothing is asked of the venue any more; an old trouble then says nothing of now."""
    if account["phase"] == "disarmed":
        return bool(account["disarm"]["confirmed"])
    return account["venue"] == "sxbet" and account["phase"] in ("waiting", "tripped")


def state(account: Told, now: float) -> str:
    """The phase in people's words; `now` in Unix seconds."""
    label = _LABELS.get(account["phase"], account["phase"].upper())
    if account["protected"]:
        label = f"{label}, good for {left(account['margin'])}"
    observed = " (observed)" if account["observe"] else ""
    return f"{label}{_since(account, now)}{observed}"


def tone(account: Told) -> str:
    return "bad" if alarming(account) or account["phase"] == "refused" else _TONES.get(account["phase"], "calm")


def cell(fate: Told) -> str:
    """A fate, without its footnote."""
    match fate["orders"], fate["within"]:
        case "gone", None:
            return "being cancelled"
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
            presumed = "presumed " if account["trip"]["presumed"] else ""
            return f", {presumed}gone {instant(account['trip']['done_at'], now)}"
        case "disarmed" if not account["disarm"]["confirmed"]:
            return ", not confirmed"
        case "disarmed" if account["disarm"]["until"] is not None:
            return f" until {instant(account['disarm']['until'], now)}"
        case "expired" | "unverified":
            return f" since {instant(account['expiry'], now)}" if account["expiry"] else ""
        case "exposed" | "refused" if not account["protected"]:
            return f" since {instant(account['since'], now)}"
    return ""
