"""What is worth a look though nothing is lost yet: borrowed time, trips that could not be carried out, orders that
nobody guards, and what people have said. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from deadman.model.text import instant, left
from deadman.status.problems import (
    STALE,
    Told,
    account_problems,
    alarming,
    count_age,
    counted,
    gathered,
    problems,
    unreachable,
    venue,
)


class Verdict(StrEnum):
    ACT = "ACT"
    LOOK = "LOOK"
    FINE = "fine"

    @property
    def tone(self) -> str:
        """Red, amber, green."""
        return TONES[self]


TONES: Mapping[Verdict, str] = {Verdict.ACT: "bad", Verdict.LOOK: "warn", Verdict.FINE: "good"}


@dataclass(frozen=True, slots=True)
class Headline:
    """`acts`: what somebody must do, most urgent first. `looks`: what is worth a look. `fine` needs neither."""

    acts: tuple[str, ...]
    looks: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        if self.acts:
            return Verdict.ACT
        return Verdict.LOOK if self.looks else Verdict.FINE


def headline(answer: Told) -> Headline:
    return Headline(tuple(problems(answer)), tuple(looks(answer, account_problems(answer))))


def fine(answer: Told) -> str:
    """What is said where all is well: how many accounts are protected, for how long at least, and which wait."""
    accounts = list(answer["accounts"].values())
    margins = [account["margin"] for account in accounts if account["protected"]]
    good = f"{len(margins)} of {len(accounts)} accounts protected"
    waiting = sum(account["phase"] == "waiting" for account in accounts)
    rest = [f"{waiting} without a bot yet"] if waiting else []
    return ", ".join([good, *([f"good for {left(min(margins))}"] if margins else []), *rest])


GONE_TOLD = 3600.0
"""Seconds for which orders that went unseen are told of."""


def looks(answer: Told, acted_on: Collection[str]) -> list[str]:
    """Sentences; none where nothing is worth a look. Accounts that somebody must act on are told of there."""
    now, accounts = answer["timestamp"], answer["accounts"]
    rest = {name: account for name, account in accounts.items() if name not in acted_on}
    told = {name: account_look(account, answer["watches"], now) for name, account in rest.items()}
    return [
        *gathered({name: words for name, words in told.items() if words}),
        *_held(answer, now),
        *_state(answer),
    ]


def account_look(account: Told, watches: Told, now: float) -> str:
    """One account, nothing where all is well with it; what is alarming has been told in other words."""
    if alarming(account):
        return ""
    parts = [
        *_borrowed(account),
        *_unable(account),
        *_said(account, watches),
        *_unmet(account),
        *_resting(account, watches, now),
        *_unsure(account, now),
        *_gone_unseen(account, now),
    ]
    return ", ".join(parts)


def _borrowed(account: Told) -> Iterator[str]:
    trouble = account["trouble"]
    detail = ((trouble["detail"] or trouble["reason"] or "") if trouble else "").rstrip(".")
    why = f"{venue(account)} cannot be reached" if unreachable(account) else detail or "a renewal is overdue"
    if account["phase"] == "degraded":
        yield f"rests on its last proof alone: {why}"
    elif unreachable(account):
        yield why


def _unable(account: Told) -> Iterator[str]:
    if account["wanted"] and not account["trip_ready"]:
        why = "its key may not cancel" if account["connected"] else f"no session with {venue(account)}"
        yield f"a trip could not be carried out now ({why})"


def _said(account: Told, watches: Told) -> Iterator[str]:
    """An operator's word that still stands, or what is kept of an account that had this name before."""
    if disarm := account["disarm"]:
        yield f"disarmed by {_by(disarm)}{'' if disarm['confirmed'] else ', not confirmed by the venue'}"
    elif account["phase"] == "tripped" and account["trip"]["cause"] == "operator":
        yield f"tripped by {_by(account['trip'])}{_traded(account, watches)}"
    if account["set_aside"]:
        yield f"{account['set_aside']} (`deadman arm` lets it go)"


def _traded(account: Told, watches: Told) -> str:
    """After an operator's trip only `arm` re-arms, and a bot may not know that nobody guards it."""
    alive = [watch for watch in account["watches"] if watches.get(watch, {}).get("alive")]
    if not alive:
        return ""
    bots = f"{' and '.join(alive)} {'lives' if len(alive) == 1 else 'live'} on"
    return f", but {bots}, and what is placed now is not guarded: stop it, or `deadman arm`"


def _unmet(account: Told) -> Iterator[str]:
    """Watches that a reload has added to a lease that is kept, so that nobody takes them for ones that guard it."""
    if account.get("unmet"):
        yield f"armed without {' and '.join(account['unmet'])}, which has not checked in yet: its silence trips nothing"


def _resting(account: Told, watches: Told, now: float) -> Iterator[str]:
    """Orders that nobody guards, or that nobody can rule out."""
    age = count_age(account, now)
    if account["open_orders"]:
        if not account["protected"]:
            yield f"{counted(account, now)} that nobody guards"
        elif absent := [name for name in _met(account) if not watches.get(name, {}).get("up", True)]:
            yield f"{counted(account, now)}, and {' and '.join(absent)} is not up: its silence trips nothing"
    elif account["phase"] == "waiting" and (age is None or age > STALE):
        last = "not counted yet" if age is None else f"last counted {left(age)} ago"
        yield f"not armed, and whether orders rest is not known: {last}"


def _met(account: Told) -> list[str]:
    return [name for name in account["watches"] if name not in account.get("unmet", ())]


def _unsure(account: Told, now: float) -> Iterator[str]:
    """Until they are listed once more, nobody knows what an absence has left of the orders that rested before it."""
    if account.get("orders_unsure") and account["protected"]:
        yield f"{counted(account, now)} before nobody watched them, and not listed since: nobody knows what rests"


def _gone_unseen(account: Told, now: float) -> Iterator[str]:
    """For as long as somebody may come to look; who cancelled them the venue does not tell."""
    gone = account["gone_unseen"]
    if gone and now < gone["at"] + GONE_TOLD:
        why = "its lease ran out" if gone["lapsed"] else "nobody watched them"
        orders = f"{gone['orders']} order{'' if gone['orders'] == 1 else 's'} gone, and not by us"
        when = f"between {instant(gone['listed_at'], now)} and {instant(gone['at'], now)}"
        yield f"{orders}, {when} while {why}: see to the positions"


def _held(answer: Told, now: float) -> Iterator[str]:
    for name, watch in answer["watches"].items():
        if hold := watch["hold"]:
            until = instant(hold["until"], now)
            yield f"bot {name}: on hold until {until} by {_by(hold)}: its silence trips nothing"


def _state(answer: Told) -> Iterator[str]:
    if fault := answer.get("state_fault"):
        yield (
            f"deadman cannot write its state ({fault}): a restart would forget the latest trips, disarms and holds. "
            "Mend the disk below state_directory before you restart it"
        )


def _by(word: Told) -> str:
    return f"{word['by']} ({word['reason']})" if word["reason"] else str(word["by"])
