"""What is wrong with an account, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from deadman.model.facts import TRIP_PATIENCE
from deadman.model.text import instant, left
from deadman.venues import is_lease, title


def problems(answer: Told) -> list[str]:
    """Sentences; none when nothing needs anybody."""
    found = [*bot_problems(answer, set(dead_bots(answer))), *_gathered(account_problems(answer))]
    return [problem.words for problem in sorted(found, key=lambda problem: problem.urgency)]


def account_problems(answer: Told) -> dict[str, Problem]:
    """By account, for those that somebody must act on."""
    dead = set(dead_bots(answer))
    found = {name: account_problem(account, dead, answer["timestamp"]) for name, account in answer["accounts"].items()}
    return {name: problem for name, problem in found.items() if problem is not None}


def _gathered(found: Mapping[str, Problem]) -> Iterator[Problem]:
    """What is true of several accounts is said once of all."""
    names: dict[Problem, list[str]] = {}
    for name, problem in found.items():
        names.setdefault(problem, []).append(name)
    for problem, accounts in names.items():
        yield Problem(problem.urgency, f"{', '.join(accounts)}: {problem.words}")


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
            Urgency.BY_HAND,
            f"tripped, and deadman cannot cancel now: cancel at {venue(account)} by hand; {_TRYING}",
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


NAMED = 3
"""So many dead bots are told of one by one; of more, so many are named in one line: a host's death takes all of its."""


def dead_bots(answer: Told) -> Iterator[str]:
    """The bots that are dead and on which an account hangs that is not switched off; who said goodbye is not dead."""
    for name, watch in answer["watches"].items():
        hangs = any(
            name in account["watches"] and account["phase"] != "disarmed" for account in answer["accounts"].values()
        )
        if watch["silent"] and not watch["held"] and hangs:
            yield name


def bot_problems(answer: Told, dead: set[str]) -> Iterator[Problem]:
    """What is said of the dead ones."""
    if len(dead) <= NAMED:
        yield from (Problem(Urgency.DEAD_BOT, _one(name, answer["watches"][name])) for name in sorted(dead))
    else:
        yield Problem(Urgency.DEAD_BOT, _many(sorted(dead), [answer["watches"][name] for name in dead]))


def _one(name: str, watch: Told) -> str:
    process = "" if not watch["pid"] else f", pid {watch['pid']} {'gone' if watch['process_gone'] else 'still there'}"
    return f"bot {name} is dead: silent {left(watch['silence'] or 0.0)}{process}"


def _many(names: Sequence[str], watches: Sequence[Told]) -> str:
    silences = [watch["silence"] or 0.0 for watch in watches]
    gone = sum(bool(watch["process_gone"]) for watch in watches)
    processes = f", {gone} of their processes gone" if gone else ""
    named = f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    return f"bots {named} are dead: silent {left(min(silences))} to {left(max(silences))}{processes}"


Told = Mapping[str, Any]
"""A part of the answer of `status` (contract, section 4)."""

RECENT = 30.0
"""Seconds after which a count of orders is told with its age."""


STALE = 150.0
"""Seconds after which a count says nothing any more of an account whose orders nobody guards."""


class Urgency(IntEnum):
    """How soon somebody must act, the most urgent first."""

    BY_HAND = 0
    STOP_IT = 1
    UNGUARDED = 2
    DEAD_BOT = 3
    UNPROVEN = 4
    UNDER_WAY = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that somebody must act on, in a sentence that says what to do."""

    urgency: Urgency
    words: str


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
    return is_lease(account["venue"]) and account["phase"] in ("waiting", "tripped")


def venue(account: Told) -> str:
    return title(account["venue"])


def count_age(account: Told, now: float) -> float | None:
    """Seconds since the venue listed the open orders; None: not known."""
    counted_at = account["open_orders_at"]
    return None if counted_at is None or account["open_orders"] is None else max(0.0, now - counted_at)


def aged(account: Told, now: float) -> str:
    """The age of a count as it follows it; nothing for a recent one."""
    age = count_age(account, now)
    return f" ({left(age)} ago)" if age is not None and age > RECENT else ""


def counted(account: Told, now: float) -> str:
    """How many orders are open, as the venue listed them last, and when that was."""
    count = account["open_orders"]
    return f"{count} order{'' if count == 1 else 's'} open{aged(account, now)}"


def gathered(told: Mapping[str, str]) -> Iterator[str]:
    """What is said of several accounts is said once of all: a venue's outage may hit fifty."""
    names: dict[str, list[str]] = {}
    for name, words in told.items():
        names.setdefault(words, []).append(name)
    yield from (f"{', '.join(accounts)}: {words}" for words, accounts in names.items())
