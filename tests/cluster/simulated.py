"""A desk and its witness in memory, with one venue, one register and a clock that jumps: every fault at will.

The venue's book is the oracle: what the witness cancelled, and whether it had to, or must not.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import trio

from deadman.model.guard import Phase
from deadman.model.secret import Secret
from deadman.model.settings import Account, WatchConfig
from deadman.simulator.exchange import Order, Received
from deadman.simulator.sxbet.ledger import Settings
from deadman.status.report import report
from deadman.status.schema import AccountReport, StatusReport
from deadman.venues.deribit.settings import DeribitAccount
from tests.support.registers import HostsRegister, MemoryRegister
from tests.swarm.world.accounts import deribit_account
from tests.swarm.world.bot import Bot
from tests.swarm.world.desk import DIRECTORIES, Desk
from tests.swarm.world.host import Host
from tests.swarm.world.life import Life
from tests.swarm.world.market import Market, open_market

TIMEOUT = 15.0
DESK = "alpha"
OPTIONS = deribit_account("options", watches=("quoter",), on_trip="cancel")
WATCHES = {"quoter": WatchConfig("quoter", 5.0)}


def standing_by_for(account: Account) -> DeribitAccount:
    """The account of a witness that watches over one of the desk's."""
    beat = getattr(account, "heartbeat_interval", 30)
    name, witness_of = f"{DESK}_{account.name}", f"{DESK}/{account.name}"
    return deribit_account(name, witness_of=witness_of, on_trip="cancel", heartbeat_interval=beat)


WITNESS = standing_by_for(OPTIONS)
WITNESS_SCOPE = "account:read trade:read_write"
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
    bots: dict[str, Bot] = field(default_factory=dict)

    @property
    def bot(self) -> Bot:
        """The only one, or the first."""
        return next(iter(self.bots.values()))

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
        self.start_bots()
        for witness in self.witnesses:
            await witness.start()
        await self.stands_by()

    def start_bots(self) -> None:
        self.bots = {name: self.desk.bot(name) for name in self.desk.watches}

    async def stands_by(self, within: float = 60.0) -> None:
        with trio.fail_after(within):
            while not self.is_standing_by:
                await trio.sleep(0.1)

    @property
    def is_standing_by(self) -> bool:
        """Whatever becomes of the desk's own way to the venue."""
        return not [one for one in self.unsettled if not one.startswith(f"{DESK}/")]

    @property
    def unsettled(self) -> list[str]:
        """Who does not stand as in calm hours."""
        if not all(host.running for host in (self.desk, *self.witnesses)):
            return ["a daemon does not run"]
        hosts = {str(host.daemon["name"]): host.board.standings() for host in (self.desk, *self.witnesses)}
        found = [
            f"{host}/{name} is {one.phase}"
            for host, standings in hosts.items()
            for name, one in standings.items()
            if one.phase is not Phase.ARMED
        ]
        now, guards = trio.current_time(), self.desk.board.guards().items()
        proven = {name: sum(one.proven(now) for one in guard.witnesses) for name, guard in guards}
        return found + [f"{name} has no witness" for name, number in proven.items() if number < len(self.witnesses)]

    async def die(self) -> None:
        """The desk's host, with all that is on it."""
        for bot in self.bots.values():
            bot.scope.cancel()
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
        accounts = [account for witness in self.witnesses for account in witness.roster.values()]
        keys = {str(one.client_id) for one in accounts if isinstance(one, DeribitAccount)}
        return {one.method for key in keys for one in self.sent_by(key)} - ALLOWED


class NamesOfEach(trio.abc.HostnameResolver):
    """Each daemon's own name service, though all of them run in one loop, which can have but one."""

    def __init__(self) -> None:
        self.own: ContextVar[trio.abc.HostnameResolver] = ContextVar("own")

    async def getaddrinfo(self, *name: Any, **options: Any) -> Any:
        return await self.own.get().getaddrinfo(*name, **options)

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        raise NotImplementedError

    @contextmanager
    def installed(self) -> Iterator[None]:
        trio.socket.set_custom_hostname_resolver(self)
        with patch.object(trio.socket, "set_custom_hostname_resolver", self.own.set):
            yield


@asynccontextmanager
async def lay_out_pair(
    *accounts: Account,
    seed: int = 1,
    witnesses: Iterable[str] = ("bravo",),
    watches: Mapping[str, WatchConfig] = WATCHES,
    host_timeout: float = TIMEOUT,
) -> AsyncIterator[SimulatedPair]:
    """Neither daemon is started. Every account of the desk, `OPTIONS` where none is named, has all the witnesses."""
    register, chance, accounts = MemoryRegister(), Random(seed), accounts or (OPTIONS,)
    with TemporaryDirectory(prefix="pair-") as name, NamesOfEach().installed():
        async with open_market(seed, Settings()) as market, trio.open_nursery() as nursery:

            def new(who: str, accounts: Iterable[Account], watches: Mapping[str, WatchConfig]) -> Desk:
                directory = Path(name) / who
                directory.mkdir()
                line, machine = HostsRegister(register), f"machine-{who}"
                host = Host(market.time, directory, address=who, register=line, machine=machine)
                known = {account.name: account for account in accounts}
                life = Life(market, host, chance)
                made = Desk(market, host, nursery, chance, known, dict(watches), life, dict(known))
                made.daemon = {**DIRECTORIES, "name": who}
                made.cluster = {"endpoints": ["http://127.0.0.1:2379"], "host_timeout": host_timeout}
                return made

            def key_of(who: str, account: Account) -> Account:
                """Of its own, for the desk's account."""
                made = replace(standing_by_for(account), client_id=f"id-{who}-{account.name}")
                market.secrets.setdefault(made.name, Secret(f"hush-{made.name}"))
                secret = market.secrets[made.name].reveal()
                market.deribit.add_key(str(made.client_id), account.name, secret=secret, scope=WITNESS_SCOPE)
                return made

            for account in accounts:
                market.enroll(account)
            desk = new(DESK, accounts, watches)
            standing_by = [new(who, [key_of(who, account) for account in accounts], {}) for who in witnesses]
            pair = SimulatedPair(market, register, desk, standing_by)
            market.readers.append(pair.received.append)
            yield pair
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def open_pair(*accounts: Account, **changes: Any) -> AsyncIterator[SimulatedPair]:
    """The witnesses stand by, and three orders rest that only they would cancel if the host died."""
    async with lay_out_pair(*accounts, **changes) as pair:
        await pair.start()
        pair.rest()
        yield pair
        assert pair.misdeeds() == set()
