"""Where a watch's mail waits for the loop, and the port through which the loop fetches it."""

from __future__ import annotations

import logging
import pwd
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import trio

from deadman.checkins.protocol import Datagram, Mail
from deadman.model.clock import Clock
from deadman.model.settings import WatchConfig
from deadman.model.watch import Sender
from deadman.transport.peers import HINT, SO_TIMESTAMPNS, SPACE, Discards, is_hidden
from deadman.transport.unix import Bound

LONGEST = 4096
"""Bytes of a datagram that are read; a longer one is nobody's check-in."""

_CREDENTIALS = struct.Struct("@3i")  # pid, uid, gid
_TIMESPEC = struct.Struct("@2l")
_ANCILLARY = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(_TIMESPEC.size) + SPACE


def receive(opened: socket.socket, clock: Clock, emptied_at: float, discards: Discards) -> Datagram | None:
    """The next datagram, None when none can be had. `discards` is given every descriptor that came along.

    `emptied_at`: the monotonic instant at which the queue was last seen empty.
    """
    try:
        data, ancillary, flags, _ = opened.recvmsg(LONGEST, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
    except OSError:  # nothing there, or the kernel short of memory: it stays in the queue until the next look
        return None
    discards.take(ancillary)
    words = b"" if flags & socket.MSG_TRUNC else data
    return Datagram(_date(ancillary, clock, emptied_at), words, _sender(ancillary))


_Ancillary = Iterable[tuple[int, int, bytes]]


def _date(ancillary: _Ancillary, clock: Clock, emptied_at: float) -> float:
    """When the kernel took it, on the monotonic clock.

    The kernel dates by the wall clock. Where that has stepped meanwhile, the date lies in the future or before the
    queue was empty: then it counts from now, for a step of the clock must not make a living process look dead.
    """
    timestamp, now = clock.timestamp(), clock.now()  # in this order: a pause between them dates it late, not early
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS) and len(value) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            at = now - (timestamp - (seconds + nanoseconds / 1e9))
            return at if emptied_at <= at <= now else now
    return now


def _sender(ancillary: _Ancillary) -> Sender | None:
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS) and len(value) == _CREDENTIALS.size:
            pid, uid, _ = _CREDENTIALS.unpack(value)
            return Sender(pid, uid & 0xFFFFFFFF)
    return None


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


Permit = Callable[[Sender | None], bool]
"""Whether a sender may check in."""


class Change(Protocol):
    """Inboxes made ready: to be taken whole, or not at all."""

    def commit(self) -> None:
        """In the loop; it cannot fail."""

    def discard(self) -> None:
        """Leave everything as it was."""


class Inboxes(Protocol):
    """The mail of every watch."""

    def prepare(self, configs: Mapping[str, WatchConfig]) -> Change:
        """What `apply` does, made ready off the loop: a name service or a file system may hang.

        Raises SocketFault or UnknownUser, in words; then nothing has changed.
        """

    def apply(self, configs: Mapping[str, WatchConfig]) -> None:
        """Open an inbox for every watch named and close the others; those already open stay as they are.

        Raises SocketFault, in words; then nothing has changed.
        """

    def take(self, watch: str) -> Mail:
        """All that had arrived for it when this was called, whether or not anything else has looked yet."""

    async def serve(self, wake: Callable[[], None]) -> None:
        """Receive, until cancelled; `wake` is called in the loop when something urgent came."""

    async def find_users(self) -> None:
        """Ask again for users who were not known at the start, until cancelled."""

    def close(self) -> None:
        """Give up every inbox."""


class InMemoryInboxes:
    """Inboxes without sockets: for simulations, where the story is the sender."""

    def __init__(self) -> None:
        self._mail: dict[str, Mail] = {}
        self._wake: Callable[[], None] = lambda: None

    def send(self, watch: str, datagram: Datagram) -> None:
        """Raises KeyError where nobody listens, as the kernel would."""
        self._mail[watch] = self._mail[watch].post(datagram)
        if self._mail[watch].urgent:
            self._wake()

    def prepare(self, configs: Mapping[str, WatchConfig]) -> Change:
        return InMemoryChange(self, configs)

    def apply(self, configs: Mapping[str, WatchConfig]) -> None:
        self._mail = {name: self._mail.get(name, Mail()) for name in configs}

    def take(self, watch: str) -> Mail:
        mail, self._mail[watch] = self._mail[watch], Mail()
        return mail

    async def serve(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        await trio.sleep_forever()

    async def find_users(self) -> None:
        return None

    def close(self) -> None:
        self._mail = {}


@dataclass(frozen=True)
class InMemoryChange:
    """There is nothing to make ready."""

    inboxes: InMemoryInboxes
    configs: Mapping[str, WatchConfig]

    def commit(self) -> None:
        self.inboxes.apply(self.configs)

    def discard(self) -> None:
        return None


log = logging.getLogger(__name__)


def everybody(sender: Sender | None) -> bool:
    """The socket's group and mode have already said who may write to it."""
    return True


def nobody(sender: Sender | None) -> bool:
    return False


class UnknownUser(Exception):
    """A watch's user whom the host does not know or show now; the text tells whose, and what to do."""


def look_up(config: WatchConfig, hidden: Callable[[int], bool] = is_hidden) -> Permit:
    """Who may check in. May ask a name service, and so hang: to be called off the loop. Raises UnknownUser."""
    if config.user is None:
        return everybody
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


def permit(config: WatchConfig, hidden: Callable[[int], bool] = is_hidden) -> Permit:
    """The same where nobody is better than to fail: a user not known is told and is nobody until he is found."""
    try:
        return look_up(config, hidden)
    except UnknownUser as error:
        log.error("%s: nobody can check in until one is found", error)
        return nobody


def permits(configs: Iterable[WatchConfig], patience: float) -> dict[str, Permit]:
    """Those of all watches that could be looked up within `patience` seconds, whatever a name service does."""
    found: dict[str, Permit] = {}
    named = list(configs)

    def look() -> None:
        for config in named:
            found[config.name] = permit(config)

    looking = threading.Thread(target=look, daemon=True, name="users")
    looking.start()
    looking.join(patience)
    return dict(found)
