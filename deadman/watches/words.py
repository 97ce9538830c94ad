"""What is told to people about a watch."""

from __future__ import annotations

import logging
from collections.abc import Callable

from deadman.config.schema import WatchConfig
from deadman.spoken import plain
from deadman.watch import Sender, Watch
from deadman.watches.protocol import Mail

log = logging.getLogger(__name__)


def silence(watch: Watch, now: float, is_gone: Callable[[int], bool]) -> str:
    """How long nothing was heard, and what became of the process that was last heard."""
    if watch.last_check_in_at is None:
        since_start = 0.0 if watch.counted_from is None else now - watch.counted_from
        return f"silent {since_start:.0f} s, since deadman started"
    silent = f"silent {now - watch.last_check_in_at:.0f} s"
    if watch.sender is None or not watch.sender.pid:
        return silent
    return f"{silent}, pid {watch.sender.pid} {'gone' if is_gone(watch.sender.pid) else 'still running'}"


def who(sender: Sender | None) -> str:
    """A process outside of our pid namespace has no pid here."""
    if sender is None:
        return "an unknown process"
    return f"pid {sender.pid}, uid {sender.uid}" if sender.pid else f"uid {sender.uid}"


class Oddities:
    """Tells of datagrams that do not count: once for each watch and sender, for they may come by the thousand."""

    def __init__(self) -> None:
        self._told: set[tuple[str, int | None]] = set()

    def tell(self, config: WatchConfig, mail: Mail) -> None:
        if mail.stranger is not None and self._is_new(config.name, mail.stranger.sender):
            log.warning(
                'watch %s: what %s sends does not count: only user "%s" may check in',
                config.name,
                who(mail.stranger.sender),
                config.user,
                extra={"event": "sender_refused", "watch": config.name},
            )
        if mail.oddity is not None and self._is_new(config.name, None):
            text = plain(mail.oddity.data[:60].decode("utf-8", "replace")) or "an empty or oversized datagram"
            told = {"event": "datagram_ignored", "watch": config.name}
            log.warning("watch %s: ignored, and from now on only counted: %s", config.name, text, extra=told)

    def _is_new(self, watch: str, sender: Sender | None) -> bool:
        key = (watch, sender.uid if sender else None)
        new = key not in self._told
        self._told.add(key)
        return new
