"""Who may check in."""

from __future__ import annotations

import logging
import pwd
from collections.abc import Callable

from deadman.config.schema import WatchConfig
from deadman.peers import HINT, is_hidden
from deadman.watch import Sender
from deadman.watches.inbox import Permit

log = logging.getLogger(__name__)


def everybody(sender: Sender | None) -> bool:
    """The socket's group and mode have already said who may write to it."""
    return True


def nobody(sender: Sender | None) -> bool:
    return False


def permit(config: WatchConfig, hidden: Callable[[int], bool] = is_hidden) -> Permit:
    """Who may check in. A user whom the host does not know or show is told and is nobody, until the next reload."""
    if config.user is None:
        return everybody
    try:
        uid = int(config.user) if config.user.isdecimal() else pwd.getpwnam(config.user).pw_uid
    except KeyError:
        log.error(
            'watch %s: this host has no user "%s": nobody can check in until a reload finds one',
            config.name,
            config.user,
        )
        return nobody
    if hidden(uid):
        log.error('watch %s: nobody can check in as user "%s": %s', config.name, config.user, HINT)
        return nobody
    return lambda sender: sender is not None and sender.uid == uid
