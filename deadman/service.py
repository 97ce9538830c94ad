"""What systemd is told of us: that we supervise, how it stands, and every other moment that the loop still judges."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import trio

from deadman.board import Board
from deadman.guard import Phase
from deadman.sdnotify import (
    READY,
    STOPPING,
    WATCHDOG,
    ServiceManager,
    extend_timeout,
    reloading,
    status,
)
from deadman.standing import Standing

PACE = 1.0
"""Seconds between two looks at what to tell."""

ARMING_PATIENCE = 30.0
"""Seconds after which we supervise, whatever the venues say: one bad key must not hold up the boot."""

_UNDECIDED = frozenset({Phase.CONNECTING, Phase.ARMING})


@dataclass
class Service:
    """The unit's side of one run. Outside systemd nobody listens, and nothing happens."""

    board: Board
    manager: ServiceManager
    interval: float | None
    _fed_at: float = 0.0
    _told: str = ""

    def feed(self) -> None:
        """To be called by the task that judges the guards, and by nobody else: a stalled loop starves the watchdog."""
        now = self.board.clock.now()
        if self.interval is not None and now >= self._fed_at + self.interval / 2:
            self._fed_at = now
            self.manager.send(WATCHDOG)

    async def run(self) -> None:
        """READY once every account has a first outcome, then what changes."""
        began = self.board.clock.now()
        while self._undecided() and self.board.clock.now() < began + ARMING_PATIENCE:
            self.manager.send(extend_timeout(ARMING_PATIENCE), status(self._summary()))
            await trio.sleep(PACE / 4)
        while not self.manager.send(READY, status(self._summary())):
            await trio.sleep(PACE)
        while True:
            self._tell_status()
            await trio.sleep(PACE)

    def reloading(self) -> None:
        self.manager.send(reloading(time.monotonic()))

    def reloaded(self) -> None:
        self.manager.send(READY)

    def stopping(self) -> None:
        self.manager.send(STOPPING, status("stopping: nothing is sent to any venue"))

    def _undecided(self) -> bool:
        standings = self.board.standings().values()
        return any(one.phase in _UNDECIDED and one.guard.trouble is None for one in standings)

    def _tell_status(self) -> None:
        summary = self._summary()
        if summary != self._told and self.manager.send(status(summary)):
            self._told = summary

    def _summary(self) -> str:
        return summary(self.board.standings())


def summary(standings: Mapping[str, Standing]) -> str:
    """`3/4 protected; least margin 21 s (alpha); NOT protected: beta`, of the wanted accounts."""
    wanted = {name: one for name, one in standings.items() if one.guard.wanted(one.seen_at)}
    margins = {name: one.guard.margin(one.seen_at) for name, one in wanted.items() if not one.alarming}
    told = [f"{len(margins)}/{len(wanted)} protected"]
    if margins:
        least = min(margins, key=lambda name: margins[name])
        told.append(f"least margin {margins[least]:.0f} s ({least})")
    alarming = [name for name, one in wanted.items() if one.alarming]
    if alarming:
        told.append(f"NOT protected: {', '.join(alarming[:5])}{' …' if len(alarming) > 5 else ''}")
    return "; ".join(told)
