"""Many small worlds full of trouble, each from a seed.

DEADMAN_SEEDS="5000" plays that many worlds instead of the usual few, DEADMAN_SEEDS="700 50" fifty from seed 700 on.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
import trio

from deadman.model.guard import Phase
from deadman.model.promise import promise
from tests.swarm.plays.seeds import play
from tests.swarm.plays.stage import Failed, deterministic
from tests.swarm.plays.world import World
from tests.swarm.world.accounts import COINBASE_HOST, DERIBIT_HOST, SXBET_HOST
from tests.swarm.world.desk import open_desk

USUAL = (5, 6, 8, 9, 10, 11, 12, 13)
"""As few as reach every state below together: some 20 seconds. `python -m tests.swarm` plays hundreds."""

SOMETIMES = (
    *(f"phase {phase}" for phase in Phase),
    *(f"trip by {cause}" for cause in ("silence", "trigger", "stopping", "operator")),
    *(f"protected in {phase}" for phase in (Phase.ARMED, Phase.DEGRADED, Phase.REFUSED)),
    *(f"bot {end}" for end in ("dies", "hangs", "stops", "triggers", "is_late", "flaps", "vanishes")),
    *("crash", "damaged state", "reload", "account removed", "clock step", "suspend", "stall", "disk full"),
    *("stutter", "kills", "slow dials", "slow names", "no names", "deribit late", "sxbet late", "deribit stuck"),
    *("disk hangs", "secret missing", "key rotated", "drift", "deribit lying", "freeze", "refuse", "cut", "latency"),
    *("a death under cancel", "trip done", "disarmed at the venue", "healed", "host lost"),
    *(f"if the host dies, {fate}" for fate in ("gone", "stay", "unknown")),
)


def seeds() -> Sequence[int]:
    match os.environ.get("DEADMAN_SEEDS", "").split():
        case [many]:
            return range(1, 1 + int(many))
        case [start, many]:
            return range(int(start), int(start) + int(many))
    return USUAL


def test_no_world_breaks_a_promise_and_together_they_reach_every_state() -> None:
    reached: Counter[str] = Counter()
    for seed in seeds():
        world = play(seed)
        reached += world.record.reached + world.troubles.met
    missed = [state for state in SOMETIMES if not reached[state]]
    assert "DEADMAN_SEEDS" in os.environ or not missed, f"never reached: {missed}"


@pytest.mark.parametrize("seed", [8])
def test_a_world_played_again_is_the_same_to_the_last_fact(seed: int) -> None:
    first, second = play(seed, storm=30.0), play(seed, storm=30.0)
    assert first.record.digest.hexdigest() == second.record.digest.hexdigest()
    assert play(seed + 1, storm=30.0).record.digest.hexdigest() != first.record.digest.hexdigest()


def test_a_world_that_breaks_a_promise_tells_how_to_see_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deadman.model.guard.Guard.protected", lambda self, now: True)
    with pytest.raises(Failed, match=r"replay: python -m tests.swarm seeds 1$"):
        play(1, storm=30.0)


@pytest.mark.parametrize("seed", [0])
def test_delays_below_the_promise_raise_no_alarm_and_trip_nobody(seed: int) -> None:
    world = World(seed, 120.0)
    world.plan.weather, world.plan.machine = [], []

    async def run() -> None:
        plan = world.plan
        accounts = [replace(account, observe=False) for account in plan.accounts]
        async with open_desk(*accounts, watches=plan.watches, seed=seed, sxbet=plan.settings) as desk:
            bots = [desk.bot(watch.name, watch.timeout * 0.9) for watch in plan.watches]
            await trio.sleep(10)
            before = desk.board.standings()
            for host in (DERIBIT_HOST, COINBASE_HOST, SXBET_HOST):
                margin = min(promise(account, desk.watches).false_alarm for account in accounts)
                desk.network.delay(host, 0.0, margin / 2 - 0.1)
            await trio.sleep(600)
            for name, one in desk.board.standings().items():
                assert (one.tally.trips, one.tally.lost) == ({}, before[name].tally.lost)
                assert one.unprotected == before[name].unprotected
                assert one.tally.transitions == before[name].tally.transitions
            assert all(bot.alive for bot in bots)

    with deterministic(seed):
        trio.run(run, clock=world.clock)
