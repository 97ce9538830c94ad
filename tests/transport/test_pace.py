"""A budget that all accounts at one address share: spent in turn, and never more of it than the venue grants."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from deadman.transport.dial import Dialler, Pace

BURST, RATE = 20.0, 5.0


async def test_a_burst_goes_at_once_and_the_rest_at_the_rate(autojump_clock: MockClock) -> None:
    pace = Pace(BURST, RATE, trio.current_time)
    for _ in range(4):
        await pace.spend(5.0)
    assert trio.current_time() == 0.0
    await pace.spend(5.0)
    assert trio.current_time() == pytest.approx(1.0)


async def test_what_was_spent_comes_back_in_time_and_never_beyond_the_burst(autojump_clock: MockClock) -> None:
    pace = Pace(BURST, RATE, trio.current_time)
    await pace.spend(BURST)
    await trio.sleep(3600.0)
    await pace.spend(BURST)
    await pace.spend(5.0)
    assert trio.current_time() == pytest.approx(3601.0)


@given(st.lists(st.tuples(st.floats(0.0, 5.0), st.floats(0.1, BURST)), min_size=1, max_size=30))
def test_no_storm_spends_more_than_the_burst_and_what_has_come_back(storm: list[tuple[float, float]]) -> None:
    trio.run(weather, storm, clock=MockClock(autojump_threshold=0))


async def weather(storm: list[tuple[float, float]]) -> None:
    pace, spent = Pace(BURST, RATE, trio.current_time), 0.0
    for pause, amount in storm:
        await trio.sleep(pause)
        await pace.spend(amount)
        spent += amount
        assert spent <= BURST + RATE * trio.current_time() + 1e-6


async def test_who_comes_first_is_served_first(autojump_clock: MockClock) -> None:
    pace, served = Pace(BURST, RATE, trio.current_time), list[int]()

    async def spend(number: int) -> None:
        await trio.sleep(number / 1000)
        await pace.spend(10.0 if number == 2 else 1.0)
        served.append(number)

    await pace.spend(BURST)
    async with trio.open_nursery() as nursery:
        for number in range(6):
            nursery.start_soon(spend, number)
    assert served == list(range(6))


async def test_somebody_who_gives_up_waiting_spends_nothing(autojump_clock: MockClock) -> None:
    pace = Pace(BURST, RATE, trio.current_time)
    await pace.spend(BURST)
    with trio.move_on_after(1.0):
        await pace.spend(BURST)
    await pace.spend(5.0)
    assert trio.current_time() == pytest.approx(1.0)


async def test_every_account_at_an_address_has_the_same_budget() -> None:
    dialler = Dialler()
    assert dialler.pace("wss://one", BURST, RATE) is dialler.pace("wss://one", BURST, RATE)
    assert dialler.pace("wss://one", BURST, RATE) is not dialler.pace("wss://two", BURST, RATE)
