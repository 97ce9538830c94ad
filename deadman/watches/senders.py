"""Who may check in."""

from __future__ import annotations

import logging
import pwd

from deadman.config.schema import WatchConfig
from deadman.watch import Sender
from deadman.watches.inbox import Permit

log = logging.getLogger(__name__)


def everybody(sender: Sender | None) -> bool:
    """The socket's group and mode have already said who may write to it."""
    return True


def nobody(sender: Sender | None) -> bool:
    return False


def permit(config: WatchConfig) -> Permit:
    """Who may check in. A user whom the host does not know is told and is nobody, until the next reload."""
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
    return lambda sender: sender is not None and sender.uid == uid
