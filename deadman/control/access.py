"""Who may do what, by the credentials the kernel vouches for."""

from __future__ import annotations

import grp
import logging
import os
import pwd
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from socket import SO_PEERCRED, SOL_SOCKET

from deadman.model.settings import DaemonConfig
from deadman.transport.peers import HINT, is_hidden

log = logging.getLogger(__name__)

_UCRED = struct.Struct("3i")  # pid, uid, gid: struct ucred of unix(7)


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end, as it was when it connected."""

    pid: int
    uid: int


def peer_of(getsockopt: Callable[[int, int, int], bytes]) -> Peer:
    """The peer of a connected Unix socket, by its `getsockopt`."""
    pid, uid, _ = _UCRED.unpack(getsockopt(SOL_SOCKET, SO_PEERCRED, _UCRED.size))
    return Peer(pid, uid)


@dataclass(frozen=True, slots=True)
class Policy:
    """`users`: names by uid of those who may change anything. `group`: the socket's, None leaves the daemon's own."""

    users: Mapping[int, str]
    group: int | None = None

    @classmethod
    def of(cls, daemon: DaemonConfig) -> Policy:
        """Look names up once, before the loop runs: a name service may hang. Unknown ones are told and left out."""
        own = os.geteuid()
        users = {own: _name_of(own), 0: "root"}
        return cls(users | users_named(daemon.operators), _gid(daemon.socket_group))

    def name_of(self, peer: Peer) -> str | None:
        """The user's name if it may change anything, else None."""
        return self.users.get(peer.uid)


def users_named(operators: tuple[str, ...], hidden: Callable[[int], bool] = is_hidden) -> dict[int, str]:
    """Names by uid; those whom the host does not know or show are told and left out."""
    uids = dict(_uids(operators))
    for uid in filter(hidden, tuple(uids)):
        log.error('daemon.operators: user "%s" may change nothing: %s', uids.pop(uid), HINT)
    return uids


def _uids(operators: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    for name in operators:
        try:
            yield pwd.getpwnam(name).pw_uid, name
        except KeyError:
            log.error('daemon.operators: this host has no user "%s", who thus may change nothing', name)


def _gid(group: str | None) -> int | None:
    try:
        return None if group is None else grp.getgrnam(group).gr_gid
    except KeyError:
        log.error('daemon.socket_group: this host has no group "%s"; the sockets keep the daemon\'s own', group)
        return None


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
