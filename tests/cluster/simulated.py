"""A desk and its witness in memory, with one venue, one register and a clock that jumps: every fault at will.

The venue's book is the oracle: what the witness cancelled, and whether it had to, or must not.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import trio

from deadman.model.guard import Phase
from deadman.model.settings import Account, WatchConfig
from deadman.simulator.exchange import Order, Received
from deadman.simulator.sxbet.ledger import Settings
from deadman.status.report import report
from deadman.status.schema import AccountReport, StatusReport
from tests.support.registers import HostsRegister, MemoryRegister
from tests.swarm.world.accounts import deribit_account
from tests.swarm.world.bot import Bot
from tests.swarm.world.desk import DIRECTORIES, Desk
from tests.swarm.world.host import Host
from tests.swarm.world.life import Life
from tests.swarm.world.market import Market, open_market

TIMEOUT = 15.0
OPTIONS = deribit_account("options", watches=("quoter",), on_trip="cancel")
WITNESS = deribit_account("standby", witness_of="alpha/options", on_trip="cancel")
ALLOWED = {
    "public/auth",
    "public/set_heartbeat",
    "public/test",
    "private/get_account_summary",
    "private/subscribe",
    "private/get_open_orders",
    "private/get_open_orders_by_currency",
    "private/get_order_state",
    "private/cancel",
    "private/cancel_all",
    "private/cancel_all_by_currency",
    "private/cancel_by_label",
}
"""All that a witness ever asks of the venue: nothing that arms, repairs or renews."""


@dataclass
class SimulatedPair:
    """`received` is all that the venue was ever asked."""

    market: Market
    register: MemoryRegister
    desk: Desk
    witnesses: list[Desk]
    received: list[Received] = field(default_factory=list)
    bot: Bot | None = None

    @property
    def witness(self) -> Desk:
        return self.witnesses[0]

    @property
    def line(self) -> HostsRegister:
        """The desk's, to the register."""
        assert self.desk.host.register is not None
        return self.desk.host.register

    @property
    def witness_line(self) -> HostsRegister:
        assert self.witness.host.register is not None
        return self.witness.host.register

    @property
    def open(self) -> list[Order]:
        return self.market.exchange(OPTIONS).open_orders(OPTIONS.name)

    def rest(self, number: int = 3, **details: object) -> list[Order]:
        """By REST, so that they hang on no connection."""
        exchange = self.market.exchange(OPTIONS)
        return [exchange.place(OPTIONS.name, connection=None, **details) for _ in range(number)]

    async def start(self) -> None:
        await self.desk.start()
        self.start_bot()
        for witness in self.witnesses:
            await witness.start()
        await self.stands_by()

    def start_bot(self) -> None:
        self.bot = self.desk.bot("quoter")

    async def stands_by(self, within: float = 60.0) -> None:
        with trio.fail_after(within):
            while not self.is_standing_by:
                await trio.sleep(0.1)

    @property
    def is_standing_by(self) -> bool:
        known = self.told(self.desk).witnesses
        proven = sum(one.can_cancel for one in known) == len(self.witnesses)
        return proven and all(one.phase(WITNESS.name) is Phase.ARMED for one in self.witnesses)

    async def die(self) -> None:
        """The desk's host, with all that is on it."""
        if self.bot is not None:
            self.bot.scope.cancel()
        await self.desk.crash()

    async def stop(self, desk: Desk) -> None:
        """SIGTERM to a daemon."""
        desk.life.send_signal.send_nowait(signal.SIGTERM)
        await desk.life.ended.wait()
        desk.running = False

    async def gone(self, within: float) -> float:
        began = trio.current_time()
        with trio.fail_after(within):
            while self.open:
                await trio.sleep(0.05)
        return trio.current_time() - began

    async def stays(self, seconds: float) -> None:
        before, until = len(self.open), trio.current_time() + seconds
        while trio.current_time() < until:
            await trio.sleep(0.5)
            assert len(self.open) == before, f"orders went after {seconds - until + trio.current_time():.1f} s"

    def told(self, desk: Desk) -> AccountReport:
        name = OPTIONS.name if desk is self.desk else WITNESS.name
        return self.status(desk).accounts[name]

    def status(self, desk: Desk) -> StatusReport:
        return report(desk.board)

    def sent_by(self, key: str) -> list[Received]:
        ours = {one.connection for one in self.received if one.params.get("client_id") == key}
        return [one for one in self.received if one.connection in ours]

    def misdeeds(self) -> set[str]:
        """What witnesses sent that none ever may."""
        keys = [str(one.accounts[WITNESS.name].client_id) for one in self.witnesses]  # type: ignore[attr-defined]
        return {one.method for key in keys for one in self.sent_by(key)} - ALLOWED


@asynccontextmanager
async def lay_out_pair(
    *, seed: int = 1, witnesses: Iterable[str] = ("bravo",), options: Account = OPTIONS
) -> AsyncIterator[SimulatedPair]:
    """Neither daemon is started."""
    register, chance = MemoryRegister(), Random(seed)
    with TemporaryDirectory(prefix="pair-") as name:
        async with open_market(seed, Settings()) as market, trio.open_nursery() as nursery:

            def new(who: str, account: Account, watches: Iterable[WatchConfig]) -> Desk:
                directory = Path(name) / who
                directory.mkdir()
                host = Host(market.time, directory, register=HostsRegister(register), machine=f"machine-{who}")
                accounts, known = {account.name: account}, {watch.name: watch for watch in watches}
                life = Life(market, host, chance)
                made = Desk(market, host, nursery, chance, accounts, known, life, dict(accounts))
                made.daemon = {**DIRECTORIES, "name": who}
                made.cluster = {"endpoints": ["http://127.0.0.1:2379"], "host_timeout": TIMEOUT}
                return made

            market.enroll(options)
            desk = new("alpha", options, [WatchConfig("quoter", 5.0)])
            standing_by = []
            for number, who in enumerate(witnesses):
                account = deribit_account(
                    WITNESS.name, witness_of=WITNESS.witness_of, on_trip="cancel", client_id=f"id-{who}"
                )
                market.enroll(account) if number == 0 else None
                secret = market.secrets[account.name].reveal()
                market.deribit.add_key(f"id-{who}", options.name, secret=secret, scope="account:read trade:read_write")
                standing_by.append(new(who, account, []))
            pair = SimulatedPair(market, register, desk, standing_by)
            market.readers.append(pair.received.append)
            yield pair
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def open_pair(
    *, seed: int = 1, witnesses: Iterable[str] = ("bravo",), options: Account = OPTIONS
) -> AsyncIterator[SimulatedPair]:
    """The witnesses stand by, and three orders rest that only they would cancel if the host died."""
    async with lay_out_pair(seed=seed, witnesses=witnesses, options=options) as pair:
        await pair.start()
        pair.rest()
        yield pair
        assert pair.misdeeds() == set()
