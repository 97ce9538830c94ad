"""The connections of the moment: few, short-lived, and none in the way of a newer one."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Lock

MOST = 64
"""Connections at once. When one more comes the oldest goes: a scraper asks at once, who is old is silent or slow."""

LIFE = 10.0
"""Seconds a connection may last whatever it does: a byte now and then keeps nobody in."""


class Connections:
    """Who is being served, oldest first. `now` is monotonic."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._since: dict[socket.socket, float] = {}
        # Held from the look-up to the hang-up: a closed socket's number may already be somebody else's.
        self._lock = Lock()

    def add(self, connection: socket.socket) -> None:
        with self._lock:
            while len(self._since) >= MOST:
                self._hang_up(next(iter(self._since)))
            self._since[connection] = self._now()

    def forget(self, connection: socket.socket) -> None:
        """To be called before it is closed."""
        with self._lock:
            self._since.pop(connection, None)

    def reap(self) -> None:
        """Hang up on those who outstayed."""
        with self._lock:
            oldest_allowed = self._now() - LIFE
            for connection in [known for known, since in self._since.items() if since <= oldest_allowed]:
                self._hang_up(connection)

    def hang_up_on_all(self) -> None:
        with self._lock:
            for connection in tuple(self._since):
                self._hang_up(connection)

    def _hang_up(self, connection: socket.socket) -> None:
        """Its thread wakes from whatever it waits for, and closes it."""
        self._since.pop(connection)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
