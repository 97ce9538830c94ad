"""What is wrong with an account, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from deadman.facts import TRIP_PATIENCE
from deadman.problems.told import VENUES, Told, alarming, gathered, unreachable
from deadman.spoken import instant, left

_TRYING = "deadman keeps trying"


def accounts(answer: Told, dead: set[str]) -> Iterator[str]:
    told = {name: _account(account, dead, answer["timestamp"]) for name, account in answer["accounts"].items()}
    yield from gathered({name: words for name, words in told.items() if words})


def _account(account: Told, dead: set[str], now: float) -> str:
    """Nothing for an account about which nothing is to be done, or its dead bot says it all."""
    match account["phase"]:
        case "tripping":
            return _tripping(account, dead, now)
        case "tripped":
            return _tripped(account)
        case "exposed":
            detail = _detail(account)
            return f"the switch is off{detail}. Guard its orders by hand until it is armed again; {_TRYING}"
        case "refused":
            said = f"rejected by {_venue(account)}{_detail(account)}"
            return f"{said}. Check the key, its scopes and its list of addresses; {_TRYING}"
    if not alarming(account):
        return ""
    lost = f", {_venue(account)} cannot be reached" if unreachable(account) else ""
    return f"{_unproven(account, now)}{lost}; {_TRYING}"


def _unproven(account: Told, now: float) -> str:
    match account["phase"]:
        case "expired":
            return f"the lease ran out at {instant(account['expiry'], now)}: place no orders before it is armed again"
        case "unverified":
            return f"not proven since {instant(account['expiry'], now)}: do not rely on the switch"
    return "not armed yet: bots should wait"


def _tripping(account: Told, dead: set[str], now: float) -> str:
    trip = account["trip"]
    spent = now - trip["at"]
    if unreachable(account):
        return f"tripped, and deadman cannot cancel now: cancel at {_venue(account)} by hand"
    if spent > TRIP_PATIENCE and trip["remaining"]:
        return f"{trip['remaining']} orders still open after {left(spent)}: something keeps placing them, stop it"
    if dead.intersection(account["watches"]) and trip["cause"] == "silence":
        return ""
    return f"{pulled(trip)}, {_remaining(trip)}"


def _tripped(account: Told) -> str:
    """A bot that pulled the switch itself has something to tell; an operator knows, and a dead bot is told of above."""
    trip = account["trip"]
    return f"{pulled(trip)}, orders gone" if trip["cause"] == "trigger" else ""


def pulled(trip: Told) -> str:
    reason = f" ({trip['reason']})" if trip["reason"] else ""
    match trip["cause"]:
        case "silence":
            return f"tripped by the silence of {trip['by']}"
        case "trigger":
            return f"tripped by {trip['by']} itself{reason}"
        case "stopping":
            return f"tripped since {trip['by']} stopped"
    return f"tripped by {trip['by']}{reason}"


def _remaining(trip: Told) -> str:
    return "open orders not known yet" if trip["remaining"] is None else f"{trip['remaining']} open"


def _detail(account: Told) -> str:
    trouble = account["trouble"]
    words = (trouble["detail"] or trouble["reason"] or "") if trouble else ""
    return f" ({words.rstrip('.')})" if words else ""


def _venue(account: Told) -> str:
    return VENUES.get(account["venue"], str(account["venue"]))
