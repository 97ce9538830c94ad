"""What may block, done off the loop: any work in a thread, and looking up names.

A port: while a simulated clock runs, no thread can be waited for.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, TypeVarTuple

import trio

from deadman.model.errors import Reason, Unavailable

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


LOOKUP_TIMEOUT = 3.0
"""Seconds to wait for an answer that nothing can stand in for."""

STALE_AFTER = 1.0
"""Seconds a lookup may take before the last good addresses serve instead, and serve at once until one is answered."""

AGAIN = 10.0
"""Seconds after which a lookup still under way is taken for hung, and another may begin."""

AT_ONCE = 5
"""Lookups of one name at most: a name service that is well again shall find one of them fresh."""

THREADS = 16
"""Threads that hung lookups may hold; trio's own 40 stay free for other work."""

AddressInfo = list[tuple[Any, ...]]
Lookup = Callable[[str, int], AddressInfo]


def system_lookup(host: str, port: int) -> AddressInfo:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


@dataclass
class _Flight:
    """The lookups of one name under way, by when they were begun.

    `landed` is set by the first answer, or when the last of them has failed.
    """

    landed: trio.Event = field(default_factory=trio.Event)
    under_way: list[float] = field(default_factory=list)

    def may_ask(self, now: float) -> bool:
        return not self.under_way or (len(self.under_way) < AT_ONCE and now >= max(self.under_way) + AGAIN)


@dataclass
class Resolver(trio.abc.HostnameResolver):
    """Installed for the whole run, so that `trio.open_tcp_stream` and its happy eyeballs ask here.

    A hung lookup delays only dials to its own host, and where a good answer was ever had, only those of its first
    second: a whole renewal of a short lease takes no longer.
    """

    nursery: trio.Nursery
    lookup: Lookup = system_lookup
    off_loop: OffLoop = in_thread
    _limiter: trio.CapacityLimiter = field(default_factory=lambda: trio.CapacityLimiter(THREADS))
    _good: dict[tuple[str, int], AddressInfo] = field(default_factory=dict)
    _flights: dict[tuple[str, int], _Flight] = field(default_factory=dict)

    async def getaddrinfo(self, host: Any, port: Any, *_: Any, **__: Any) -> AddressInfo:
        name = (host.decode() if isinstance(host, bytes) else str(host), int(port or 0))
        flight, now = self._flights.setdefault(name, _Flight()), trio.current_time()
        if flight.may_ask(now):
            flight.under_way.append(now)
            self.nursery.start_soon(self._look_up, name, flight, now)
        stale_at, hopeless_at = min(flight.under_way) + STALE_AFTER, trio.current_time() + LOOKUP_TIMEOUT
        with trio.move_on_at(stale_at if name in self._good else hopeless_at):
            await flight.landed.wait()
        if name not in self._good:
            raise Unavailable(Reason.DNS, f"no address for {name[0]}")
        return self._good[name]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        raise NotImplementedError("addresses are never turned into names here")

    async def _look_up(self, name: tuple[str, int], flight: _Flight, begun_at: float) -> None:
        answered = False
        try:
            self._good[name] = await self.off_loop(self.lookup, *name, limiter=self._limiter)
            answered = True
        except (OSError, UnicodeError):  # UnicodeError: no name at all, a label too long or empty
            pass  # the asker is told; what was good before still serves
        finally:
            flight.under_way.remove(begun_at)
            if answered or not flight.under_way:
                flight.landed.set()
                flight.landed = trio.Event()
