"""What is done about a watch's mail: check-ins are noted, a goodbye and a cry for help are acted upon at once."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from deadman import facts
from deadman.board import Board
from deadman.config.schema import Account, WatchConfig
from deadman.facts import Cause
from deadman.watches.judgement import may_trip
from deadman.watches.protocol import Mail, Sign
from deadman.watches.words import who

log = logging.getLogger(__name__)

TRIGGER_PAUSE = 1.0
"""Seconds between two triggers of one watch that are heeded: a process that cries on must not flood the venue."""


@dataclass
class Heed:
    """Folds mail into the watches on the board, and trips at a process's own word."""

    board: Board
    _triggers: dict[str, Sign] = field(default_factory=dict)
    _heeded_at: dict[str, float] = field(default_factory=dict)

    def heed(self, config: WatchConfig, mail: Mail, now: float) -> None:
        """Act on `mail`, and on what was put off earlier."""
        if mail != Mail():
            self._note(config, mail, now)
        self._stop_if_told(config, now)
        self._trigger_if_told(config.name, mail.trigger, now)

    def forget(self, watch: str) -> None:
        self._triggers.pop(watch, None)
        self._heeded_at.pop(watch, None)

    def tell_observers(self, watch: str, reason: str) -> None:
        """Say of accounts that are only looked at what would have happened to them."""
        for account in self._hanging(watch):
            if account.observe and account.on_trip != "none":
                told = {"event": "would_have_tripped", "account": account.name, "watch": watch}
                log.warning(
                    "%s: would have tripped, but is only observed: %s: %s", account.name, watch, reason, extra=told
                )

    def _pull(self, watch: str, cause: Cause, at: float, reason: str) -> None:
        self.tell_observers(watch, reason)
        for account in self._hanging(watch):
            if may_trip(account, self.board.standing(account.name).guard, cause):
                self.board.post(account.name, facts.Tripped(at, cause, watch, reason))

    def _hanging(self, watch: str) -> list[Account]:
        return [account for account in self.board.configs.values() if watch in account.watches]

    def _note(self, config: WatchConfig, mail: Mail, now: float) -> None:
        """Check-in and goodbye in the order they were sent; one datagram that holds both is a goodbye."""
        watch = self.board.watch(config.name).noted(mail.ignored, mail.status)
        back = mail.check_in is not None and mail.stopping is not None and mail.stopping.at < mail.check_in.at
        if mail.stopping is not None and back:
            self.board.put_watch(watch.stopping(mail.stopping.at))
            self._stop_if_told(config, now)
            watch = self.board.watch(config.name)
        if mail.check_in is not None:
            if not watch.alive(now):
                told = {"event": "watch_up", "watch": watch.name}
                log.info("watch %s: checked in: %s", watch.name, who(mail.check_in.sender), extra=told)
            watch = watch.check_in(mail.check_in.at, mail.check_in.sender, mail.check_ins)
        if mail.stopping is not None and not back:
            watch = watch.stopping(mail.stopping.at)
        self.board.put_watch(watch)

    def _stop_if_told(self, config: WatchConfig, now: float) -> None:
        """A hold puts it off: planned work ends with a check-in, or else as if the goodbye had come then."""
        watch = self.board.watch(config.name)
        if watch.stopping_at is None or watch.held(now) or now < watch.stopping_at:
            return
        told = {"event": "watch_stopping", "watch": watch.name}
        log.info("watch %s: said STOPPING=1; on_stopping is %s", watch.name, config.on_stopping, extra=told)
        if config.on_stopping == "release":
            self.board.put_watch(watch.released())
            return
        at = max(watch.stopping_at, watch.hold.until) if watch.hold else watch.stopping_at
        self.board.put_watch(watch.stopped(at))
        self._pull(watch.name, Cause.STOPPING, at, "said STOPPING=1")

    def _trigger_if_told(self, name: str, trigger: Sign | None, now: float) -> None:
        if trigger is not None:
            self._triggers[name] = trigger
        if name not in self._triggers or now < self._heeded_at.get(name, -TRIGGER_PAUSE) + TRIGGER_PAUSE:
            return
        sign = self._triggers.pop(name)
        self._heeded_at[name] = now
        reason = f"WATCHDOG=trigger from {who(sign.sender)}"
        told = {"event": "trigger", "watch": name}
        if self.board.watch(name).held(now):
            log.warning("watch %s: on hold, so nothing is tripped: %s", name, reason, extra=told)
            return
        log.warning("watch %s: %s", name, reason, extra=told)
        self._pull(name, Cause.TRIGGER, sign.at, reason)
