"""A few minutes of a long day: calm ones, a trouble, and rest again. `python -m tests.swarm days` plays whole days."""

from __future__ import annotations

import pytest
import trio

import deadman.daemon.ticker
from tests.swarm.plays.days import Day, perform, slowly
from tests.swarm.world.desk import Desk


@pytest.mark.parametrize("seed", [1])
def test_a_calm_hour_changes_nothing_and_after_each_trouble_all_comes_to_rest(seed: int) -> None:
    day = perform(seed, seconds=60.0, number=3)
    assert day.record.violations == []
    assert day.record.reached["healed"] >= 2
    assert +day.troubles.met


def test_whatever_is_not_ordinary_ends_the_calm(monkeypatch: pytest.MonkeyPatch) -> None:
    usual, paces = Day._be_calm, list[float]()

    async def be_calm(day: Day, desk: Desk, seconds: float) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(usual, day, desk, seconds)
            await trio.sleep(5.0)
            paces.append(deadman.daemon.ticker.TICK)
            desk.network.cut("deribit.localhost")
            await trio.sleep(5.0)
            paces.append(deadman.daemon.ticker.TICK)

    monkeypatch.setattr(Day, "_be_calm", be_calm)
    day = perform(2, seconds=60.0, number=1)
    assert any("restless in a calm hour" in one for one in day.record.violations)
    with slowly():
        assert paces[:2] == [deadman.daemon.ticker.TICK, 0.1]
