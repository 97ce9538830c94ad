"""What the answer of `status` says of an account before any words are made of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from deadman.spoken import left

Told = Mapping[str, Any]
"""A part of the answer of `status` (contract, section 4)."""

VENUES: Mapping[str, str] = {"deribit": "Deribit", "sxbet": "SX Bet"}

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
    return account["venue"] == "sxbet" and account["phase"] in ("waiting", "tripped")


def venue(account: Told) -> str:
    return VENUES.get(account["venue"], str(account["venue"]))


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
