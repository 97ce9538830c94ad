"""Our own ends: crashes, lost hosts, damaged files; and that the next run knows what must not be forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from random import Random

import trio

from deadman.daemon.state import RETRY, WRITE_TIMEOUT
from deadman.model.facts import Fact
from deadman.model.guard import Guard
from tests.swarm.laws.pulse import Pulse
from tests.swarm.laws.record import Record
from tests.swarm.world.desk import Desk

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


def vanish(desk: Desk) -> None:
    """Our connections stay as they are at the venues, and nothing more comes over them."""
    for venue in (desk.market.deribit, desk.market.coinbase):
        for connection in venue.connections_of():
            connection.faults.frozen = connection.faults.frozen or connection.address != "bots"


def lose_host(desk: Desk) -> None:
    """The machine is gone with all that ran on it, for good."""
    vanish(desk)
    for bot in desk.bots:
        bot.hang()
        bot.scope.cancel()
    desk.kill()


@dataclass
class Crashes:
    """`disk_well_at`: since when the disk works and we run. `known`: what must not be forgotten, and since when."""

    desk: Desk
    pulses: dict[str, Pulse]
    chance: Random
    record: Record
    restarting: bool = False
    disk_well_at: float = -inf
    known: dict[str, tuple[object, ...]] = field(default_factory=dict)
    known_at: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.desk.observers.append(self._hear)

    def _hear(self, account: str, fact: Fact) -> None:
        """What is dated earlier, as the end of a disarm is, became known only now."""
        standing = self.desk.board.standings().get(account)
        if standing is not None and self.known.get(account) != words(standing.guard):
            self.known[account], self.known_at[account] = words(standing.guard), trio.current_time()

    async def crash(self, spoil: Callable[[], None] = nothing, pause: float | None = None) -> None:
        """kill -9 at this instant, and a new start after `pause` seconds, or some time."""
        if self.restarting:
            return
        self.restarting = True
        doubtful = self._disk_fails() or spoil is not nothing
        known = {} if doubtful else self._settled()
        await self.desk.crash()
        ended_at = trio.current_time()
        spoil()
        drawn = self.chance.choice([0.0, 0.5, 2.0, 10.0]) * self.chance.uniform(0.5, 1.5)
        await trio.sleep(drawn if pause is None else pause)
        silences = self.desk.host.disk.silences

        def note() -> None:
            for pulse in self.pulses.values():
                pulse.restarted(trio.current_time(), ended_at, doubtful, silences)

        await self.desk.start(note)
        self.restarting = False
        for name, word in known.items():
            after = words(self.desk.life.restored[name].guard) if name in self.desk.life.restored else None
            self.record.expect(after in (None, word), f"{name}: {word} before our crash, {after} after it")

    def _settled(self) -> dict[str, tuple[object, ...]]:
        """The accounts of which the same has been true for a while."""
        standings, before = self.desk.board.standings(), trio.current_time() - SETTLED
        since = {name: max(one.since, self.known_at.get(name, -inf)) for name, one in standings.items()}
        return {name: words(one.guard) for name, one in standings.items() if since[name] <= before}

    def _disk_fails(self) -> bool:
        disk = self.desk.host.disk
        return disk.full or disk.seconds > SETTLED / 2 or trio.current_time() < self.disk_well_at + CAUGHT_UP

    async def lose_host(self) -> None:
        """No socket closes: the venues hear nothing any more, neither from us nor of our end."""
        vanish(self.desk)
        await self.crash()

    async def damage(self) -> None:
        """Half of what was written, after a crash."""
        disk = self.desk.host.disk

        def spoil() -> None:
            disk.data = disk.data[: len(disk.data) // 2] if disk.data else disk.data

        await self.crash(spoil)
