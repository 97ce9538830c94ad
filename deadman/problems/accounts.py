"""What is wrong with an account, and what to do about it. Pure."""

from __future__ import annotations

from deadman.facts import TRIP_PATIENCE
from deadman.problems.told import STALE, Problem, Told, Urgency, alarming, count_age, counted, unreachable, venue
from deadman.spoken import instant, left

_TRYING = "deadman keeps trying"


def account_problem(account: Told, dead: set[str], now: float) -> Problem | None:
    """None for an account about which nothing is to be done, or whose dead bot says it all."""
    match account["phase"]:
        case "tripping":
            return _tripping(account, dead, now)
        case "tripped":
            return _tripped(account, dead, now)
        case "exposed":
            words = f"the switch is off{_detail(account)}. Guard its orders by hand until it is armed again; {_TRYING}"
            return Problem(Urgency.UNGUARDED, words)
        case "refused":
            said = f"rejected by {venue(account)}{_detail(account)}"
            return Problem(Urgency.UNPROVEN, f"{said}. Check the key, its scopes and its list of addresses; {_TRYING}")
    return _left_open(account, dead, now) or _unproven(account, now)


def _left_open(account: Told, dead: set[str], now: float) -> Problem | None:
    """A dead bot's orders on an account that no silence trips."""
    bots = sorted(dead.intersection(account["watches"]))
    trips = account["on_trip"] != "none" and not account["observe"]
    if trips or not bots or (account["open_orders"] == 0 and (count_age(account, now) or 0.0) <= STALE):
        return None
    why = "deadman only observes here" if account["observe"] else "on_trip is none"
    orders = "its open orders are not counted" if account["open_orders"] is None else counted(account, now)
    words = f"nothing is cancelled for dead {' and '.join(bots)} ({why}), {orders}: cancel at {venue(account)} by hand"
    return Problem(Urgency.BY_HAND, words)


def _unproven(account: Told, now: float) -> Problem | None:
    if not alarming(account):
        return None
    lost = f", {venue(account)} cannot be reached" if unreachable(account) else ""
    match account["phase"]:
        case "expired":
            words = f"the lease ran out at {instant(account['expiry'], now)}: place no orders before it is armed again"
        case "unverified":
            words = f"not proven since {instant(account['expiry'], now)}: do not rely on the switch"
        case _:
            words = "not armed yet: bots should wait"
    return Problem(Urgency.UNPROVEN, f"{words}{lost}; {_TRYING}")


def _tripping(account: Told, dead: set[str], now: float) -> Problem | None:
    trip = account["trip"]
    if unreachable(account):
        return Problem(
            Urgency.BY_HAND, f"tripped, and deadman cannot cancel now: cancel at {venue(account)} by hand; {_TRYING}"
        )
    if account["connected"] and not account["trip_ready"]:
        return Problem(Urgency.BY_HAND, f"tripped, and the key may not cancel: cancel at {venue(account)} by hand")
    if lasting := _lasting(trip, now):
        return Problem(Urgency.STOP_IT, lasting)
    if _of_a_dead_bot(account, dead):
        return None
    return Problem(Urgency.UNDER_WAY, f"{pulled(trip)}, {_remaining(trip)}")


def _of_a_dead_bot(account: Told, dead: set[str]) -> bool:
    return account["trip"]["cause"] == "silence" and not dead.isdisjoint(account["watches"])


def _lasting(trip: Told, now: float) -> str:
    """Why a trip goes on and on, by what the venue listed round by round; nothing while it may still be short."""
    spent = now - trip["at"]
    if spent <= TRIP_PATIENCE or not trip["remaining"]:
        return ""
    orders = "order" if trip["remaining"] == 1 else "orders"
    open_still = f"{trip['remaining']} {orders} still open after {left(spent)}"
    if trip["fed"]:
        return f"{open_still}: something keeps placing them, stop it"
    if trip["resisting"]:
        because = f" ({trip['resists_because']})" if trip["resists_because"] else ""
        return f"{open_still}: the venue does not cancel {trip['resisting']} of them{because}, cancel them by hand"
    return f"{open_still}: cancel them by hand; {_TRYING}"


def _tripped(account: Told, dead: set[str], now: float) -> Problem | None:
    """An operator's trip is his own word that stands, and a dead bot is told of besides; new orders are neither's."""
    trip = account["trip"]
    if trip["cause"] == "operator":
        return None
    if account["open_orders"]:
        orders = f"{counted(account, now)} that nobody guards"
        return Problem(Urgency.UNGUARDED, f"{pulled(trip)}, and since then {orders}: stop what placed them")
    if _of_a_dead_bot(account, dead):
        return None
    return Problem(Urgency.UNDER_WAY, f"{pulled(trip)}, orders {'presumed ' if trip['presumed'] else ''}gone")


def pulled(trip: Told) -> str:
    reason = f" ({trip['reason']})" if trip["reason"] else ""
    match trip["cause"]:
        case "silence":
            return f"tripped by the silence of {trip['by']}"
        case "trigger":
            return f"tripped by {trip['by']} itself{reason}"
        case "stopping":
            return f"bot {trip['by']} said it stops"
    return f"tripped by {trip['by']}{reason}"


def _remaining(trip: Told) -> str:
    return "open orders not known yet" if trip["remaining"] is None else f"{trip['remaining']} open"


def _detail(account: Told) -> str:
    trouble = account["trouble"]
    words = (trouble["detail"] or trouble["reason"] or "") if trouble else ""
    return f" ({words.rstrip('.')})" if words else ""
