"""The thread that reads the sockets.

An unread Unix datagram socket holds some ten datagrams (net.unix.max_dgram_qlen); after that a sender that blocks
stands still. So a stalled loop of ours would stall the very processes we watch: a thread empties the queues whatever
the loop does, and only leaves behind what a look needs. The loop, before it calls anybody silent, empties the queue
itself too: thread and loop share each socket under a lock, so that nothing is ever between the two.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import trio

from deadman.checkins.protocol import Mail
from deadman.checkins.sockets import Permit, SocketInbox, UnknownUser, everybody, look_up, nobody, permit
from deadman.checkins.sockets import permits as permits_within
from deadman.model.clock import Clock
from deadman.model.settings import WatchConfig
from deadman.transport.peers import Discards
from deadman.transport.threads import in_thread
from deadman.transport.unix import SocketFault, adopt, bind, group_id

POLL = 0.25
"""Seconds after which the thread looks up to see whether it is still wanted."""

REST = 0.01
"""Seconds to rest while descriptors that were sent along wait to be closed: what is unread would make it spin."""


LOOK_UP = 2.0
"""Seconds a name service may take at the start; it holds up nobody's switch for longer."""

LOOK_AGAIN = 5.0
"""Seconds between two looks for a user who was not known."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opening:
    """Sockets opened and users looked up, not yet in use."""

    inboxes: SocketInboxes
    configs: Mapping[str, WatchConfig]
    permits: Mapping[str, Permit]
    opened: Mapping[str, SocketInbox]

    def commit(self) -> None:
        self.inboxes.take_on(self)

    def discard(self) -> None:
        for inbox in self.opened.values():
            inbox.close()


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
        self._configs: dict[str, WatchConfig] = {}
        self._unknown: set[str] = set()
        self._discards = Discards()
        self._ready = select.epoll()

    def prepare(self, configs: Mapping[str, WatchConfig]) -> Opening:
        """A user who is not known is a fault, but where he was not known before either."""
        permits = {name: self._permit(config) for name, config in configs.items()}
        return self._opening(configs, permits)

    def apply(self, configs: Mapping[str, WatchConfig]) -> None:
        """At the start, where a name service may hold up nothing: users whom it does not tell are asked for later."""
        permits = permits_within(configs.values(), LOOK_UP)
        self._opening(configs, permits).commit()

    def _opening(self, configs: Mapping[str, WatchConfig], permits: Mapping[str, Permit]) -> Opening:
        wanted = configs.keys() | self._adopted.keys()
        return Opening(self, configs, permits, self._open(wanted - self._inboxes.keys()))

    def _permit(self, config: WatchConfig) -> Permit:
        known = self._configs.get(config.name)
        if known is not None and known.user == config.user and self._inboxes[config.name].permit is nobody:
            return permit(config)
        return look_up(config)

    def take_on(self, opening: Opening) -> None:
        for name, inbox in opening.opened.items():
            self._add(name, inbox)
        for name in self._inboxes.keys() - opening.configs.keys() - self._adopted.keys():
            self._drop(name)
        self._configs = dict(opening.configs)
        for name in self._configs:
            self._inboxes[name].permit = opening.permits.get(name, everybody)
        self._unknown = {
            name
            for name in self._configs
            if name not in opening.permits or (opening.permits[name] is nobody and self._configs[name].user)
        }
        for name in self._unknown - opening.permits.keys():
            log.error("watch %s: the name service hangs: whoever may write to its socket may check in until then", name)

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

    async def find_users(self) -> None:
        """Ask again for users who were not known at the start, one at a time and off the loop, until cancelled."""
        limiter = trio.CapacityLimiter(1)
        while True:
            await trio.sleep(LOOK_AGAIN)
            for config in [self._configs[name] for name in self._unknown]:
                with suppress(UnknownUser, OSError), trio.move_on_after(LOOK_UP):
                    found = await in_thread(look_up, config, limiter=limiter)
                    self._found(config, found)

    def _found(self, config: WatchConfig, found: Permit) -> None:
        if self._configs.get(config.name) == config:
            self._inboxes[config.name].permit = found
            self._unknown.discard(config.name)
            log.info('watch %s: user "%s" is known now, and may check in', config.name, config.user)

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
                path = self._directory / f"{name}.sock"
                bound = (
                    adopt(self._adopted[name], path)
                    if name in self._adopted
                    else bind(path, socket.SOCK_DGRAM, None if self._group is None else group_id(self._group))
                )
                opened[name] = SocketInbox(bound, self._clock, self._discards)
        except SocketFault:
            for inbox in opened.values():
                inbox.close()
            raise
        return opened

    def _add(self, name: str, inbox: SocketInbox) -> None:
        self._inboxes[name] = inbox
        self._by_descriptor[inbox.bound.socket.fileno()] = inbox
        self._ready.register(inbox.bound.socket, select.EPOLLIN)

    def _drop(self, name: str) -> None:
        inbox = self._inboxes.pop(name)
        self._by_descriptor.pop(inbox.bound.socket.fileno())
        self._ready.unregister(inbox.bound.socket)
        inbox.close()
