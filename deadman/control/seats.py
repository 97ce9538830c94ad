"""A cap on connections: nobody can take the places of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deadman.control.policy import Peer
from deadman.control.rpc import TOO_MANY, Failure

PER_USER = 8
FOR_READERS = 32

PACE = 0.02
"""Seconds of a client's place and patience that each answer costs, so that a busy asker leaves the loop to others."""

SHARE = 64
"""How many times as long as the last status took the loop, where that is more: all seats leave it half free."""


@dataclass
class Seats:
    """Each user has `PER_USER`; those who may only look have `FOR_READERS` between them."""

    taken: Counter[int] = field(default_factory=Counter)
    readers: int = 0
    rest: float = PACE

    @contextmanager
    def charged(self, now: Callable[[], float]) -> Iterator[None]:
        """What is done within holds up the loop: by so much longer a seat stays taken after each answer."""
        began = now()
        yield
        self.rest = max(PACE, SHARE * (now() - began))

    @contextmanager
    def seat(self, peer: Peer, name: str | None) -> Iterator[None]:
        """`name`: as the policy gives it. Raises Failure when there is no seat left."""
        reader = 1 if name is None else 0
        if self.taken[peer.uid] >= PER_USER or self.readers + reader > FOR_READERS:
            raise Failure(TOO_MANY, "too many connections at once: close some, or ask less often")
        self._take(peer, reader, 1)
        try:
            yield
        finally:
            self._take(peer, reader, -1)

    def _take(self, peer: Peer, reader: int, change: int) -> None:
        self.taken[peer.uid] += change
        self.readers += reader * change
