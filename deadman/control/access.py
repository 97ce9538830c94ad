"""Who may do what, by the credentials the kernel vouches for."""

from __future__ import annotations

import logging
import os
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deadman.model.settings import DaemonConfig
from deadman.transport.peers import HINT, Peer, is_hidden
from deadman.transport.unix import SocketFault, group_id

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """`users`: names by uid of those who may change anything. `group`: the socket's, None leaves the daemon's own."""

    users: Mapping[int, str]
    group: int | None = None

    @classmethod
    def of(cls, daemon: DaemonConfig) -> Policy:
        """Look names up once, before the loop runs: a name service may hang. Unknown ones are told and left out."""
        own = os.geteuid()
        try:
            name = pwd.getpwuid(own).pw_name
        except KeyError:
            name = f"uid {own}"
        group = None if daemon.socket_group is None else _group_to_give(daemon.socket_group)
        return cls({own: name, 0: "root"} | users_named(daemon.operators), group)

    def name_of(self, peer: Peer) -> str | None:
        """The user's name if it may change anything, else None."""
        return self.users.get(peer.uid)


def users_named(operators: tuple[str, ...], hidden: Callable[[int], bool] = is_hidden) -> dict[int, str]:
    """Names by uid; those whom the host does not know or show are told and left out."""
    users = {}
    for name in operators:
        try:
            uid = pwd.getpwnam(name).pw_uid
        except KeyError:
            log.error('daemon.operators: this host has no user "%s", who thus may change nothing', name)
            continue
        if hidden(uid):
            log.error('daemon.operators: user "%s" may change nothing: %s', name, HINT)
        else:
            users[uid] = name
    return users


def _group_to_give(group: str) -> int | None:
    """The group of the control socket; None, which lets fewer people in, where it cannot be given to that one."""
    try:
        found = group_id(group)
    except SocketFault as error:
        log.error("%s; the control socket keeps the daemon's own", error)
        return None
    if os.geteuid() == 0 or found in (os.getegid(), *os.getgroups()):
        return found
    log.error('daemon.socket_group: the daemon is not in "%s"; the control socket keeps its own group', group)
    return None
