"""What somebody must act on, and how: for each account and each dead bot, the most urgent first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

from deadman.model.facts import Cause
from deadman.model.guard import Phase
from deadman.model.text import instant, left
from deadman.status.schema import AccountReport, StatusReport, TripReport
from deadman.status.vocabulary import TRYING, counted, explain, lasting, pulled, sentence, words_of

NAMED = 3
"""So many dead bots are told of one by one; of more, so many are named in one line: a host's death takes all of its."""

STALE = 150.0
"""Seconds after which a count says nothing any more of an account whose orders nobody guards."""

T = TypeVar("T")


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


def problems(report: StatusReport) -> list[str]:
    """Sentences; none when nothing needs anybody."""
    found = list(_dead_bot_problems(report))
    for names, problem in gathered(account_problems(report)):
        found.append(Problem(problem.urgency, f"{names}: {problem.words}"))
    return [problem.words for problem in sorted(found, key=lambda problem: problem.urgency)]


def account_problems(report: StatusReport) -> dict[str, Problem]:
    """By account, for those that somebody must act on."""
    dead, now = set(dead_bots(report)), report.timestamp
    found = {name: _account_problem(account, dead, now) for name, account in report.accounts.items()}
    return {name: problem for name, problem in found.items() if problem is not None}


def gathered(said: Mapping[str, T]) -> Iterator[tuple[str, T]]:
    """What is said of several accounts once for all of them: a venue's outage may hit fifty."""
    names: dict[T, list[str]] = {}
    for name, one in said.items():
        names.setdefault(one, []).append(name)
    yield from ((", ".join(accounts), one) for one, accounts in names.items())


def _account_problem(account: AccountReport, dead: set[str], now: float) -> Problem | None:
    """None for an account about which nothing is to be done, or whose dead bot says it all."""
    if account.phase is Phase.TRIPPING and account.trip:
        return _tripping(account, account.trip, dead, now)
    if account.phase is Phase.TRIPPED and account.trip:
        return _tripped(account, account.trip, dead, now)
    refused = account.phase in (Phase.EXPOSED, Phase.REFUSED)
    if not refused and (left_open := _left_open(account, dead, now)):
        return left_open
    if not account.alarming and not refused:
        return _drilled(account, now)
    detail = f" ({account.trouble.words})" if account.trouble else ""
    detail = f", {account.venue_title} cannot be reached" if account.unreachable else detail
    if account.sight is not None and not refused:
        words = f"{sentence(account, now)}: {explain(account, now)}. {words_of(account).advice}; {TRYING}"
        return Problem(Urgency.UNPROVEN, words)
    words = f"{sentence(account, now)}{detail}. {words_of(account).advice}; {TRYING}"
    return Problem(Urgency.UNGUARDED if account.phase is Phase.EXPOSED else Urgency.UNPROVEN, words)


def _drilled(account: AccountReport, now: float) -> Problem | None:
    """A switch that was tried and not seen to fire, until it is."""
    drill = account.drill
    if drill is None or drill.passed:
        return None
    words = f"its switch was not seen to fire in the drill of {instant(drill.at, now)}: {drill.why}"
    left = f" {account.drill_left[0].upper()}{account.drill_left[1:]}." if account.drill_left else ""
    advice = f"Trade as if there were none, ask {account.venue_title}, drill again"
    return Problem(Urgency.UNGUARDED, f"{words}.{left} {advice}")


def _left_open(account: AccountReport, dead: set[str], now: float) -> Problem | None:
    """A dead bot's orders on an account that no silence trips."""
    bots = sorted(dead.intersection(account.watches))
    trips = account.on_trip != "none" and not account.observe
    if trips or not bots or (account.open_orders == 0 and (account.count_age(now) or 0.0) <= STALE):
        return None
    why = "deadman only observes here" if account.observe else "on_trip is none"
    orders = "its open orders are not counted" if account.open_orders is None else counted(account, now)
    words = f"nothing is cancelled for dead {' and '.join(bots)} ({why}), {orders}"
    return Problem(Urgency.BY_HAND, f"{words}: cancel at {account.venue_title} by hand")


def _tripping(account: AccountReport, trip: TripReport, dead: set[str], now: float) -> Problem | None:
    by_hand = f"cancel at {account.venue_title} by hand"
    if account.unreachable:
        return Problem(Urgency.BY_HAND, f"tripped, and deadman cannot cancel now: {by_hand}; {TRYING}")
    if account.connected and not account.trip_ready:
        return Problem(Urgency.BY_HAND, f"tripped, and the key may not cancel: {by_hand}")
    if why := lasting(trip, now):
        return Problem(Urgency.STOP_IT, why)
    if _is_told_by_its_bot(account, trip, dead):
        return None
    remaining = "open orders not known yet" if trip.remaining is None else f"{trip.remaining} open"
    return Problem(Urgency.UNDER_WAY, f"{pulled(trip.cause, trip.by, trip.reason)}, {remaining}")


def _tripped(account: AccountReport, trip: TripReport, dead: set[str], now: float) -> Problem | None:
    """An operator's trip is his own word that stands, and a dead bot is told of besides; new orders are neither's."""
    if trip.cause is Cause.OPERATOR:
        return None
    cause = pulled(trip.cause, trip.by, trip.reason)
    if account.open_orders:
        orders = f"{counted(account, now)} that nobody guards"
        return Problem(Urgency.UNGUARDED, f"{cause}, and since then {orders}: stop what placed them")
    if _is_told_by_its_bot(account, trip, dead):
        return None
    return Problem(Urgency.UNDER_WAY, f"{cause}, orders {'presumed ' if trip.presumed else ''}gone")


def _is_told_by_its_bot(account: AccountReport, trip: TripReport, dead: set[str]) -> bool:
    return trip.cause is Cause.SILENCE and not dead.isdisjoint(account.watches)


def dead_bots(report: StatusReport) -> list[str]:
    """The bots that are dead and on which an account hangs that is not switched off; who said goodbye is not dead."""
    guarded = [account for account in report.accounts.values() if account.phase is not Phase.DISARMED]
    needed = {name for account in guarded for name in account.watches}
    dead = {name for name, watch in report.watches.items() if watch.silent and not watch.held}
    return sorted(dead & needed)


def _dead_bot_problems(report: StatusReport) -> Iterator[Problem]:
    names = dead_bots(report)
    watches = [report.watches[name] for name in names]
    if len(names) <= NAMED:
        for name, watch in zip(names, watches, strict=True):
            process = f", pid {watch.pid} {'gone' if watch.process_gone else 'still there'}" if watch.pid else ""
            yield Problem(Urgency.DEAD_BOT, f"bot {name} is dead: silent {left(watch.silence or 0.0)}{process}")
        return
    silences, ended = [watch.silence or 0.0 for watch in watches], sum(watch.process_gone for watch in watches)
    processes = f", {ended} of their processes gone" if ended else ""
    named = f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    silent = f"silent {left(min(silences))} to {left(max(silences))}"
    yield Problem(Urgency.DEAD_BOT, f"bots {named} are dead: {silent}{processes}")
