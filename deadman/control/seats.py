"""A cap on connections: nobody can take the places of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deadman.control.policy import Peer
from deadman.control.rpc import TOO_MANY, Failure

PER_USER = 8
FOR_READERS = 32


@dataclass
class Seats:
    """Each user has `PER_USER`; those who may only look have `FOR_READERS` between them."""

    taken: Counter[int] = field(default_factory=Counter)
    readers: int = 0

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
