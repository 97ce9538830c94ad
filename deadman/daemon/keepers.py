"""One keeper an account: started, watched over, and exchanged when the config changes. None waits for another."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

import trio

from deadman.checkins.rounds import Change, Watches
from deadman.checkins.sockets import UnknownUser
from deadman.config.document import Faults
from deadman.daemon.keeper import Keeper
from deadman.model import facts
from deadman.model.account import Standing
from deadman.model.board import Board, Reload
from deadman.model.duty import fact_of, in_force
from deadman.model.settings import Account, Backoff, Config, Terms, WatchConfig
from deadman.transport.blocking import OffLoop
from deadman.transport.unix import SocketFault

log = logging.getLogger(__name__)

CRASH_MEMORY = 60.0
"""Seconds without a crash after which the next one counts as a first."""

RESTART = Backoff(first=1.0, cap=30.0)
"""After a bug brought a keeper down."""


@dataclass
class Kept:
    """A keeper at work: `account` as it is kept now, `wanted` as the config names it."""

    account: Account
    wanted: Account
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    keeper: Keeper | None = None


@dataclass
class Keepers:
    """All keepers of one run, in one nursery. How one is made, and which door it has, `make_keeper` knows."""

    board: Board
    nursery: trio.Nursery
    chance: Random
    make_keeper: Callable[[Account], Keeper]
    _running: dict[str, Kept] = field(default_factory=dict)
    _leaving: set[str] = field(default_factory=set)
    _turns: defaultdict[str, trio.Lock] = field(default_factory=lambda: defaultdict(trio.Lock))

    def __post_init__(self) -> None:
        self.board.listen(self._on_change)

    def apply(self, accounts: Mapping[str, Account]) -> None:
        """Make the running keepers those of the config; an unchanged account keeps its very connection.

        A trip under way is carried to zero first, as it was begun: only then is its account observed, or let go.
        """
        self._leaving -= accounts.keys()
        before = self.board.guards()
        for name in [name for name in self._running if name not in accounts]:
            self._let_go(name)
        for account in accounts.values():
            self.board.add(account)
        self.board.bring_home(before)
        for account in accounts.values():
            self._bring_up_to_date(account)
            # What fails is tried anew at once: the config, a secret or the venue's list of keys may have changed.
            if self.board.standing(account.name).guard.trouble is not None:
                self.board.post(account.name, facts.Called(self.board.clock.now()))
        self.board.leaving = {}

    def _let_go(self, name: str) -> None:
        if not self.board.standing(name).guard.tripping:
            self._running.pop(name).scope.cancel()
            self.board.forget(name)
        elif name not in self._leaving:
            self._leaving.add(name)
            log.warning("%s: gone from the config, but being tripped: that is carried to zero first", name)

    def _bring_up_to_date(self, wanted: Account) -> None:
        account, known = in_force(wanted, self.board.standing(wanted.name).guard), self._running.get(wanted.name)
        if known is not None and known.account.session_settings() == account.session_settings():
            known.account, known.wanted = account, wanted  # over the same session
            if known.keeper is not None:
                known.keeper.account = account
            return
        if known is not None:
            known.scope.cancel()
            self.board.post(wanted.name, facts.SessionClosed(self.board.clock.now()))
        self._running[account.name] = kept = Kept(account, wanted)
        self.nursery.start_soon(self._supervise, kept)

    def _on_change(self, name: str, before: Standing, after: Standing) -> None:
        """What had to wait for the end of a trip; and a desk's new terms, for its witness."""
        ended = before.guard.tripping and not after.guard.tripping
        if (ended or _terms(before) != _terms(after)) and name in self._running:
            self.nursery.start_soon(self._catch_up, name)

    async def _catch_up(self, name: str) -> None:
        known = self._running.get(name)
        if known is None or self.board.standing(name).guard.tripping:
            return
        if name in self._leaving:
            self._leaving.discard(name)
            self._let_go(name)
            self.board.leaving = {}
            log.info("%s: its trip is done; it is let go, as the config says", name)
        else:
            self._bring_up_to_date(known.wanted)

    async def _supervise(self, kept: Kept) -> None:
        """Run one keeper until cancelled, once its predecessor has left: its session's end is not that of the new one.

        If a bug brings the keeper down, tell it, start it anew, and spare its neighbours; while a lease may stand, no
        later than a renewal would come.
        """
        crashes, name = 0, kept.account.name
        with kept.scope:
            async with self._turns[name]:
                while True:
                    started_at = self.board.clock.now()
                    try:
                        kept.keeper = self.make_keeper(kept.account)
                        await kept.keeper.run()
                    except Exception as error:  # the one place where a bug is survived
                        if name not in self.board.configs:
                            return  # let go at this very instant, it read of an account that nobody knows any more
                        crashes = 1 if self.board.clock.now() - started_at >= CRASH_MEMORY else crashes + 1
                        log.exception("%s: the keeper crashed; this is a bug in deadman", name)
                        self.board.post(name, fact_of(error, self.board.clock.now()))
                    pause = RESTART.delay(crashes, self.chance)
                    if self.board.standing(name).guard.may_be_leased(self.board.clock.now()):
                        pause = min(pause, kept.account.timers.renew_interval)
                    await trio.sleep(pause)


