"""Whose account it is at the venue. What is known of an account belongs to that identity, and not to a name. Pure.

A path to a key file is no identity and a rotated key no new account: where the config names nothing else, the account's
name stands for it until the venue tells more.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum, auto

from deadman.model.settings import Account


class Relation(Enum):
    """What two identities say of each other."""

    SAME = auto()
    OTHER = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Identity:
    """One account at one venue.

    Attributes:
        place: venue and network; an account's id in one place says nothing of another place.
        credential: a fingerprint of what the config logs in with.
        account: the account as the venue tells it, in lower case; None while it has not told.
    """

    place: str
    credential: str
    account: str | None = None

    @property
    def login(self) -> tuple[str, str]:
        return self.place, self.credential

    def is_of(self, other: Identity) -> bool:
        """Whether both log in with one and the same credential at one place."""
        return self.login == other.login

    def relation(self, other: Identity) -> Relation:
        if self.place != other.place:
            return Relation.OTHER
        if self.account is not None and other.account is not None:
            return Relation.SAME if self.account == other.account else Relation.OTHER
        return Relation.SAME if self.credential == other.credential else Relation.UNKNOWN


def identity_of(account: Account) -> Identity:
    """As far as the config tells it."""
    words = "\n".join(word or "" for word in account.credential)
    return Identity(account.place, hashlib.sha256(words.encode()).hexdigest()[:16], account.account_id)
