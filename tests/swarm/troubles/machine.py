"""What can go wrong with the machine we run on, and be done to us: crashes, reloads, clocks, the disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import trio
from trio.testing import MockClock

from deadman.model.keys import keys_of
from deadman.model.secret import SecretSource
from deadman.model.settings import Account
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.laws.pulse import Pulse
from tests.swarm.laws.record import Record
from tests.swarm.troubles.crashes import Crashes
from tests.swarm.world.desk import Desk
from tests.swarm.world.market import FULL

QUEUE = 10
"""Datagrams that the kernel keeps for a socket that is not read (net.unix.max_dgram_qlen)."""


@dataclass
class Machine:
    desk: Desk
    pulses: dict[str, Pulse]
    chance: Random
    clock: MockClock
    record: Record
    crashes: Crashes

    def troubles(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "crash": self.crashes.crash,
            "host lost": self.crashes.lose_host,
            "damaged state": self.crashes.damage,
            "reload": self.reload,
            "stutter": self.stutter,
            "kills": self.kills,
            "account removed": self.remove,
            "clock step": self.step,
            "suspend": self.suspend,
            "stall": self.stall,
            "disk full": self.fill_disk,
            "disk hangs": self.hang_disk,
            "secret missing": self.hide_secret,
        }

    async def reload(self) -> None:
        """None, one or several accounts changed, or a watch; the others keep their very connections."""
        if not self.desk.running:
            return
        accounts, watches = dict(self.desk.accounts), dict(self.desk.watches)
        for account in self.chance.sample(list(accounts.values()), self.chance.choice([0, 1, 1, 1, len(accounts)])):
            accounts[account.name] = edited(self.desk, account, self.chance)
        if self.chance.random() < 0.2:
            name = self.chance.choice(sorted(watches))
            watches[name] = replace(watches[name], timeout=watches[name].timeout * 1.25)
        if await self.desk.reload(*accounts.values(), watches=watches.values()):
            for name, watch in watches.items():
                self.pulses[name].timeout = watch.timeout

    async def remove(self) -> None:
        if not self.desk.running or len(self.desk.accounts) < 2:
            return
        gone = self.chance.choice(list(self.desk.accounts.values()))
        await self.desk.reload(*(one for one in self.desk.accounts.values() if one is not gone))
        await trio.sleep(self.chance.uniform(0.1, 20.0))
        while not self.desk.running:
            await trio.sleep(0.1)
        await self.desk.reload(*self.desk.accounts.values(), gone)

    async def step(self) -> None:
        step = self.chance.choice([-3600.0, -90.0, -5.0, 2.0, 90.0, 3600.0])
        self.desk.host.stepped += step
        await trio.sleep(self.chance.uniform(1.0, 30.0))
        self.desk.host.stepped -= step

    async def suspend(self) -> None:
        """All processes of this machine sleep; leases run out, and long sleepers lose their connections."""
        seconds = self.chance.choice([2.0, 15.0, 120.0])
        self.desk.host.sleep(seconds)
        for pulse in self.pulses.values():
            pulse.held_until -= seconds  # a hold ends by the clock on the wall
        if seconds > 10.0:
            for venue in (self.desk.market.deribit, self.desk.market.coinbase):
                venue.reset()
        self._grant(seconds)
        await trio.sleep(0.0)

    async def stall(self) -> None:
        """We are stopped, bots are not: their check-ins wait in the sockets, and are lost where those are full.

        The venues' timers stand still too.
        """
        self._stop(self.chance.choice([0.3, 2.0, 20.0]) * self.chance.uniform(0.5, 1.0))
        await trio.sleep(0.0)

    def _stop(self, seconds: float) -> None:
        began = trio.current_time()
        self.clock.jump(seconds)
        self.desk.host.woke_at = trio.current_time()
        for bot in self.desk.bots:
            at = began + bot.every
            room = QUEUE
            while bot.alive and bot.beating and at < began + seconds:
                if room:
                    bot.say("WATCHDOG=1", at=at)
                else:
                    self.pulses[bot.watch].hear(at, b"WATCHDOG=1", heard=False)
                at, room = at + bot.every, max(0, room - 1)
        self._grant(seconds)

    async def stutter(self) -> None:
        """We run for a moment and are stopped for one, again and again."""
        stopped = self.chance.choice([0.3, 0.9, 1.3, 2.5])
        for _ in range(self.chance.randint(3, 12)):
            self._stop(stopped)
            await trio.sleep(self.chance.choice([0.2, 0.7, 1.3]))

    async def kills(self) -> None:
        """kill -9 again and again."""
        for _ in range(self.chance.randint(2, 8)):
            await self.crashes.crash(pause=0.05)
            await trio.sleep(self.chance.choice([0.3, 0.7, 2.0]))

    def _grant(self, absence: float) -> None:
        """Who could not be heard for long is given a fresh timeout; a moment of ours is no silence of theirs."""
        now = self.crashes.disk_well_at = trio.current_time()
        for pulse in self.pulses.values():
            if absence > 1.0:
                pulse.granted(now)
            else:
                pulse.paused(now - absence, now)

    async def fill_disk(self) -> None:
        self.desk.host.disk.full = True
        await trio.sleep(self.chance.uniform(1.0, 30.0))
        self.desk.host.disk.full, self.crashes.disk_well_at = False, trio.current_time()

    async def hang_disk(self) -> None:
        disk = self.desk.host.disk
        usual, disk.seconds = disk.seconds, self.chance.choice([0.5, 3.0, 1000.0])
        await trio.sleep(self.chance.uniform(1.0, 30.0))
        disk.seconds, self.crashes.disk_well_at = usual, trio.current_time()

    async def hide_secret(self) -> None:
        name = self.chance.choice(sorted(self.desk.roster))
        self.desk.market.hidden.add(name)
        await trio.sleep(self.chance.uniform(1.0, 30.0))
        self.desk.market.hidden.discard(name)


def edited(desk: Desk, account: Account, chance: Random) -> Account:
    """The account with one key changed."""
    if chance.random() < 0.2:
        return other_path(desk, account)
    if isinstance(account, SxBetAccount):
        return edited_sxbet(account, chance)
    assert isinstance(account, DeribitAccount)
    if chance.random() < 0.2:
        return second_key(desk, account)
    return edited_deribit(account, chance)


def edited_sxbet(account: SxBetAccount, chance: Random) -> SxBetAccount:
    pick: Any = chance.choice
    if chance.random() < 0.5:
        return replace(account, timeout_seconds=pick([15, 20, 30, 45]), renew_interval=5.0)
    return replace(account, on_trip=pick(["cancel", "expire", "lapse"] if account.api == "v3" else ["expire", "lapse"]))


def edited_deribit(account: DeribitAccount, chance: Random) -> DeribitAccount:
    pick: Any = chance.choice
    match chance.randrange(3):
        case 0:
            return replace(account, verify_interval=pick([3.0, 5.0, 10.0, 20.0]))
        case 1:
            return replace(account, heartbeat_interval=pick([10, 20]))
    return replace(account, orders_via=pick([("websocket",), ("websocket", "rest"), ("fix",)]))


def other_path(desk: Desk, account: Account) -> Account:
    """The same secret, kept elsewhere."""
    name, source = f"{account.name}_copy", account.secret_source
    key = next(key.attribute for key in keys_of(type(account)) if getattr(account, key.attribute) is source)
    if source.name != account.name:  # back again
        name = account.name
    desk.market.secrets[name] = desk.market.secrets[source.name]
    changes: Any = {key: SecretSource("env", name)}
    return replace(account, **changes)


def second_key(desk: Desk, account: DeribitAccount) -> DeribitAccount:
    """Another API key of the same account at the venue."""
    if account.client_id is None or account.client_secret is None:
        return account
    second = f"{account.client_id}2"
    secret = desk.market.secrets[account.client_secret.name]
    desk.market.deribit.add_key(second, desk.market.owner(account), secret=secret.reveal(), scope=FULL)
    return replace(account, client_id=second)
