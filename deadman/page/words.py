"""What the page says of an account and of a bot, from the answer of `status`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from deadman import spoken
from deadman.problems.looks import account_look
from deadman.problems.told import Told, aged, alarming

Tone = Literal["good", "warn", "bad", "calm", "plain"]

_STATES: Mapping[str, tuple[str, str]] = {
    "connecting": ("CONNECTING", "No session with the venue yet."),
    "waiting": ("NO BOT YET, not armed", "No lease is taken before its bot checks in."),
    "arming": ("ARMING", "In session; the switch is not proven yet."),
    "armed": ("ARMED", ""),
    "degraded": ("DEGRADED", "The last proof stands, but its renewal failed or is late."),
    "expired": ("EXPIRED", "The lease ran out."),
    "unverified": ("UNVERIFIED", "The switch was on when last read; whether it still is, is unknown."),
    "exposed": ("SWITCH OFF", "By the venue's last word nothing would cancel the orders."),
    "refused": ("REJECTED BY VENUE", ""),
    "tripping": ("TRIPPING", ""),
    "tripped": ("TRIPPED", ""),
    "disarmed": ("DISARMED", ""),
}

_TO_DO: Mapping[str, str] = {
    "connecting": "Bots should wait; deadman keeps trying.",
    "arming": "Bots should wait; deadman keeps trying.",
    "expired": "Do not place orders before it is armed again; deadman keeps trying.",
    "unverified": "Do not rely on the switch before it is proven again; deadman keeps trying.",
    "exposed": "Guard these orders by hand until it is armed again; deadman keeps trying.",
    "refused": "Check the key, its scopes and the venue's list of addresses; deadman keeps trying.",
    "tripping": "Keep the bot down until its orders are gone.",
}


@dataclass(frozen=True, slots=True)
class Phrase:
    """Some words, the tone they are shown in, and a sentence that explains them."""

    words: str
    tone: Tone = "calm"
    because: str = ""


def state(account: Told, watches: Told, now: float) -> Phrase:
    """The phase in people's words, with what brought it; green only where nothing is worth a look."""
    words, because = _STATES.get(account["phase"], (str(account["phase"]).upper(), ""))
    if trip := account.get("trip"):
        because = _trip(trip, now)
    elif disarm := account.get("disarm"):
        because = _disarm(disarm, now)
    elif trouble := account.get("trouble"):
        because = _after(because, _trouble(trouble, now))
    observing = ", observing only" if account.get("observe") else ""
    return Phrase(words + observing, _tone(account, watches, now), because)


def to_do(account: Told) -> str:
    return _TO_DO.get(account["phase"], "") if alarming(account) else ""


def good_for(account: Told) -> str:
    return spoken.left(account["margin"]) if account["protected"] else "–"


def orders(account: Told, now: float) -> Phrase:
    """What has happened to the account's orders."""
    left = account["open_orders"]
    match account["phase"]:
        case "tripping" if trip := account.get("trip"):
            listed = "how many are left is not known" if trip["remaining"] is None else f"{trip['remaining']} left"
            return Phrase("being cancelled", "bad", f"Round {trip['rounds'] + 1}, {listed}.")
        case "tripped" if (trip := account.get("trip")) and not left:
            return _gone(account, trip, now)
        case "expired" if account.get("expiry") is not None and not _counted_since(account, account["expiry"]):
            if (account["lease_end"] or 0.0) > now:
                until = spoken.instant(account["lease_end"], now)
                return Phrase("not known", "warn", f"A renewal was not answered: a lease may run until {until}.")
            at = spoken.instant(account["expiry"], now)
            return Phrase("presumed cancelled", "warn", f"By the venue, when the lease ran out at {at}.")
    return Phrase("not counted" if left is None else f"{left} open{aged(account, now)}", "plain")


