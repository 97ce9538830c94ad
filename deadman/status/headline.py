"""The first word of `status` and of the page, and what stands behind it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from deadman.model.facts import Cause
from deadman.model.guard import Phase
from deadman.model.text import instant, left, order_count
from deadman.status.problems import STALE, account_problems, gathered, problems
from deadman.status.schema import AccountReport, StatusReport, WatchReport
from deadman.status.vocabulary import VOCABULARY, Tone, counted, on_hold, sentence, signed, words_of
from deadman.status.witnesses import cluster_looks, desk_looks, witness_looks

GONE_TOLD = 3600.0
"""Seconds for which orders that went unseen are told of."""


class Verdict(StrEnum):
    ACT = "ACT"
    LOOK = "LOOK"
    FINE = "fine"


TONES: Mapping[Verdict, Tone] = {Verdict.ACT: "bad", Verdict.LOOK: "warn", Verdict.FINE: "good"}
"""Red, amber, green."""


@dataclass(frozen=True, slots=True)
class Headline:
    """`acts`: what somebody must do, most urgent first. `looks`: what is worth a look. `fine` needs neither.

    `tones`: of each account, wherever it is shown; green only where nothing is worth a look.
    """

    acts: tuple[str, ...]
    looks: tuple[str, ...]
    tones: Mapping[str, Tone]

    @property
    def verdict(self) -> Verdict:
        if self.acts:
            return Verdict.ACT
        return Verdict.LOOK if self.looks else Verdict.FINE


def headline(report: StatusReport) -> Headline:
    """Accounts that somebody must act on are not told of once more among the looks."""
    acted_on, accounts, now = account_problems(report), report.accounts, report.timestamp
    said = {name: ", ".join(_look(one, report, now)) for name, one in accounts.items()}
    told = {name: words for name, words in said.items() if words and name not in acted_on}
    looks = [f"still starting: {report.start}"] if report.start else []
    looks += [f"{names}: {words}" for names, words in gathered(told)]
    looks += [
        f"{'host' if watch.host else 'bot'} {name}: {on_hold(watch.hold, now)}"
        for name, watch in report.watches.items()
        if watch.hold
    ]
    looks += cluster_looks(report)
    looks += [report.state_lost] if report.state_lost else []
    if report.state_fault:
        looks.append(
            f"deadman cannot write its state ({report.state_fault}): a restart would forget the latest trips, disarms "
            "and holds. Mend the disk below state_directory before you restart it"
        )
    tones: dict[str, Tone] = {name: words_of(one).tone for name, one in accounts.items()}
    tones |= {name: "warn" for name, words in said.items() if words}
    tones |= {name: "bad" for name in acted_on if tones[name] == "good"}
    tones |= {name: "bad" for name, one in accounts.items() if one.alarming}
    return Headline(tuple(problems(report)), tuple(looks), tones)


def in_one_line(report: StatusReport) -> str:
    """The first word, and all that stands behind it."""
    told = headline(report)
    return f"{told.verdict}: {'; '.join((*told.acts, *told.looks)) or summary(report)}"


def summary(report: StatusReport) -> str:
    """How many accounts are protected, for how long at least, and how many wait for a bot."""
    accounts = report.accounts.values()
    margins = [account.margin for account in accounts if account.protected]
    parts = [f"{len(margins)} of {len(accounts)} accounts protected"]
    if margins:
        parts.append(f"good for {left(min(margins))}")
    if waiting := sum(account.phase is Phase.WAITING and account.witness_of is None for account in accounts):
        parts.append(f"{waiting} without a bot yet")
    return ", ".join(parts)


def next_end(report: StatusReport) -> str:
    """Which standing proof ends next unless it is renewed, and when; empty where none stands."""
    ends = {name: one.expiry for name, one in report.accounts.items() if one.protected and one.expiry is not None}
    if not ends:
        return ""
    name, expiry = min(ends.items(), key=lambda item: item[1])
    return f"the proof of {name} ends next, at {instant(expiry, report.timestamp)}"


def _look(account: AccountReport, report: StatusReport, now: float) -> Iterator[str]:
    """What is worth a look at one account; what is alarming is told in other words."""
    watches = report.watches
    if account.alarming:
        return
    if account.witness_of is not None:
        yield from witness_looks(account, now)
        yield from _said(account, watches)
        return
    yield from _borrowed(account, now)
    yield from desk_looks(account, report.cluster is not None, now)
    if account.wanted and not account.trip_ready:
        why = "its key may not cancel" if account.connected else f"no session with {account.venue_title}"
        yield f"a trip could not be carried out now ({why})"
    yield from _said(account, watches)
    if account.drilling:
        yield f"a drill of its switch is under way, by {account.drilling}"
    if account.drill_left:
        yield account.drill_left
    if account.unmet:
        yield f"armed without {' and '.join(account.unmet)}, which has not checked in yet: its silence trips nothing"
    yield from _resting(account, watches, now)
    if account.orders_unsure and account.protected:
        known = "orders open" if account.open_orders is None else counted(account, now)
        yield f"{known} when last watched, and not listed since: nobody knows what rests"
    gone = account.gone_unseen
    if gone and now < gone.at + GONE_TOLD:
        why = "its lease ran out" if gone.lapsed else "nobody watched them"
        orders = f"{order_count(gone.orders)} gone, and not by us"
        when = f"between {instant(gone.listed_at, now)} and {instant(gone.at, now)}"
        yield f"{orders}, {when} while {why}: see to the positions"


def _borrowed(account: AccountReport, now: float) -> Iterator[str]:
    """A claim that rests on the last proof, and why."""
    lost = f"{account.venue_title} cannot be reached" if account.unreachable else ""
    if account.phase is Phase.DEGRADED:
        why = lost or (account.trouble.words if account.trouble else sentence(account, now))
        yield f"{VOCABULARY[Phase.DEGRADED].meaning}: {why}"
    elif lost:
        yield lost


def _said(account: AccountReport, watches: Mapping[str, WatchReport]) -> Iterator[str]:
    """An operator's word that still stands, or what is kept of an account that had this name before."""
    if disarm := account.disarm:
        unconfirmed = "" if disarm.confirmed else ", not confirmed by the venue"
        yield f"disarmed by {signed(disarm.by, disarm.reason)}{unconfirmed}"
    elif account.phase is Phase.TRIPPED and account.trip and account.trip.cause is Cause.OPERATOR:
        # Only `arm` re-arms after it, and a bot may not know that nobody guards it.
        alive = [name for name in account.watches if name in watches and watches[name].alive]
        bots = f", but {' and '.join(alive)} {'lives' if len(alive) == 1 else 'live'} on"
        unguarded = f"{bots}, and what is placed now is not guarded: stop it, or `deadman arm`" if alive else ""
        yield f"tripped by {signed(account.trip.by, account.trip.reason)}{unguarded}"
    if account.set_aside:
        yield f"{account.set_aside} (`deadman arm` lets it go)"


def _resting(account: AccountReport, watches: Mapping[str, WatchReport], now: float) -> Iterator[str]:
    """Orders that nobody guards, or that nobody can rule out."""
    age = account.count_age(now)
    if account.open_orders:
        met = (name for name in account.watches if name not in account.unmet)
        absent = [name for name in met if name in watches and not watches[name].up]
        if not account.protected:
            yield f"{counted(account, now)} that nobody guards"
        elif absent:
            yield f"{counted(account, now)}, and {' and '.join(absent)} is not up: its silence trips nothing"
    elif account.phase is Phase.WAITING and (age is None or age > STALE):
        last = "not counted yet" if age is None else f"last counted {left(age)} ago"
        yield f"not armed, and whether orders rest is not known: {last}"
