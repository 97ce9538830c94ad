"""One keeper an account: started, watched over, and exchanged when the config changes. None waits for another."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

import trio

from deadman import facts
from deadman.backoff import Backoff
from deadman.board import Board
from deadman.config.schema import Account, DeribitAccount
from deadman.duty import crashed
from deadman.keeper import Keeper
from deadman.venue import Post, Session

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
class Keepers:
    """All keepers of one run, in one nursery."""

    board: Board
    nursery: trio.Nursery
    chance: Random
    make_door: MakeDoor
    make_keeper: MakeKeeper
    _running: dict[str, tuple[Account, trio.CancelScope]] = field(default_factory=dict)
    _turns: defaultdict[str, trio.Lock] = field(default_factory=lambda: defaultdict(trio.Lock))

    def apply(self, accounts: Mapping[str, Account]) -> None:
        """Make the running keepers those of the config; an unchanged account keeps its very connection."""
        for name in [name for name in self._running if name not in accounts]:
            self._stop(name)
            self.board.forget(name)
        for account in accounts.values():
            self._bring_up_to_date(account)

    def _bring_up_to_date(self, account: Account) -> None:
        known = self._running.get(account.name)
        if known is not None and known[0] == account:
            return
        if known is not None:
            self._stop(account.name)
            self.board.post(account.name, facts.SessionClosed(self.board.clock.now()))
            if identity(known[0]) != identity(account):
                self.board.forget(account.name)
        self._start(account)

    def _stop(self, name: str) -> None:
        """Falls silent: the keeper leaves without a word to the venue."""
        self._running.pop(name)[1].cancel()

    def _start(self, account: Account) -> None:
        scope = trio.CancelScope()
        self._running[account.name] = account, scope
        self.board.add(account)
        self.nursery.start_soon(self._supervise, account, scope)

    async def _supervise(self, account: Account, scope: trio.CancelScope) -> None:
        """Run one keeper, once its predecessor has left: the end of the old session is not the end of the new one."""
        with scope:
            async with self._turns[account.name]:
                await self._run_for_ever(account)

    async def _run_for_ever(self, account: Account) -> None:
        """Run the keeper until cancelled; if a bug brings it down, tell it, start it anew, and spare its neighbours."""
        crashes = 0
        while True:
            started_at = self.board.clock.now()
            try:
                await self._keep(account)
            except Exception as error:  # the one place where a bug is survived
                crashes = 1 if self.board.clock.now() - started_at >= QUIET else crashes + 1
                log.exception("%s: the keeper crashed; this is a bug in deadman", account.name)
                self.board.post(account.name, crashed(error, self.board.clock.now()))
            await trio.sleep(RESTART.delay(crashes, self.chance))

    async def _keep(self, account: Account) -> None:
        door = self.make_door(account, lambda fact: self.board.post(account.name, fact))
        await self.make_keeper(account, door).run()


def identity(account: Account) -> tuple[object, ...]:
    """What makes it another account at the venue: what was proven of the one says nothing of the other."""
    if isinstance(account, DeribitAccount):
        return account.url, account.client_id, account.key_name
    return account.url, account.api, account.requestor, account.api_key
