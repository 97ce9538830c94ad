"""What the answer of `status` says of an account before any words are made of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Told = Mapping[str, Any]
"""A part of the answer of `status` (contract, section 4)."""

VENUES: Mapping[str, str] = {"deribit": "Deribit", "sxbet": "SX Bet"}


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


def gathered(told: Mapping[str, str]) -> Iterator[str]:
    """What is said of several accounts is said once of all: a venue's outage may hit fifty."""
    names: dict[str, list[str]] = {}
    for name, words in told.items():
        names.setdefault(words, []).append(name)
    yield from (f"{', '.join(accounts)}: {words}" for words, accounts in names.items())
