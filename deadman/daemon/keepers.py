"""One keeper an account: started, watched over, and exchanged when the config changes. None waits for another."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

import trio

from deadman.checkins.rounds import Change, Watches
from deadman.checkins.senders import UnknownUser
from deadman.config.fault import Faults
from deadman.daemon.keeper import Keeper
from deadman.model import facts
from deadman.model.account import Standing
from deadman.model.board import Board, Reload
from deadman.model.duty import crashed, in_force
from deadman.model.settings import Account, Config
from deadman.model.timers import Backoff
from deadman.transport.threads import OffLoop
from deadman.transport.unix import SocketFault
from deadman.venues.venue import Post, Session

log = logging.getLogger(__name__)

QUIET = 60.0
"""Seconds without a crash after which the next one counts as a first."""

RESTART = Backoff(first=1.0, cap=30.0)
"""After a bug brought a keeper down."""


class Door(Protocol):
    """An account's way into its venue."""

    def open_session(self) -> AbstractAsyncContextManager[Session]: ...

    async def count_orders(self) -> int: ...


MakeDoor = Callable[[Account, Post], Door]
"""The door tells `Post` what happens; which one leads where is the composition root's to know."""

MakeKeeper = Callable[[Account, Door], Keeper]


@dataclass
class Kept:
    """A keeper at work: `account` as it is kept now, `wanted` as the config names it."""

    account: Account
    wanted: Account
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    keeper: Keeper | None = None

    def take(self, account: Account, wanted: Account) -> None:
        """Go on over the same session with what does not touch it."""
        self.account, self.wanted = account, wanted
        if self.keeper is not None:
            self.keeper.account = account


@dataclass
class Keepers:
    """All keepers of one run, in one nursery."""

    board: Board
    nursery: trio.Nursery
    chance: Random
    make_door: MakeDoor
    make_keeper: MakeKeeper
    _running: dict[str, Kept] = field(default_factory=dict)
    _leaving: set[str] = field(default_factory=set)
    _turns: defaultdict[str, trio.Lock] = field(default_factory=lambda: defaultdict(trio.Lock))

    def __post_init__(self) -> None:
        self.board.listen(self._heed)

    def apply(self, accounts: Mapping[str, Account]) -> None:
        """Make the running keepers those of the config; an unchanged account keeps its very connection.

        A trip under way is carried to zero first, as it was begun: only then is its account observed, or let go.
        """
        self._leaving -= accounts.keys()
        for name in [name for name in self._running if name not in accounts]:
            self._let_go(name)
        for account in accounts.values():
            self.board.add(account)
            self._bring_up_to_date(account)
            self._call(account.name)
        self.board.leaving = {}

    def _call(self, name: str) -> None:
        """Whatever fails is tried anew at once: the config, a secret or the venue's list of keys may have changed."""
        if self.board.standing(name).guard.trouble is not None:
            self.board.post(name, facts.Called(self.board.clock.now()))

    def _let_go(self, name: str) -> None:
        if not self.board.standing(name).guard.tripping:
            self._stop(name)
            self.board.forget(name)
        elif name not in self._leaving:
            self._leaving.add(name)
            log.warning("%s: gone from the config, but being tripped: that is carried to zero first", name)

    def _bring_up_to_date(self, wanted: Account) -> None:
        account, known = in_force(wanted, self.board.standing(wanted.name).guard), self._running.get(wanted.name)
        if known is not None and known.account.session_settings() == account.session_settings():
            known.take(account, wanted)
            return
        if known is not None:
            self._stop(wanted.name)
            self.board.post(wanted.name, facts.SessionClosed(self.board.clock.now()))
        self._start(Kept(account, wanted))

    def _heed(self, name: str, before: Standing, after: Standing) -> None:
        """What had to wait for the end of a trip."""
        if before.guard.tripping and not after.guard.tripping and name in self._running:
            self.nursery.start_soon(self._after_trip, name)

    async def _after_trip(self, name: str) -> None:
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

    def _stop(self, name: str) -> None:
        """Falls silent: the keeper leaves without a word to the venue."""
        self._running.pop(name).scope.cancel()

    def _start(self, kept: Kept) -> None:
        self._running[kept.account.name] = kept
        self.nursery.start_soon(self._supervise, kept)

    async def _supervise(self, kept: Kept) -> None:
        """Run one keeper, once its predecessor has left: the end of the old session is not the end of the new one."""
        with kept.scope:
            async with self._turns[kept.account.name]:
                await self._run_for_ever(kept)

    async def _run_for_ever(self, kept: Kept) -> None:
        """Run the keeper until cancelled; if a bug brings it down, tell it, start it anew, and spare its neighbours."""
        crashes, name = 0, kept.account.name
        while True:
            started_at = self.board.clock.now()
            try:
                await self._keep(kept)
            except Exception as error:  # the one place where a bug is survived
                if name not in self.board.configs:
                    return  # let go at this very instant, it read of an account that nobody knows any more
                crashes = 1 if self.board.clock.now() - started_at >= QUIET else crashes + 1
                log.exception("%s: the keeper crashed; this is a bug in deadman", name)
                self.board.post(name, crashed(error, self.board.clock.now()))
            await trio.sleep(self._pause(kept.account, crashes))

    def _pause(self, account: Account, crashes: int) -> float:
        """Seconds until a crashed keeper is started anew; while a lease may stand, no longer than between renewals."""
        pause = RESTART.delay(crashes, self.chance)
        leased = self.board.standing(account.name).guard.may_be_leased(self.board.clock.now())
        return min(pause, account.timers.renew_interval) if leased else pause

    async def _keep(self, kept: Kept) -> None:
        name = kept.account.name
        door = self.make_door(kept.account, lambda fact: self.board.post(name, fact))
        kept.keeper = self.make_keeper(kept.account, door)
        await kept.keeper.run()


