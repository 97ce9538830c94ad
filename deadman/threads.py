"""Work that may block, done off the loop. A port: while a simulated clock runs, no thread can be waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar, TypeVarTuple

import trio

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class OffLoop(Protocol):
    """Does work off the loop; whoever stops waiting for it leaves it alone."""

    async def __call__(
        self, work: Callable[[*Ts], T], *arguments: *Ts, limiter: trio.CapacityLimiter | None = None
    ) -> T: ...


async def in_thread(work: Callable[[*Ts], T], *arguments: *Ts, limiter: trio.CapacityLimiter | None = None) -> T:
    """In a thread of trio's, of which `limiter` says how many there may be."""
    return await trio.to_thread.run_sync(work, *arguments, abandon_on_cancel=True, limiter=limiter)
