"""Makes each account's door into its venue, all with one dialler."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random, SystemRandom

from deadman.model.clock import Clock
from deadman.model.settings import Account
from deadman.transport.dial import Dialler
from deadman.venues import VENUES
from deadman.venues.venue import Door, Post, Secrets


@dataclass
class Doors:
    """What every door is made with."""

    clock: Clock
    secrets: Secrets
    chance: Random = field(default_factory=SystemRandom)
    dialler: Dialler = field(default_factory=Dialler)

    def door(self, account: Account, post: Post) -> Door:
        """The account's door; it tells `post` what happens."""
        make = VENUES[account.venue].load_door()
        return make(account, self.dialler, self.clock, self.chance, post, self.secrets.of(account))
