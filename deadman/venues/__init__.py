"""Which door leads to which venue: adding one is one line here."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random, SystemRandom

from deadman.model.clock import Clock
from deadman.model.settings import Account, DeribitAccount
from deadman.transport.dial import Dialler
from deadman.venues.deribit.session import Deribit
from deadman.venues.sxbet.session import SxBet
from deadman.venues.venue import Post, Secrets


@dataclass
class Doors:
    """Makes each account's door, all with one dialler."""

    clock: Clock
    secrets: Secrets
    chance: Random = field(default_factory=SystemRandom)
    dialler: Dialler = field(default_factory=Dialler)

    def door(self, account: Account, post: Post) -> Deribit | SxBet:
        read_secret = self.secrets.of(account)
        if isinstance(account, DeribitAccount):
            return Deribit(account, self.dialler, self.clock, self.chance, post, read_secret)
        return SxBet(account, self.dialler, self.clock, self.chance, post, read_secret)