RELOAD_TIMEOUT = 10.0
"""Seconds for reading the file and its secrets; a hung disk keeps the old config."""


class Reloader:
    """Knows what is in force. `read` reads the file and every secret anew, off the loop; it raises Faults."""

    def __init__(
        self,
        config: Config,
        board: Board,
        watches: Watches,
        keepers: Keepers,
        read: Callable[[], Config],
        off_loop: OffLoop,
    ) -> None:
        self._config = config
        self._read = read
        self._off_loop = off_loop
        self._board = board
        self._watches = watches
        self._keepers = keepers

    async def reload(self) -> None:
        """Never raises for what a person can write into a file, nor for what a host fails to tell."""
        attempt = Attempt(self._prepare)
        try:
            with trio.fail_after(RELOAD_TIMEOUT):
                config, change = await self._off_loop(attempt.run)
        except Faults as faults:
            self._keep_old([str(fault) for fault in faults.faults])
        except (SocketFault, UnknownUser, OSError) as error:
            self._keep_old([str(error)])
        except trio.TooSlowError:
            attempt.give_up()
            self._keep_old([f"{self._config.path}: not read, or its users not looked up, within {RELOAD_TIMEOUT:g} s"])
        else:
            self._take(config, change)

    def _prepare(self) -> tuple[Config, Change]:
        """All that may fail or hang."""
        config = self._read()
        return config, self._watches.prepare(config.watches)

    def _take(self, config: Config, change: Change) -> None:
        self._watches.commit(config.watches, change)
        self._keepers.apply(config.accounts)
        # Before any new keeper takes its first step: no lease for a bot that is not up, not even until the next look.
        self._watches.look()
        if config.daemon != self._config.daemon:
            log.warning("[daemon] has changed: that needs a restart", extra={"event": "restart_needed"})
        self._config = config
        self._board.reload = Reload(True, self._board.clock.timestamp())
        told = {"event": "reloaded"}
        log.info("reloaded; what changed is in force. Secrets by credential need a restart, by file do not", extra=told)

    def _keep_old(self, faults: list[str]) -> None:
        self._board.reload = Reload(False, self._board.reload.success_timestamp)
        for fault in faults:
            log.error("not reloaded, the old config stays in force: %s", fault, extra={"event": "reload_failed"})


class Attempt:
    """One reading off the loop. What it opened after we gave up on it is closed again, by whoever comes last."""

    def __init__(self, prepare: Callable[[], tuple[Config, Change]]) -> None:
        self._prepare = prepare
        self._lock = threading.Lock()
        self._given_up = False
        self._change: Change | None = None

    def run(self) -> tuple[Config, Change]:
        config, change = self._prepare()
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
