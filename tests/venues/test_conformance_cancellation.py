"""Every door may be left at any moment: nothing leaks, nothing is half done for long, and the next session works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest
import trio
from trio.testing import MockClock

from deadman.model.errors import VenueError
from deadman.model.settings import OnTrip
from deadman.venues.venue import Session
from tests.support.doors import DOORS, Doorway, doorway

LATENCY = 0.05
WHOLE = 12.0
"""Seconds that the longest conversation below takes, and a little more."""

SEEDS = range(40)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Whatever breaks in this world says which it was."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"seed {seed}")
        raise


async def converse(way: Doorway) -> None:
    """Everything a keeper ever asks of a session."""
    async with way.open() as session:
        await session.arm()
        await session.attend(trio.current_time() + 1.0)
        await session.renew()
        way.place(3)
        await session.cancel_orders(means(way))
        await session.disarm()
        await session.arm()
        await session.attend(trio.current_time() + 30.0)


def means(way: Doorway) -> OnTrip:
    return "expire" if getattr(way.account, "api", None) == "v2" else "cancel"


async def check_whole(way: Doorway) -> None:
    """The door opens again, arms, and holds nothing of the sessions before."""
    await trio.sleep(2.0)
    assert [stream for stream in way.streams if not stream.closed] == [], "a connection was left open"
    async with way.open() as session:
        await session.arm()
        assert way.market.would_cancel(way.account)


@pytest.mark.parametrize("name", DOORS)
async def test_a_session_cancelled_at_any_instant_leaves_nothing_behind(name: str, autojump_clock: MockClock) -> None:
    for seed in SEEDS:
        chance = Random(f"{name} {seed}")
        with seeded(seed):
            async with doorway(name, LATENCY, seed) as way:
                tasks = trio.lowlevel.current_statistics().tasks_living
                with trio.move_on_after(chance.choice([1.0, WHOLE]) * chance.random()) as scope:
                    await converse(way)
                assert scope.cancelled_caught
                await trio.sleep(2.0)
                assert trio.lowlevel.current_statistics().tasks_living <= tasks, "a task was left running"
                await check_whole(way)


@pytest.mark.parametrize("name", DOORS)
async def test_a_call_cancelled_at_any_instant_leaves_a_session_that_works_or_ends_in_words(
    name: str, autojump_clock: MockClock
) -> None:
    """A keeper is called away in the middle of a request, and goes on with the session at hand."""
    for seed in SEEDS:
        chance = Random(f"{name} {seed} call")
        with seeded(seed):
            async with doorway(name, LATENCY, seed) as way:
                try:
                    async with way.open() as session:
                        await session.arm()
                        for _ in range(10):
                            with trio.move_on_after(chance.choice([0.2, 1.0]) * chance.random()):
                                await call(session, way, chance)
                        await session.arm()
                        assert way.market.would_cancel(way.account)
                        assert len([stream for stream in way.streams if not stream.closed]) <= 1
                except VenueError as error:
                    pytest.fail(f"nothing was wrong with the venue, and yet: {error}")
                await check_whole(way)


async def call(session: Session, way: Doorway, chance: Random) -> None:
    match chance.randrange(5):
        case 0:
            await session.arm()
        case 1:
            await session.renew()
        case 2:
            await session.attend(trio.current_time() + 1.0)
        case 3:
            await session.cancel_orders(means(way))
        case _:
            await session.disarm()


@pytest.mark.parametrize("name", DOORS)
async def test_a_session_cancelled_in_the_worst_of_weather_still_lets_go(name: str, autojump_clock: MockClock) -> None:
    for seed in SEEDS:
        chance = Random(f"{name} {seed} weather")
        with seeded(seed):
            async with doorway(name, LATENCY, seed) as way:
                with trio.move_on_after(10.0 * chance.random()):
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(storm, way, chance)
                        while True:
                            try:
                                await converse(way)
                            except VenueError:
                                await trio.sleep(0.1)
                way.market.network.heal(way.host)
                way.faults.clear()
                await check_whole(way)


async def storm(way: Doorway, chance: Random) -> None:
    network = way.market.network
    while True:
        await trio.sleep(chance.uniform(0.0, 1.0))
        match chance.randrange(5):
            case 0:
                network.freeze(way.host)
            case 1:
                network.thaw(way.host)
            case 2:
                network.cut(way.host)
            case 3:
                way.faults.frozen = not way.faults.frozen
            case _:
                way.faults.delay = chance.uniform(0.0, 3.0)
