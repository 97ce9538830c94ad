"""What is to be sent, and when: an answer that is late holds up nothing behind it."""

from __future__ import annotations

import heapq
from itertools import count

import trio


class Outbox:
    """Texts by the instant each may leave; in the order they were put where those are equal."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, str | bytes]] = []
        self._numbers = count()
        self._changed = trio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, text: str | bytes, leaves_at: float) -> None:
        heapq.heappush(self._waiting, (leaves_at, next(self._numbers), text))
        self._wake()

    def close(self) -> None:
        """Nothing more comes. What is due by now is still taken, what would be late is lost."""
        self._closed = True
        self._wake()

    async def take(self) -> str | bytes | None:
        """The next text, when it may leave; None after the last."""
        while not self._is_due():
            if self._closed:
                return None
            if not self._waiting:
                await self._changed.wait()
                continue
            with trio.move_on_at(self._waiting[0][0]):
                await self._changed.wait()
        return heapq.heappop(self._waiting)[2]

    def _is_due(self) -> bool:
        return bool(self._waiting) and self._waiting[0][0] <= trio.current_time()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
