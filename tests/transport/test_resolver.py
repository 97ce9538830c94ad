"""Names: one lookup a host, in threads of our own, and the last good answer when none comes.

The clock moves by hand only, so that threads have all the time they need and deadlines come when the test says so.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import trio
from trio.testing import MockClock

from deadman.model.errors import Reason, Unavailable
from deadman.transport.blocking import AGAIN, LOOKUP_TIMEOUT, STALE_AFTER, AddressInfo, Resolver, system_lookup

LOOPBACK: AddressInfo = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]
ELSEWHERE: AddressInfo = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 443))]


@dataclass
class Names:
    """A name server: `answers` by host; a host in `hung` gets its answer only once it is released."""

    answers: dict[str, AddressInfo | Exception] = field(default_factory=dict)
    hung: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)
    ports: set[int] = field(default_factory=set)
    hanging: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def lookup(self, host: str, port: int) -> AddressInfo:
        self.asked[host] += 1
        self.ports.add(port)
        if host in self.hung:
            self.hanging.set()
            self.released.wait(30)
        answer = self.answers.get(host, LOOPBACK)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def clock() -> MockClock:
    return MockClock()


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names()
    yield names
    names.released.set()


@pytest.fixture
async def resolver(names: Names, nursery: trio.Nursery) -> Resolver:
    return Resolver(nursery, names.lookup)


async def landed(resolver: Resolver, host: str) -> None:
    """Wait until no lookup of this host is in the air."""
    flight = resolver._flights.get((host, 443))
    if flight is not None and flight.under_way:
        await flight.landed.wait()


async def test_a_name_is_looked_up_and_the_answer_given(resolver: Resolver, names: Names) -> None:
    assert await resolver.getaddrinfo("venue.test", 443) == LOOPBACK
    assert await resolver.getaddrinfo(b"venue.test", None) == LOOPBACK
    assert names.ports == {443, 0}


async def test_many_who_ask_for_one_host_at_once_share_one_lookup(resolver: Resolver, names: Names) -> None:
    names.hung.add("venue.test")
    answers: list[AddressInfo] = []

    async def ask() -> None:
        answers.append(await resolver.getaddrinfo("venue.test", 443))

    async with trio.open_nursery() as askers:
        for _ in range(20):
            askers.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        names.released.set()
    assert answers == [LOOPBACK] * 20
    assert names.asked == {"venue.test": 1}


async def test_a_later_question_is_a_new_lookup(resolver: Resolver, names: Names) -> None:
    await resolver.getaddrinfo("venue.test", 443)
    names.answers["venue.test"] = ELSEWHERE
    assert await resolver.getaddrinfo("venue.test", 443) == ELSEWHERE


async def test_a_hung_lookup_of_one_host_delays_no_other(
    resolver: Resolver, names: Names, nursery: trio.Nursery, clock: MockClock
) -> None:
    names.hung.add("hung.test")

    async def ask_in_vain() -> None:
        with pytest.raises(Unavailable):
            await resolver.getaddrinfo("hung.test", 443)

    async with trio.open_nursery() as askers:
        askers.start_soon(ask_in_vain)
        await trio.testing.wait_all_tasks_blocked()
        assert await resolver.getaddrinfo("fine.test", 443) == LOOPBACK
        assert clock.current_time() == 0.0
        clock.jump(LOOKUP_TIMEOUT)


async def test_hung_lookups_hold_none_of_the_threads_that_everybody_else_uses(resolver: Resolver, names: Names) -> None:
    names.hung |= {f"{number}.hung.test" for number in range(30)}

    async def ask(host: str) -> None:
        with trio.CancelScope(deadline=1.0):
            await resolver.getaddrinfo(host, 443)

    async with trio.open_nursery() as askers:
        for host in names.hung:
            askers.start_soon(ask, host)
        await trio.testing.wait_all_tasks_blocked()
        assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
        askers.cancel_scope.cancel()


async def test_a_host_without_an_answer_is_given_up_in_words_after_a_while(
    resolver: Resolver, names: Names, clock: MockClock
) -> None:
    names.hung.add("hung.test")

    async def ask_in_vain() -> None:
        with pytest.raises(Unavailable, match=r"no address for hung\.test") as unavailable:
            await resolver.getaddrinfo("hung.test", 443)
        assert unavailable.value.reason is Reason.DNS

    async with trio.open_nursery() as askers:
        askers.start_soon(ask_in_vain)
        await trio.testing.wait_all_tasks_blocked()
        clock.jump(LOOKUP_TIMEOUT)


@pytest.mark.parametrize(
    "error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label empty or too long")]
)
async def test_a_host_that_does_not_exist_is_told_at_once(resolver: Resolver, names: Names, error: Exception) -> None:
    names.answers["nowhere.test"] = error
    with pytest.raises(Unavailable) as unavailable:
        await resolver.getaddrinfo("nowhere.test", 443)
    assert unavailable.value.reason is Reason.DNS


async def test_a_lookup_that_fails_is_answered_with_the_last_good_addresses(resolver: Resolver, names: Names) -> None:
    await resolver.getaddrinfo("venue.test", 443)
    names.answers["venue.test"] = socket.gaierror(-3, "Temporary failure in name resolution")
    assert await resolver.getaddrinfo("venue.test", 443) == LOOPBACK
    assert names.asked["venue.test"] == 2


async def test_a_lookup_that_hangs_is_answered_with_the_last_good_addresses_after_a_second(
    resolver: Resolver, names: Names, clock: MockClock
) -> None:
    await resolver.getaddrinfo("venue.test", 443)
    names.hung.add("venue.test")
    names.answers["venue.test"] = ELSEWHERE
    async with trio.open_nursery() as askers:

        async def ask() -> None:
            assert await resolver.getaddrinfo("venue.test", 443) == LOOPBACK
            assert clock.current_time() == STALE_AFTER

        askers.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        clock.jump(STALE_AFTER)
    names.released.set()
    await landed(resolver, "venue.test")
    assert names.asked["venue.test"] == 2
    assert await resolver.getaddrinfo("venue.test", 443) == ELSEWHERE


async def test_a_lookup_that_hangs_on_keeps_nobody_waiting_again(
    resolver: Resolver, names: Names, clock: MockClock
) -> None:
    """A renewal of a short lease has a second for all it does: it cannot wait that long at each dial."""
    await resolver.getaddrinfo("venue.test", 443)
    names.hung.add("venue.test")
    async with trio.open_nursery() as askers:
        askers.start_soon(resolver.getaddrinfo, "venue.test", 443)
        await trio.testing.wait_all_tasks_blocked()
        clock.jump(STALE_AFTER)
    answers: list[AddressInfo] = []

    async def ask() -> None:
        answers.append(await resolver.getaddrinfo("venue.test", 443))

    async with trio.open_nursery() as askers:
        for number in range(1, 4):
            askers.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            assert answers == [LOOPBACK] * number, "nobody waits while the clock stands still"
            clock.jump(AGAIN)
        names.released.set()


async def test_who_asks_while_a_lookup_hangs_starts_no_second_one(
    resolver: Resolver, names: Names, clock: MockClock
) -> None:
    await resolver.getaddrinfo("venue.test", 443)
    names.hung.add("venue.test")
    for _ in range(5):
        async with trio.open_nursery() as askers:
            askers.start_soon(resolver.getaddrinfo, "venue.test", 443)
            await trio.testing.wait_all_tasks_blocked()
            clock.jump(STALE_AFTER)
    names.released.set()
    await landed(resolver, "venue.test")
    assert names.asked["venue.test"] == 2


async def test_a_name_service_that_is_well_again_is_found_so_while_an_old_lookup_hangs(
    resolver: Resolver, names: Names, clock: MockClock
) -> None:
    names.hung.add("venue.test")
    async with trio.open_nursery() as askers:

        async def ask_in_vain() -> None:
            with pytest.raises(Unavailable):
                await resolver.getaddrinfo("venue.test", 443)

        askers.start_soon(ask_in_vain)
        await trio.to_thread.run_sync(names.hanging.wait, 30)
        names.hung.clear()
        clock.jump(LOOKUP_TIMEOUT)
    clock.jump(AGAIN - LOOKUP_TIMEOUT)
    assert await resolver.getaddrinfo("venue.test", 443) == LOOPBACK
    assert names.asked["venue.test"] == 2


async def test_trio_asks_it_for_every_connection(resolver: Resolver, names: Names) -> None:
    trio.socket.set_custom_hostname_resolver(resolver)
    async with await open_listener() as listener:
        port = listener.socket.getsockname()[1]
        names.answers["venue.test"] = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        async with await trio.open_tcp_stream("venue.test", port) as stream:
            assert stream.socket.getpeername() == ("127.0.0.1", port)
    assert names.asked == {"venue.test": 1}


async def open_listener() -> trio.SocketListener:
    return (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]


async def test_addresses_are_never_turned_into_names(resolver: Resolver) -> None:
    with pytest.raises(NotImplementedError):
        await resolver.getnameinfo(("127.0.0.1", 443), 0)


def test_the_systems_own_lookup_knows_this_host() -> None:
    assert ("127.0.0.1", 443) in [address for *_, address in system_lookup("127.0.0.1", 443)]