def fate(told: Told, protected: bool) -> Phrase:
    """What becomes of the orders after a death; green only where that rests on a proof, or has happened already."""
    match told["orders"], told["within"]:
        case "cancelling", within:
            ends = f", gone within {spoken.span(within)}" if within else ""
            return Phrase(f"being cancelled{ends}", "warn", told["because"])
        case "gone", 0 | 0.0:
            return Phrase("gone", "good", told["because"])
        case "gone", within if within:
            return Phrase(f"gone within {spoken.span(within)}", "good" if protected else "warn", told["because"])
        case "partly", _:
            return Phrase("partly gone", "warn", told["because"])
        case "stay", _:
            return Phrase("stay", "bad", told["because"])
        case _:
            return Phrase("unknown", "warn", told["because"])


def bot(watch: Told, now: float) -> Phrase:
    """Whether a trading process lives."""
    if hold := watch.get("hold"):
        until, reason = spoken.instant(hold["until"], now), f": {hold['reason']}" if hold["reason"] else ""
        return Phrase(f"on hold until {until}", "warn", f"By {hold['by']}{reason}. Its silence trips nothing.")
    if watch["alive"]:
        return Phrase("alive", "good")
    if watch.get("goodbye_at") is not None:
        return Phrase("stopped", "warn", f"It said so at {spoken.instant(watch['goodbye_at'], now)}.")
    if dead(watch):
        gone = f" Process {watch['pid']} is gone." if watch.get("process_gone") else ""
        return Phrase("DEAD", "bad", f"Silent for {spoken.left(watch.get('silence') or 0.0)}.{gone}")
    return Phrase("not up yet", "calm")


def dead(watch: Told) -> bool:
    """Up once, and silent beyond its timeout."""
    return not watch["alive"] and bool(watch.get("silent")) and not watch.get("hold")


def _tone(account: Told, watches: Told, now: float) -> Tone:
    if alarming(account):
        return "bad"
    if account["phase"] == "refused" or account_look(account, watches, now):
        return "warn"
    return "good" if account["phase"] == "armed" else "calm"


def _trip(trip: Told, now: float) -> str:
    reason = f" ({trip['reason']})" if trip["reason"] else ""
    return f"{trip['cause'].capitalize()}: {trip['by']}{reason}, {spoken.instant(trip['at'], now)}."


def _counted_since(account: Told, timestamp: float) -> bool:
    counted_at = account["open_orders_at"]
    return counted_at is not None and counted_at >= timestamp


def _gone(account: Told, trip: Told, now: float) -> Phrase:
    """Green over the venue's own empty list only."""
    at = f" at {spoken.instant(trip['done_at'], now)}" if trip["done_at"] is not None else ""
    how = "Presumed: the last lease ended." if trip["presumed"] else f"{trip['cancelled']} cancelled."
    listed = account["open_orders"] == 0
    since = "" if listed or trip["presumed"] else " Not counted since."
    gone = f"{'presumed ' if trip['presumed'] and not listed else ''}gone{at}"
    if only := account["cancels_only"]:
        return Phrase(f"selected {gone}", "warn", f"{how} Only {only}; others stay.{since} Positions are not closed.")
    return Phrase(gone, "good" if listed else "warn", f"{how}{since} Positions are not closed.")


def _disarm(disarm: Told, now: float) -> str:
    reason = f" ({disarm['reason']})" if disarm["reason"] else ""
    until = f", until {spoken.instant(disarm['until'], now)}" if disarm["until"] is not None else ""
    return f"By {disarm['by']}{reason} at {spoken.instant(disarm['at'], now)}{until}."


def _after(because: str, detail: str) -> str:
    """The venue's own words begin as they will, so they follow a colon."""
    if not because or not detail:
        return because or detail
    return f"{because.rstrip('.')}: {detail}"


def _trouble(trouble: Told, now: float) -> str:
    detail = (trouble["detail"] or trouble["reason"] or "").rstrip(".")
    return f"{detail} (since {spoken.instant(trouble['since'], now)})." if detail else ""
