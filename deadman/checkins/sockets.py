"""The sockets of watches, and the thread that reads them, so that no stall of our loop stalls the processes we watch.

A sender that blocks stands still once some ten datagrams are unread (net.unix.max_dgram_qlen). The loop empties a
queue itself, too, before it calls anybody silent: both read each socket under a lock, so nothing is between the two.
"""

from __future__ import annotations

import logging
import pwd
import select
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import trio

from deadman.checkins.protocol import Datagram, Mail
from deadman.checkins.rounds import Change
from deadman.model.clock import Clock
from deadman.model.settings import WatchConfig
from deadman.model.watch import Sender
from deadman.transport.blocking import in_thread
from deadman.transport.peers import HINT, SO_TIMESTAMPNS, SPACE, Discards, is_hidden
from deadman.transport.unix import Bound, adopt, bind, group_id

log = logging.getLogger(__name__)

Permit = Callable[[Sender | None], bool]
"""Whether a sender may check in."""


class UnknownUser(Exception):
    """A watch's user whom the host does not know or show now; the text tells whose, and what to do."""


def allow_all(sender: Sender | None) -> bool:
    """The socket's group and mode have already said who may write to it."""
    return True


def allow_nobody(sender: Sender | None) -> bool:
    return False


def look_up(config: WatchConfig, hidden: Callable[[int], bool] = is_hidden) -> Permit:
    """May ask a name service, and so hang: to be called off the loop. Raises UnknownUser."""
    if config.user is None:
        return allow_all
    try:
        uid = int(config.user) if config.user.isdecimal() else pwd.getpwnam(config.user).pw_uid
    except KeyError:
        raise UnknownUser(f'watch {config.name}: this host has no user "{config.user}"') from None
    except OSError as error:
        words = f'watch {config.name}: user "{config.user}" cannot be looked up: {error.strerror or error}'
        raise UnknownUser(words) from error
    if hidden(uid):
        raise UnknownUser(f'watch {config.name}: user "{config.user}" cannot be told from others: {HINT}')
    return lambda sender: sender is not None and sender.uid == uid


def look_up_or_allow_nobody(config: WatchConfig, hidden: Callable[[int], bool] = is_hidden) -> Permit:
    """For where it must not fail: while a user is not known, which is logged, nobody may check in."""
    try:
        return look_up(config, hidden)
    except UnknownUser as error:
        log.error("%s: nobody can check in until one is found", error)
        return allow_nobody


THREAD_WAKE_INTERVAL = 0.25
"""Seconds after which the thread looks up to see whether it is still wanted."""

DISCARDS_WAIT = 0.01
"""Seconds to rest while descriptors that were sent along wait to be closed: what is unread would make it spin."""

LOOK_UP_TIMEOUT = 2.0
"""Seconds a name service may take at the start: it must not hold up the arming for longer."""

LOOK_UP_INTERVAL = 5.0
"""Seconds between two looks for a user who was not known."""

LONGEST = 4096
"""Bytes of a datagram that are read; a longer one counts as no check-in."""

READ_BY_THREAD = 64
"""Datagrams the thread reads from one socket before it turns to the next: a flood at one delays no other."""

READ_BY_LOOP = 1024
"""Datagrams the loop reads at most in one look; the kernel's queue holds 10 by default, 512 under systemd."""

_CREDENTIALS = struct.Struct("@3i")  # pid, uid, gid
_TIMESPEC = struct.Struct("@2l")
_ANCILLARY = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(_TIMESPEC.size) + SPACE


def receive(opened: socket.socket, clock: Clock, emptied_at: float, discards: Discards) -> Datagram | None:
    """The next datagram, None when none can be had. `discards` is given every descriptor that came along.

    The kernel dates by the wall clock. Where that has stepped meanwhile, the date lies in the future or before
    `emptied_at`, the monotonic instant at which the queue was last seen empty: then it counts from now, for a step of
    the clock must not make a living process look dead.
    """
    try:
        data, ancillary, flags, _ = opened.recvmsg(LONGEST, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
    except OSError:  # nothing there, or the kernel short of memory: it stays in the queue until the next look
        return None
    discards.take(ancillary)
    timestamp, now = clock.timestamp(), clock.now()  # in this order: a pause between them dates it late, not early
    at, sender = now, None
    for level, kind, value in ancillary:
        if (level, kind, len(value)) == (socket.SOL_SOCKET, SO_TIMESTAMPNS, _TIMESPEC.size):
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            sent_at = now - (timestamp - (seconds + nanoseconds / 1e9))
            at = sent_at if emptied_at <= sent_at <= now else now
        elif (level, kind, len(value)) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS, _CREDENTIALS.size):
            pid, uid, _ = _CREDENTIALS.unpack(value)
            sender = Sender(pid, uid & 0xFFFFFFFF)
    return Datagram(at, b"" if flags & socket.MSG_TRUNC else data, sender)


