"""The loop's tick: time passes on the board, the loop's own health is measured, and jumps of the clocks are noticed.

The monotonic clock stands still while the machine sleeps, and the venue's does not; a stepped wall clock is a sign that
one of the two lies. After either, nothing proven before counts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import trio

from deadman import facts
from deadman.board import Board

log = logging.getLogger(__name__)

TICK = 0.1
"""Seconds: an expiry is told this late at most."""

JUMP = 1.0
"""Seconds by which two clocks may part between ticks; time servers slew far slower than that."""

Offsets = tuple[float, float]
"""How far the clocks that count sleep, and the wall clock, are ahead of the monotonic one."""


def clock_offsets() -> Offsets:
    monotonic = time.monotonic()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - monotonic, time.time() - monotonic


@dataclass
class Ticker:
    """Ticks until cancelled; `judged` is called after every judging of the guards."""

    board: Board
    judged: Callable[[], None] = lambda: None
    offsets: Callable[[], Offsets] = clock_offsets
    _known: Offsets = field(init=False)

    def __post_init__(self) -> None:
        self._known = self.offsets()

    async def run(self) -> None:
        while True:
            due = self.board.clock.now() + TICK
            await trio.sleep_until(due)
            now = self.board.clock.now()
            loop = self.board.loop
            self.board.loop = replace(loop, tick_at=now, lag=loop.lag.observe(max(0.0, now - due)))
            self.board.let_time_pass()
            self._compare_clocks(now)
            self.judged()

    def _compare_clocks(self, now: float) -> None:
        before, self._known = self._known, self.offsets()
        jumps = [after - known for known, after in zip(before, self._known, strict=True)]
        furthest = max(jumps, key=abs)
        if abs(furthest) >= JUMP:
            self.board.loop = replace(self.board.loop, clock_jumps=self.board.loop.clock_jumps + 1)
            log.warning(
                "the clocks jumped by %+.1f s: every claim is proven anew", furthest, extra={"event": "clock_jump"}
            )
            missed = max(0.0, *jumps)
            for account in self.board.configs:
                self.board.post(account, facts.Doubted(now, f"the clocks jumped by {furthest:+.1f} s", missed))
