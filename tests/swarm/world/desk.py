"""A trading desk in memory: our daemon on one side, simulated venues on the other, and a clock that jumps ahead."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import trio

from deadman.config.document import Faults
from deadman.model.account import Standing
from deadman.model.board import Board
from deadman.model.guard import Phase
from deadman.model.settings import Account, WatchConfig
from deadman.simulator.deribit.venue import Deribit
from deadman.simulator.network import Network
from deadman.simulator.sxbet.ledger import Settings
from deadman.simulator.sxbet.venue import SxBet
from tests.swarm.world.accounts import DERIBIT_HOST, SXBET_HOST, coinbase_account, deribit_account, sxbet_account
from tests.swarm.world.bot import Bot
from tests.swarm.world.config import write_config
from tests.swarm.world.host import Host
from tests.swarm.world.life import Life, Observer
from tests.swarm.world.market import Market, open_market

__all__ = [
    "DERIBIT_HOST",
    "SXBET_HOST",
    "Desk",
    "coinbase_account",
    "deribit_account",
    "lay_out",
    "open_desk",
    "sxbet_account",
]

DIRECTORIES = {"listen": "", "runtime_directory": "/run/deadman", "state_directory": "/var/lib/deadman"}
MailObserver = Callable[[str, float, bytes, bool], None]
"""Told the watch, the instant, the words, and whether anybody listened."""

RESTART = 1.0
"""Seconds until the service manager starts again what has exited."""

CommandObserver = Callable[[str, dict[str, Any], dict[str, Any]], None]
"""Told the method, what was asked, and what was answered."""


@dataclass
class Desk:
    """The whole of it. `life` is the daemon's present run, `accounts` and `watches` its config; `roster` has every
    account there ever was."""

    market: Market
    host: Host
    nursery: trio.Nursery
    chance: Random
    accounts: dict[str, Account]
    watches: dict[str, WatchConfig]
    life: Life
    roster: dict[str, Account]
    daemon: dict[str, Any] = field(default_factory=lambda: dict(DIRECTORIES))
    cluster: dict[str, Any] | None = None
    running: bool = False
    bots: list[Bot] = field(default_factory=list)
    observers: list[Observer] = field(default_factory=list)
    listeners: list[MailObserver] = field(default_factory=list)
    askers: list[Callable[[str, dict[str, Any]], None]] = field(default_factory=list)
    hearers: list[CommandObserver] = field(default_factory=list)
    reloads: list[tuple[Callable[[set[str]], None], Callable[[], None]]] = field(default_factory=list)
    starts: list[Callable[[], None]] = field(default_factory=list)
    ends: list[Callable[[], None]] = field(default_factory=list)

    @property
    def board(self) -> Board:
        return self.life.board

    @property
    def network(self) -> Network:
        return self.market.network

    @property
    def exchange(self) -> Deribit:
        return self.market.deribit

    @property
    def sxbet(self) -> SxBet:
        return self.market.sxbet

    def standing(self, name: str = "desk") -> Standing:
        return self.board.standing(name)

    def phase(self, name: str = "desk") -> Phase:
        return self.standing(name).phase

    def protected(self, name: str = "desk") -> bool:
        return self.standing(name).guard.protected(self.board.clock.now())

    def open_orders(self, name: str = "desk") -> int:
        return len(self.market.open_orders(self.accounts[name]))

    async def until(self, *phases: Phase, within: float, name: str = "desk") -> float:
        """Seconds until the account stands in one of the phases."""
        began = trio.current_time()
        with trio.fail_after(within):
            while self.phase(name) not in phases:
                await trio.sleep(0.01)
        return trio.current_time() - began

    async def gone(self, name: str, within: float) -> float:
        """Seconds until the exchange holds no order of the account."""
        began = trio.current_time()
        with trio.fail_after(within):
            while self.open_orders(name):
                await trio.sleep(0.01)
        return trio.current_time() - began

    def bot(self, watch: str, every: float = 0.5) -> Bot:
        """A trading process that checks in from now on."""
        bot = Bot(watch, self.market, self.host, self._deliver, every)
        self.bots.append(bot)
        self.nursery.start_soon(bot.run)
        return bot

    async def command(self, method: str, *accounts: str, **params: Any) -> dict[str, Any]:
        """An operator's word through the control room; accounts' outcomes, or a watch's."""
        named = {"accounts": list(accounts)} if accounts else {}
        for asker in self.askers:
            asker(method, {**named, **params})
        answer = await self.life.ask(method, {**named, **params})
        for hearer in self.hearers:
            hearer(method, {**named, **params}, answer)
        return answer

    async def reload(self, *accounts: Account, watches: Iterable[WatchConfig] | None = None) -> bool:
        """An edit: the file is written, and SIGHUP sent; whether it was taken. If not, the old config is in force."""
        before, accounts_before, watches_before = self._settings(), self.accounts, self.watches
        self.accounts = {account.name: account for account in accounts}
        self.roster.update(self.accounts)
        if watches is not None:
            self.watches = {watch.name: watch for watch in watches}
        self.write_config()
        unchanged = {name for name, settings in self._settings().items() if before.get(name) == settings}
        for begin, _ in self.reloads:
            begin(unchanged)
        taken = await self.life.reload()
        if not taken:
            self.accounts, self.watches = accounts_before, watches_before
            self.write_config()
        for _, end in self.reloads:
            end()
        return taken

    async def reload_broken(self, breaking: Callable[[str], str]) -> None:
        """An edit that cannot be taken: it concerns nobody."""
        self.write_config()
        self.host.config.write_text(breaking(self.host.config.read_text()))
        for begin, _ in self.reloads:
            begin(set(self.accounts))
        assert not await self.life.reload()
        for _, end in self.reloads:
            end()

    def _settings(self) -> dict[str, object]:
        """All that the config says of an account and of its watches."""
        return {
            name: (account, [self.watches.get(watch) for watch in account.watches])
            for name, account in self.accounts.items()
        }

    def write_config(self) -> None:
        for account in self.accounts.values():
            self.market.enroll(account)
        write_config(self.host.config, self.accounts.values(), self.watches.values(), self.daemon, self.cluster)

    async def crash(self) -> None:
        """kill -9: the kernel closes our sockets, nothing more is written or sent."""
        self.kill()
        await self.life.ended.wait()
        for end in self.ends:
            end()

    def kill(self) -> None:
        self.running, self.life.store.cut = False, True
        self.life.scope.cancel()

    async def start(self, note: Callable[[], None] = lambda: None) -> None:
        """Start the daemon; one that exits for a config or a secret is started again, as systemd does.

        `note` is called once it has all that it needs, before it does anything.
        """
        self.write_config()
        while True:
            self.life = Life(self.market, self.host, self.chance, *self.observers)
            self.life.begins = note
            try:
                await self.nursery.start(self.life.run)
                break
            except Faults:
                await trio.sleep(RESTART)
        self.running = True
        for start in self.starts:
            start()

    def _deliver(self, watch: str, at: float, words: bytes, pid: int) -> bool:
        """A datagram to the watch's socket; False where nobody listens."""
        heard = self.running and self.life.hear(watch, at, words, pid)
        for listener in self.listeners:
            listener(watch, at, words, heard)
        return heard


@asynccontextmanager
async def lay_out(
    *accounts: Account,
    watches: Iterable[WatchConfig] = (),
    seed: int = 1,
    sxbet: Settings = Settings(),  # noqa: B008  it is frozen
) -> AsyncIterator[Desk]:
    """A desk whose daemon has not been started."""
    chance = Random(seed)
    with TemporaryDirectory(prefix="desk-") as directory:
        async with open_market(seed, sxbet) as market, trio.open_nursery() as nursery:
            host = Host(market.time, Path(directory))
            for account in accounts:
                market.enroll(account)
            by_name = {account.name: account for account in accounts}
            life = Life(market, host, chance)
            yield Desk(
                market, host, nursery, chance, by_name, {watch.name: watch for watch in watches}, life, dict(by_name)
            )
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def open_desk(
    *accounts: Account,
    watches: Iterable[WatchConfig] = (),
    seed: int = 1,
    sxbet: Settings = Settings(),  # noqa: B008  it is frozen
) -> AsyncIterator[Desk]:
    async with lay_out(*accounts, watches=watches, seed=seed, sxbet=sxbet) as desk:
        await desk.start()
        yield desk