class SocketInbox:
    """One watch's socket and the mail read from it. The thread and the loop may read it at once."""

    def __init__(self, bound: Bound, clock: Clock, discards: Discards) -> None:
        self.bound = bound
        self.permit: Permit = allow_nobody
        self._clock = clock
        self._discards = discards
        self._lock = threading.Lock()
        self._mail = Mail()
        self._emptied_at = clock.now()

    def read(self) -> bool:
        """Read some of what is there; whether anything was."""
        with self._lock:
            before = self._mail
            self._read(READ_BY_THREAD)
            return self._mail is not before

    def take(self) -> Mail:
        with self._lock:
            self._read(READ_BY_LOOP)
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
            self._mail = (self._mail.accept if self.permit(datagram.sender) else self._mail.refuse)(datagram)


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
        self._by_descriptor: dict[int, str] = {}
        self._arrived: dict[str, None] = {}
        self._is_served = False
        self._configs: dict[str, WatchConfig] = {}
        self._unknown: set[str] = set()
        self._discards = Discards()
        self._ready = select.epoll()

    def prepare(self, configs: Mapping[str, WatchConfig]) -> Change:
        """A user who is not known is a fault, but where he was not known before either."""
        permits = {name: self._permit(config) for name, config in configs.items()}
        return self._change(configs, permits)

    def apply(self, configs: Mapping[str, WatchConfig]) -> None:
        """At the start, where a name service may hold up nothing: users whom it does not tell are asked for later."""
        found: dict[str, Permit] = {}

        def look() -> None:
            for config in configs.values():
                found[config.name] = look_up_or_allow_nobody(config)

        thread = threading.Thread(target=look, daemon=True, name="users")
        thread.start()
        thread.join(LOOK_UP_TIMEOUT)
        self._change(configs, dict(found)).commit()

    def _change(self, configs: Mapping[str, WatchConfig], permits: Mapping[str, Permit]) -> Change:
        """Opens all sockets that are not open yet or, with a SocketFault, none."""
        with ExitStack() as opening:
            opened: dict[str, SocketInbox] = {}
            for name in sorted((configs.keys() | self._adopted.keys()) - self._inboxes.keys()):
                path = self._directory / f"{name}.sock"
                if name in self._adopted:
                    bound = adopt(self._adopted[name], path)
                else:
                    bound = bind(path, socket.SOCK_DGRAM, None if self._group is None else group_id(self._group))
                opened[name] = SocketInbox(bound, self._clock, self._discards)
                opening.callback(opened[name].close)
            return Change(partial(self._take_over, configs, permits, opened), opening.pop_all().close)

    def _take_over(
        self, configs: Mapping[str, WatchConfig], permits: Mapping[str, Permit], opened: Mapping[str, SocketInbox]
    ) -> None:
        for name, inbox in opened.items():
            self._inboxes[name], self._by_descriptor[inbox.bound.socket.fileno()] = inbox, name
            self._ready.register(inbox.bound.socket, select.EPOLLIN)
        for name in self._inboxes.keys() - configs.keys() - self._adopted.keys():
            self._drop(name)
        self._configs, self._unknown = dict(configs), set()
        for name, config in self._configs.items():
            permit = self._inboxes[name].permit = permits.get(name, allow_all)
            if name not in permits:
                log.error("watch %s: the name service hangs: whoever may write to its socket may check in", name)
            if name not in permits or (permit is allow_nobody and config.user):
                self._unknown.add(name)

    def take(self, watch: str) -> Mail:
        return self._inboxes[watch].take()

    def arrived(self) -> list[str]:
        """All, while no thread reads; else one by one, since it may add another at any time."""
        if not self._is_served:
            return list(self._configs)
        names: list[str] = []
        while self._arrived:
            names.append(self._arrived.popitem()[0])
        return names

    async def serve(self, wake: Callable[[], None]) -> None:
        stop = threading.Event()
        token = trio.lowlevel.current_trio_token()
        self._is_served = True
        try:
            await trio.to_thread.run_sync(
                self._read_all, stop, token, wake, abandon_on_cancel=True, limiter=trio.CapacityLimiter(1)
            )
        finally:
            self._is_served = False
            stop.set()

    async def find_users(self) -> None:
        """Ask again for users who were not known at the start, one at a time and off the loop, until cancelled."""
        limiter = trio.CapacityLimiter(1)
        while True:
            await trio.sleep(LOOK_UP_INTERVAL)
            for config in [self._configs[name] for name in self._unknown]:
                with suppress(UnknownUser, OSError), trio.move_on_after(LOOK_UP_TIMEOUT):
                    permit = await in_thread(look_up, config, limiter=limiter)
                    if self._configs.get(config.name) == config:
                        self._inboxes[config.name].permit = permit
                        self._unknown.discard(config.name)
                        log.info('watch %s: user "%s" is known now, and may check in', config.name, config.user)

    def close(self) -> None:
        for name in tuple(self._inboxes):
            self._drop(name)

    def _read_all(self, stop: threading.Event, token: trio.lowlevel.TrioToken, wake: Callable[[], None]) -> None:
        while not stop.is_set():
            for descriptor, _ in self._ready.poll(THREAD_WAKE_INTERVAL):
                name = self._by_descriptor.get(descriptor, "")
                inbox = self._inboxes.get(name)
                if inbox is not None and inbox.read():
                    self._arrived[name] = None
                    with suppress(trio.RunFinishedError):
                        token.run_sync_soon(wake, idempotent=True)
            if not self._discards.has_room:
                stop.wait(DISCARDS_WAIT)

    def _permit(self, config: WatchConfig) -> Permit:
        known = self._configs.get(config.name)
        if known is not None and known.user == config.user and self._inboxes[config.name].permit is allow_nobody:
            return look_up_or_allow_nobody(config)
        return look_up(config)

    def _drop(self, name: str) -> None:
        inbox = self._inboxes.pop(name)
        self._by_descriptor.pop(inbox.bound.socket.fileno())
        self._ready.unregister(inbox.bound.socket)
        inbox.close()
