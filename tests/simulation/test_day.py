"""A long quiet day of each venue, with a little trouble at noon and in the evening."""

from __future__ import annotations

import pytest
import trio

from deadman.model.guard import Phase
from tests.support.unhurried import unhurried
from tests.swarm.laws.law import Scene
from tests.swarm.laws.protected import Protected
from tests.swarm.laws.record import Record, Troubles
from tests.swarm.plays.stage import deterministic
from tests.swarm.plays.world import World
from tests.swarm.world.accounts import DERIBIT_HOST, SXBET_HOST
from tests.swarm.world.desk import Desk, deribit_account, open_desk, sxbet_account


@pytest.fixture
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    unhurried(monkeypatch)
    for venue in ("deribit", "sxbet"):
        monkeypatch.setattr(f"deadman.venues.{venue}.session.COUNT_INTERVAL", 120.0)


async def pass_a_day(desk: Desk, *troubles: str) -> None:
    """From midnight to midnight, with a little trouble at noon, and an auditor who looks once a minute."""
    record = Record()
    claims = Protected(scene := Scene(desk, record, Troubles()))
    for hour in range(24):
        for _ in range(60):
            await trio.sleep(60)
            scene.standings = desk.board.standings()
            claims.look()
        if hour == 12:
            for host in troubles:
                desk.network.freeze(host)
                await trio.sleep(20)
                desk.network.thaw(host)
        if hour == 18:
            for host in troubles:
                desk.network.cut(host)
    assert record.violations == []
    for name, one in desk.board.standings().items():
        assert one.phase is Phase.ARMED
        assert one.unprotected < 2, f"{name}: its proof stood all day"


@pytest.mark.usefixtures("_unhurried")
def test_a_day_of_deribit_loses_no_session_that_it_need_not() -> None:
    calm = {"heartbeat_interval": 60, "verify_interval": 60.0}

    async def run() -> None:
        async with open_desk(deribit_account("desk", **calm)) as desk:
            bot = desk.bot("nobody", 3600.0)
            orders = [bot.place(one)[0] for one in desk.accounts.values() if await armed(desk, one.name)]
            await pass_a_day(desk, DERIBIT_HOST)
            for name in desk.accounts:
                tally = desk.standing(name).tally
                assert tally.opened == 3, "once in the morning, and after each trouble"
                assert tally.test_requests > 1000
            assert [order.cancel_reason for order in orders] == [None]

    with deterministic(1):
        trio.run(run, clock=World(1, 0.0).clock)


async def armed(desk: Desk, name: str) -> bool:
    await desk.until(Phase.ARMED, within=5, name=name)
    return True


@pytest.mark.usefixtures("_unhurried")
def test_a_day_of_sx_bet_lets_no_lease_lapse() -> None:
    calm = {"timeout_seconds": 360, "renew_interval": 120.0}
    accounts = [
        sxbet_account("maker", "v3", on_trip="cancel", **calm),
        sxbet_account("legacy", "v2", on_trip="expire", **calm),
    ]

    async def run() -> None:
        async with open_desk(*accounts) as desk:
            for one in accounts:
                await armed(desk, one.name)
                desk.sxbet.exchange.place(one.name)
            await pass_a_day(desk, SXBET_HOST)
            assert desk.sxbet.leases.fired == []
            assert [desk.open_orders(one.name) for one in accounts] == [1, 1]
            assert all(desk.standing(one.name).tally.confirmed >= 700 for one in accounts)

    with deterministic(1):
        trio.run(run, clock=World(1, 0.0).clock)