def _terms(standing: Standing) -> Terms | None:
    sight = standing.guard.sight
    return None if sight is None else sight.terms


RELOAD_TIMEOUT = 10.0
"""Seconds for reading the file and its secrets; a hung disk keeps the old config."""


@dataclass
class Reloader:
    """`config` is the one in force. `read` reads the file and every secret anew, off the loop; it raises Faults."""

    config: Config
    board: Board
    watches: Watches
    keepers: Keepers
    read: Callable[[], Config]
    off_loop: OffLoop
    follow: Callable[[Config], None] = lambda config: None

    async def reload(self) -> None:
        """Never raises for what a person can write into a file, nor for what a host fails to tell."""
        attempt = Attempt(self.read, self.watches.inboxes.prepare)
        try:
            with trio.fail_after(RELOAD_TIMEOUT):
                config, change = await self.off_loop(attempt.run)
        except Faults as faults:
            self._keep_old([str(fault) for fault in faults.faults])
        except (SocketFault, UnknownUser, OSError) as error:
            self._keep_old([str(error)])
        except trio.TooSlowError:
            attempt.give_up()
            self._keep_old([f"{self.config.path}: not read, or its users not looked up, within {RELOAD_TIMEOUT:g} s"])
        else:
            self._commit(config, change)

    def _commit(self, config: Config, change: Change) -> None:
        self.watches.apply(config.watches, change)
        self.keepers.apply(config.accounts)
        self.follow(config)
        # Before any new keeper takes its first step: no lease for a bot that is not up, not even until the next look.
        self.watches.look()
        for table, before, after in (
            ("daemon", self.config.daemon, config.daemon),
            ("cluster", self.config.cluster, config.cluster),
        ):
            if before != after:
                log.warning("[%s] has changed: that needs a restart", table, extra={"event": "restart_needed"})
        self.config = config
        self.board.reload = Reload(True, self.board.clock.timestamp())
        words = "reloaded; what changed is in force. Secrets by credential need a restart, by file do not"
        self.board.tell(log, logging.INFO, "reloaded", words)

    def _keep_old(self, faults: list[str]) -> None:
        self.board.reload = Reload(False, self.board.reload.success_timestamp)
        for fault in faults:
            words = f"not reloaded, the old config stays in force: {fault}"
            self.board.tell(log, logging.ERROR, "reload_failed", words)


@dataclass
class Attempt:
    """One reading off the loop, of all that may fail or hang.

    What it opened after we gave up on it is closed again, by whoever comes last.
    """

    read: Callable[[], Config]
    prepare: Callable[[Mapping[str, WatchConfig]], Change]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _given_up: bool = False
    _change: Change | None = None

    def run(self) -> tuple[Config, Change]:
        config = self.read()
        change = self.prepare(config.watches)
        with self._lock:
            self._change = change
            if self._given_up:
                change.discard()
        return config, change

    def give_up(self) -> None:
        with self._lock:
            self._given_up = True
            if self._change is not None:
                self._change.discard()
