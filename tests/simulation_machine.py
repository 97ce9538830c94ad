"""What can go wrong with the machine we run on, and with ourselves: crashes, reloads, clocks, the disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from math import inf
from random import Random

import trio
from trio.testing import MockClock

from deadman.config.schema import DeribitAccount
from deadman.guard import Guard
from deadman.state.state import RETRY, WRITE_TIMEOUT
from tests.desk import Desk
from tests.simulation_pulse import Pulse
from tests.simulation_record import Record

QUEUE = 10
"""Datagrams that the kernel keeps for a socket that is not read (net.unix.max_dgram_qlen)."""

CAUGHT_UP = RETRY + WRITE_TIMEOUT + 0.5
"""Seconds in which a disk that works again has been tried."""

SETTLED = 0.5
"""Seconds in which whatever became true is on a disk that works."""


def nothing() -> None:
    """What a crash spoils besides."""


def words(guard: Guard) -> tuple[object, ...]:
    """What must outlive us of an account: disarmed or not, tripped by what, and whether to the end."""
    trip = None if guard.trip is None else (guard.trip.cause, guard.trip.done_at is not None)
    return guard.disarm is not None and (True, guard.disarm_confirmed), trip


@dataclass
class Machine:
    desk: Desk
    pulses: dict[str, Pulse]
    chance: Random
    clock: MockClock
    record: Record
    restarting: bool = False
    disk_well_at: float = -inf

    def troubles(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "crash": self.crash,
            "host lost": self.lose_host,
            "damaged state": self.damage,
            "reload": self.reload,
            "account removed": self.remove,
            "clock step": self.step,
            "suspend": self.suspend,
            "stall": self.stall,
            "disk full": self.fill_disk,
            "disk hangs": self.hang_disk,
            "secret missing": self.hide_secret,
        }

    async def crash(self, spoil: Callable[[], None] = nothing) -> None:
        if self.restarting:
            return
        self.restarting = True
        known = {} if self._disk_fails() or spoil is not nothing else self._settled()
        await self.desk.crash()
        spoil()
        await trio.sleep(self.chance.choice([0.0, 0.5, 2.0, 10.0]) * self.chance.uniform(0.5, 1.5))
        for pulse in self.pulses.values():
            pulse.restarted(trio.current_time(), self.desk.host.disk.data)
        await self.desk.start()
        self.restarting = False
        for name, word in known.items():
            after = words(self.desk.life.restored[name].guard) if name in self.desk.life.restored else None
            self.record.expect(after in (None, word), f"{name}: {word} before our crash, {after} after it")

    def _settled(self) -> dict[str, tuple[object, ...]]:
        """The accounts of which the same has been true for a while."""
        standings, before = self.desk.board.standings(), trio.current_time() - SETTLED
        return {name: words(one.guard) for name, one in standings.items() if one.since <= before}

    def _disk_fails(self) -> bool:
        disk = self.desk.host.disk
        return disk.full or disk.seconds > 0.0 or trio.current_time() < self.disk_well_at + CAUGHT_UP

    async def lose_host(self) -> None:
        """No socket closes: the venues hear nothing any more, neither from us nor of our end."""
        for venue in (self.desk.market.deribit, self.desk.market.coinbase):
            for connection in venue.connections_of():
                connection.faults.frozen = connection.faults.frozen or connection.address != "bots"
        await self.crash()

    async def damage(self) -> None:
        """Half of what was written, after a crash."""
        disk = self.desk.host.disk

        def spoil() -> None:
            disk.data = disk.data[: len(disk.data) // 2] if disk.data else disk.data

        await self.crash(spoil)

    async def reload(self) -> None:
        """One account changed; the others keep their very connections."""
        if not self.desk.running:
            return
        changed = self.chance.choice(list(self.desk.accounts.values()))
        others = [one for one in self.desk.accounts.values() if one is not changed]
        if isinstance(changed, DeribitAccount):
            changed = replace(changed, verify_interval=self.chance.choice([3.0, 5.0, 10.0, 20.0]))
        else:
            changed = replace(changed, timeout_seconds=self.chance.choice([15, 20, 30, 45]), renew_interval=5.0)
        before = {one.name: self.desk.life.keeper_of(one.name) for one in others}
        self.desk.reload(*others, changed)
        for one in others:
            kept = before[one.name] is self.desk.life.keeper_of(one.name)
            self.record.expect(kept, f"{one.name}: unchanged by the reload, and yet another keeper's")
        await trio.sleep(0.0)

    async def remove(self) -> None:
        if not self.desk.running or len(self.desk.accounts) < 2:
            return
        gone = self.chance.choice(list(self.desk.accounts.values()))
        self.desk.reload(*(one for one in self.desk.accounts.values() if one is not gone))
        await trio.sleep(self.chance.uniform(0.1, 20.0))
        while not self.desk.running:
            await trio.sleep(0.1)
        self.desk.reload(*self.desk.accounts.values(), gone)

    async def step(self) -> None:
        step = self.chance.choice([-3600.0, -90.0, -5.0, 2.0, 90.0, 3600.0])
        self.desk.host.stepped += step
        await trio.sleep(self.chance.uniform(1.0, 30.0))
        self.desk.host.stepped -= step

    async def suspend(self) -> None:
        """All processes of this machine sleep; leases run out, and long sleepers lose their connections."""
        seconds = self.chance.choice([2.0, 15.0, 120.0])
        self.desk.host.sleep(seconds)
        if seconds > 10.0:
            for venue in (self.desk.market.deribit, self.desk.market.coinbase):
                venue.reset()
        self._grant(seconds)
        await trio.sleep(0.0)

    async def stall(self) -> None:
        """We are stopped, bots are not: their check-ins wait in the sockets, and are lost where those are full.

        The venues' timers stand still too.
        """
        began, seconds = trio.current_time(), self.chance.choice([0.3, 2.0, 20.0]) * self.chance.uniform(0.5, 1.0)
        self.clock.jump(seconds)
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
        await trio.sleep(0.0)

    def _grant(self, absence: float) -> None:
        """Who could not be heard for long is given a fresh timeout."""
        self.disk_well_at = trio.current_time()
        if absence > 1.0:
            for pulse in self.pulses.values():
                pulse.granted(trio.current_time())

    async def fill_disk(self) -> None:
        self.desk.host.disk.full = True
        await trio.sleep(self.chance.uniform(1.0, 30.0))
        self.desk.host.disk.full, self.disk_well_at = False, trio.current_time()

    async def hang_disk(self) -> None:
        self.desk.host.disk.seconds = self.chance.choice([0.5, 3.0, 1000.0])
        await trio.sleep(self.chance.uniform(1.0, 30.0))
        self.desk.host.disk.seconds, self.disk_well_at = 0.0, trio.current_time()

    async def hide_secret(self) -> None:
        name = self.chance.choice(sorted(self.desk.roster))
        self.desk.market.hidden.add(name)
        await trio.sleep(self.chance.uniform(1.0, 30.0))
        self.desk.market.hidden.discard(name)
