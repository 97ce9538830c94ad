"""The thread that reads the sockets.

An unread Unix datagram socket holds some ten datagrams (net.unix.max_dgram_qlen); after that a sender that blocks
stands still. So a stalled loop of ours would stall the very processes we watch: a thread empties the queues whatever
the loop does, and only leaves behind what a look needs. The loop, before it calls anybody silent, empties the queue
itself too: thread and loop share each socket under a lock, so that nothing is ever between the two.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import trio

from deadman.clock import Clock
from deadman.config.schema import WatchConfig
from deadman.descriptors import Discards
from deadman.watches.protocol import Mail
from deadman.watches.senders import permit
from deadman.watches.socket_inbox import SocketInbox
from deadman.watches.sockets import Bound, SocketFault, adopt, bind

POLL = 0.25
"""Seconds after which the thread looks up to see whether it is still wanted."""

REST = 0.01
"""Seconds to rest while descriptors that were sent along wait to be closed: what is unread would make it spin."""


class SocketInboxes:
    """Every watch's socket, in `directory`. `adopted`: those that systemd opened for us, by watch.

    Those are read whether or not a watch is configured for them: they stay open at systemd, and senders would stand
    still at an unread one.
    """

    def __init__(
        self, directory: Path, group: str | None, clock: Clock, adopted: Mapping[str, socket.socket] | None = None
    ) -> None:
        self._directory = directory
        self._group = group
        self._clock = clock
        self._adopted = dict(adopted or {})
        self._inboxes: dict[str, SocketInbox] = {}
        self._by_descriptor: dict[int, SocketInbox] = {}
        self._discards = Discards()
        self._ready = select.epoll()

    def apply(self, configs: Mapping[str, WatchConfig]) -> None:
        for name, inbox in self._open((configs.keys() | self._adopted.keys()) - self._inboxes.keys()).items():
            self._add(name, inbox)
        for name in self._inboxes.keys() - configs.keys() - self._adopted.keys():
            self._drop(name)
        for name, config in configs.items():
            self._inboxes[name].permit = permit(config)

    def take(self, watch: str) -> Mail:
        return self._inboxes[watch].take()

    async def serve(self, wake: Callable[[], None]) -> None:
        stop = threading.Event()
        token = trio.lowlevel.current_trio_token()
        try:
            await trio.to_thread.run_sync(
                self._work, stop, token, wake, abandon_on_cancel=True, limiter=trio.CapacityLimiter(1)
            )
        finally:
            stop.set()

    def close(self) -> None:
        for name in tuple(self._inboxes):
            self._drop(name)

    def _work(self, stop: threading.Event, token: trio.lowlevel.TrioToken, wake: Callable[[], None]) -> None:
        while not stop.is_set():
            for descriptor, _ in self._ready.poll(POLL):
                inbox = self._by_descriptor.get(descriptor)
                if inbox is not None and inbox.read():
                    with suppress(trio.RunFinishedError):
                        token.run_sync_soon(wake, idempotent=True)
            if not self._discards.has_room:
                stop.wait(REST)

    def _open(self, names: Iterable[str]) -> dict[str, SocketInbox]:
        """All of them or, with a SocketFault, none."""
        opened: dict[str, SocketInbox] = {}
        try:
            for name in sorted(names):
                opened[name] = SocketInbox(self._bound(name), self._clock, self._discards)
        except SocketFault:
            for inbox in opened.values():
                inbox.close()
            raise
        return opened

    def _bound(self, name: str) -> Bound:
        path = self._directory / f"{name}.sock"
        return adopt(self._adopted[name], path) if name in self._adopted else bind(path, self._group)

    def _add(self, name: str, inbox: SocketInbox) -> None:
        self._inboxes[name] = inbox
        self._by_descriptor[inbox.bound.socket.fileno()] = inbox
        self._ready.register(inbox.bound.socket, select.EPOLLIN)

    def _drop(self, name: str) -> None:
        inbox = self._inboxes.pop(name)
        self._by_descriptor.pop(inbox.bound.socket.fileno())
        self._ready.unregister(inbox.bound.socket)
        inbox.close()
