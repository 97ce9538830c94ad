"""Who may check in."""

from __future__ import annotations

import logging
import pwd
import threading
from collections.abc import Callable, Iterable

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
