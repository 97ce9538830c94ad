"""One watch's socket, read by two: the thread, so that nobody waits, and the loop, so that nobody is misjudged."""

from __future__ import annotations

import threading

from deadman.clock import Clock
from deadman.descriptors import Discards
from deadman.watches.datagrams import receive
from deadman.watches.inbox import Permit
from deadman.watches.protocol import Mail
from deadman.watches.senders import nobody
from deadman.watches.sockets import Bound

TURN = 64
"""Datagrams the thread reads from one socket before it turns to the next: a flood at one delays no other."""

QUEUE = 1024
"""Datagrams the loop reads at most in one look; the kernel's queue holds 10 by default, 512 under systemd."""


class SocketInbox:
    """One watch's socket and the mail read from it. The thread and the loop may read it at once."""

    def __init__(self, bound: Bound, clock: Clock, discards: Discards) -> None:
        self.bound = bound
        self.permit: Permit = nobody
        self._clock = clock
        self._discards = discards
        self._lock = threading.Lock()
        self._mail = Mail()
        self._emptied_at = clock.now()

    def read(self) -> bool:
        """Read some of what is there; whether something urgent came that was not there before."""
        with self._lock:
            urgent_before = self._mail.urgent
            self._read(TURN)
            return self._mail.urgent and not urgent_before

    def take(self) -> Mail:
        with self._lock:
            self._read(QUEUE)
            mail, self._mail = self._mail, Mail()
            return mail

    def close(self) -> None:
        with self._lock:
            self.bound.close()

    def _read(self, most: int) -> None:
        for _ in range(most if self.bound.is_open else 0):
            if not self._discards.has_room:
                return  # who floods us with descriptors delays himself, and his own group
            looked_at = self._clock.now()
            datagram = receive(self.bound.socket, self._clock, self._emptied_at, self._discards)
            if datagram is None:
                self._emptied_at = looked_at
                return
            self._mail = (self._mail.post if self.permit(datagram.sender) else self._mail.refuse)(datagram)
