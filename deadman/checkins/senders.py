"""Who may check in: by default whoever may write to the socket, else the user whom a watch names."""

from __future__ import annotations

import logging
import pwd
import threading
from collections.abc import Callable, Iterable

from deadman.model.settings import WatchConfig
from deadman.model.watch import Sender
from deadman.transport.peers import HINT, is_hidden

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


def look_up_within(timeout: float, configs: Iterable[WatchConfig]) -> dict[str, Permit]:
    """The permits, by watch, that could be looked up within `timeout` seconds, whatever a name service does."""
    found: dict[str, Permit] = {}
    wanted = list(configs)

    def look() -> None:
        for config in wanted:
            found[config.name] = look_up_or_allow_nobody(config)

    thread = threading.Thread(target=look, daemon=True, name="users")
    thread.start()
    thread.join(timeout)
    return dict(found)
