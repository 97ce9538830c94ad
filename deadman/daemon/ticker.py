"""What is looked at all the time: whether a claim ran out, the clocks jumped, or somebody removed our sockets."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import trio

from deadman.model import facts
from deadman.model.account import Standing
from deadman.model.board import Board

log = logging.getLogger(__name__)

TICK = 0.1
"""Seconds between two ticks at most; what time alone changes before that is told when it comes."""

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
    _scope: trio.CancelScope | None = None

    def __post_init__(self) -> None:
        self._known = self.offsets()

    async def run(self) -> None:
        self.board.listen(self._on_change)
        while True:
            with trio.CancelScope(deadline=self._due_at(self.board.clock.now() + TICK)) as self._scope:
                await trio.sleep_forever()
            now, due = self.board.clock.now(), self._scope.deadline
            loop = self.board.loop
            self.board.loop = replace(loop, tick_at=now, lag=loop.lag.observe(max(0.0, now - due)))
            self.board.let_time_pass()
            self._compare_clocks(now)
            self.judged()

    def _due_at(self, tick: float) -> float:
        return max(self.board.clock.now(), min(tick, self.board.due_at))

    def _on_change(self, account: str, before: Standing, after: Standing) -> None:
        """What is due sooner now is waited for no longer."""
        if self._scope is not None and self.board.due_at < self._scope.deadline:
            self._scope.deadline = self._due_at(self._scope.deadline)

    def _compare_clocks(self, now: float) -> None:
        before, self._known = self._known, self.offsets()
        jumps = [after - known for known, after in zip(before, self._known, strict=True)]
        furthest = max(jumps, key=abs)
        if abs(furthest) >= JUMP:
            self.board.loop = replace(self.board.loop, clock_jumps=self.board.loop.clock_jumps + 1)
            words = f"the clocks jumped by {furthest:+.1f} s: every claim is proven anew"
            self.board.tell(log, logging.WARNING, "clock_jump", words)
            missed = max(0.0, *jumps)
            for account in self.board.configs:
                self.board.post(account, facts.Doubted(now, f"the clocks jumped by {furthest:+.1f} s", missed))


PRESENCE_INTERVAL = 1.0
"""Seconds between two looks; no watch has a shorter timeout."""


@dataclass
class Presence:
    """Looks after the socket files at `paths`, and says once when they are gone or hidden and once when they are back.

    Whoever removes them makes every bot look dead. `is_socket` may raise OSError: a directory that cannot be searched
    hides what is in it, and is no reason to stop.
    """

    paths: Callable[[], Iterable[Path]]
    is_socket: Callable[[Path], bool] = Path.is_socket
    _faults: dict[Path, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.look()
            await trio.sleep(PRESENCE_INTERVAL)

    def look(self) -> None:
        before, self._faults = self._faults, {}
        for path in sorted(set(self.paths())):
            fault = self._fault(path)
            if fault is not None:
                self._faults[path] = fault
            if fault == before.get(path):
                continue
            if fault is None:
                log.warning("%s is there again", path, extra={"event": "socket_back"})
            elif fault == "":
                log.error(
                    "%s is gone, somebody removed it: nobody reaches us there, and a bot that checks in there will be "
                    "taken for dead; restart the daemon (systemctl restart deadman, and deadman.socket where it is "
                    "used)",
                    path,
                    extra={"event": "socket_gone"},
                )
            else:
                log.error(
                    "%s cannot be looked for (%s): whoever is kept from it too cannot check in there, and will be "
                    "taken for dead; check the rights of the directories above it",
                    path,
                    fault,
                    extra={"event": "socket_hidden"},
                )

    def _fault(self, path: Path) -> str | None:
        """Why nobody finds a socket at `path`: "" where it is gone, else the system's words; None where it is there."""
        try:
            return None if self.is_socket(path) else ""
        except OSError as error:
            return error.strerror or str(error)
