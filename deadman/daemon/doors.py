"""What a keeper needs to reach its venue: its own secret, read anew at every login, and a door.

Secrets are read off the loop: a hung disk stalls nobody, and a replaced file is a rotated key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random, SystemRandom

import trio

from deadman.config.secrets import SecretError, read
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused, Unavailable
from deadman.model.secret import Secret, SecretSource
from deadman.model.settings import Account
from deadman.transport.blocking import OffLoop, in_thread
from deadman.transport.dial import Dialler
from deadman.venues import VENUES
from deadman.venues.venue import Door, Post

TIMEOUT = 2.0
"""Seconds a file may take; credentials lie in memory, files on disks that hang."""

THREADS = 8

POLL_INTERVAL = 1.0
"""Seconds between two looks whether a secret that was refused has been replaced."""


@dataclass
class Doors:
    """What every door is made with. `learned` hears of every secret read, so that the log can keep it out."""

    clock: Clock
    environment: Mapping[str, str]
    learned: Callable[[Secret], None]
    off_loop: OffLoop = in_thread
    chance: Random = field(default_factory=SystemRandom)
    dialler: Dialler = field(default_factory=Dialler)
    _limiter: trio.CapacityLimiter = field(default_factory=lambda: trio.CapacityLimiter(THREADS))
    _turns: trio.Semaphore = field(default_factory=lambda: trio.Semaphore(THREADS))

    def door(self, account: Account, post: Post) -> Door:
        """The account's door; it tells `post` what happens."""
        read_secret = partial(self.read, account.secret_source)
        make = VENUES[account.venue].load_door()
        return make(account, self.dialler, self.clock, self.chance, post, read_secret)

    async def changed(self, account: Account) -> None:
        """Return when the account's secret reads otherwise than it does now; looked at every second."""
        before = await self._reads(account.secret_source)
        while await self._reads(account.secret_source) == before:
            await trio.sleep(POLL_INTERVAL)

    async def _reads(self, source: SecretSource) -> Secret | str:
        try:
            return await self.read(source)
        except (Refused, Unavailable) as error:
            return error.detail

    async def read(self, source: SecretSource) -> Secret:
        """Raises Refused in words for a secret that is missing, empty or exposed.

        Unavailable for a disk that hangs, and for a host that has no thread left to read it. Waiting for a turn is not
        the disk's fault: of a thousand accounts that start together each has its whole time.
        """
        try:
            async with self._turns:
                with trio.fail_after(TIMEOUT):
                    secret = await self.off_loop(read, source, self.environment, limiter=self._limiter)
        except trio.TooSlowError as error:
            raise Unavailable(Reason.SECRET, f"{source.kind} {source.name}: not read within {TIMEOUT:g} s") from error
        except OSError as error:
            words = f"{source.kind} {source.name}: cannot be read now: {error.strerror or error}"
            raise Unavailable(Reason.SECRET, words) from error
        except SecretError as error:
            raise Refused(Reason.SECRET, error.message) from error
        self.learned(secret)
        return secret
