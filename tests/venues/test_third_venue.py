"""A venue that the product does not know: one line of the registry, and it is read, kept, told of and measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from prometheus_client import generate_latest
from trio.testing import MockClock

from deadman.cli.check import as_json, judge
from deadman.config.describe import example, reference
from deadman.model.guard import Phase
from deadman.model.settings import WatchConfig
from deadman.status.problems import problems
from deadman.status.report import report
from deadman.telemetry.scrape import registry
from tests.support.toy import ToyAccount, registered, toy_account
from tests.swarm.world.config import write_config
from tests.swarm.world.desk import Desk, deribit_account, open_desk

QUOTER = WatchConfig("quoter", 5.0)


@pytest.fixture(autouse=True)
def _toy() -> Iterator[None]:
    with registered():
        yield


async def test_its_lease_waits_for_its_bot_is_renewed_and_goes_with_it(autojump_clock: MockClock) -> None:
    async with open_desk(toy_account("desk", watches=("quoter",)), watches=[QUOTER]) as desk:
        await desk.until(Phase.WAITING, within=2)
        bot = desk.bot("quoter")
        await desk.until(Phase.ARMED, within=5)
        account = desk.accounts["desk"]
        for _ in range(3):
            desk.market.exchange(account).place("desk")
        await trio.sleep(120.0)
        assert desk.protected()
        assert desk.market.would_cancel(account)
        assert desk.open_orders() == 3
        bot.hang()
        assert await desk.gone("desk", within=8.0) > 0
        await desk.until(Phase.TRIPPED, within=2.0)


async def test_an_operator_disarms_it_and_the_orders_stay(autojump_clock: MockClock) -> None:
    async with open_desk(toy_account()) as desk:
        await desk.until(Phase.ARMED, within=5)
        account = desk.accounts["desk"]
        desk.market.exchange(account).place("desk")
        answer = await desk.command("disarm", "desk", reason="maintenance")
        assert answer["accounts"]["desk"]["done"]
        assert not desk.market.would_cancel(account)
        await trio.sleep(60.0)
        assert desk.open_orders() == 1


async def test_status_and_metrics_tell_of_it_beside_the_others(autojump_clock: MockClock) -> None:
    async with open_desk(toy_account("toy"), deribit_account("desk")) as desk:
        await desk.until(Phase.ARMED, within=5, name="toy")
        await desk.until(Phase.ARMED, within=5)
        told = report(desk.board).accounts["toy"]
        assert (told.venue, told.phase, told.protected) == ("toy", "armed", True)
        assert told.if_host_dies.because == "The toy cancels when the lease ends."
        measured = metrics(desk)
        assert 'deadman_account_info{account="toy",network="play",venue="toy"} 1.0' in measured
        assert 'deadman_toy_renewals_total{account="toy"} 1.0' in measured
        assert 'deadman_toy_renewals_total{account="desk"}' not in measured
        assert 'deadman_cancel_on_disconnect_enabled{account="toy"' not in measured


async def test_its_name_for_people_is_told_where_it_cannot_be_reached(autojump_clock: MockClock) -> None:
    async with open_desk(toy_account("toy")) as desk:
        await desk.until(Phase.ARMED, within=5, name="toy")
        desk.network.freeze("toy.localhost")
        await desk.until(Phase.EXPIRED, within=40, name="toy")
        assert any("The Toy cannot be reached" in problem for problem in problems(report(desk.board)))


def metrics(desk: Desk) -> str:
    return generate_latest(registry(desk.board)).decode()


def test_check_reads_its_keys_and_tells_its_promise_and_its_advice(tmp_path: Path) -> None:
    path = tmp_path / "deadman.toml"
    write_config(path, [toy_account("toy", watches=("quoter",), length=40.0)], [QUOTER], {"listen": ""})
    verdict = judge(path, {"toy": "hush-hush"}, frozenset())
    assert verdict.faults == ()
    assert verdict.config is not None
    account = verdict.config.accounts["toy"]
    assert isinstance(account, ToyAccount)
    assert account.length == 40.0
    assert any("within 40.0 s; the toy cancels on time" in sentence for sentence in verdict.promises["toy"])
    assert "accounts.toy: a toy guards no real orders" in json.loads(as_json(verdict))["warnings"]


def test_its_faults_are_told_by_line_and_key_like_any_others(tmp_path: Path) -> None:
    path = tmp_path / "deadman.toml"
    path.write_text('[accounts.toy]\nvenue = "toy"\nnetwork = "play"\nurl = "https://toy.localhost"\nlength = 1\n')
    told = [str(fault) for fault in judge(path, {}, frozenset()).faults]
    assert any("accounts.toy.length" in line and ":5:" in line for line in told)
    assert any("accounts.toy.token" in line and "missing" in line for line in told)


def test_the_example_and_the_reference_show_its_keys() -> None:
    assert "[accounts.toy]" in example()
    assert "`length`" in reference()
