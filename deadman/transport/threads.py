"""Work that may block, done off the loop. A port: while a simulated clock runs, no thread can be waited for."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar, TypeVarTuple

import trio

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class OffLoop(Protocol):
    """Does work off the loop; whoever stops waiting for it leaves it alone. Raises OSError where nobody can do it."""

    async def __call__(
        self, work: Callable[[*Ts], T], *arguments: *Ts, limiter: trio.CapacityLimiter | None = None
    ) -> T: ...


async def in_thread(work: Callable[[*Ts], T], *arguments: *Ts, limiter: trio.CapacityLimiter | None = None) -> T:
    """In a thread of trio's, of which `limiter` says how many there may be."""
    with _no_thread_in_words():
        return await trio.to_thread.run_sync(work, *arguments, abandon_on_cancel=True, limiter=limiter)


@contextmanager
def _no_thread_in_words() -> Iterator[None]:
    """A host without room for one more thread is like a disk without room: the interpreter calls it a RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        if "start new thread" not in str(error):
            raise
        raise OSError(errno.EAGAIN, "no thread can be started") from error
