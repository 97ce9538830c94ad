"""The daemon as a process of its own, against simulated venues over real sockets and TLS."""

from __future__ import annotations

import signal
import socket
import sys
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import tomli_w
import trio

from deadman.simulator.demo_world import BTC, SX, World, open_world

DISARMING = {"private/logout", "private/disable_cancel_on_disconnect"}


def a_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[World]:
    """Daemon and bot up, both accounts proven."""
    async with open_world(directory, a_port()) as world, trio.open_nursery() as nursery:
        await world.start_daemon()
        nursery.start_soon(world.beat)
        for name in (BTC, SX):
            assert await world.until(lambda account: bool(account["protected"]), name, 10) is not None
        yield world
        nursery.cancel_scope.cancel()


def edit(world: World, change: Mapping[str, Any]) -> None:
    """Lay `change` over the config, table by table."""
    config = tomllib.loads(world.config.read_text())
    for table, content in change.items():
        config[table] = config.get(table, {}) | content
    world.config.write_text(tomli_w.dumps(config))


def metric(world: World, name: str) -> float:
    lines = page(world, "/metrics").splitlines()
    return next(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + " "))


def page(world: World, path: str) -> str:
    return httpx.get(f"http://{world.listen_on}{path}", trust_env=False).text


def disarming(world: World) -> list[Any]:
    venues = (*world.stage.deribit.received, *world.stage.sxbet.received)
    return [seen for seen in venues if seen.method in DISARMING or seen.params.get("timeoutSeconds") == 0]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_stopping_sends_nothing_that_disarms_and_the_switch_stays_on(
    tmp_path: Path, stop: signal.Signals
) -> None:
    async with running(tmp_path) as world:
        assert world.process is not None
        world.process.send_signal(stop)
        with trio.fail_after(3):
            code = await world.process.wait()
        assert code == (0 if stop is not signal.SIGKILL else -signal.SIGKILL)
        await trio.sleep(0.1)
        assert disarming(world) == []
        assert world.stage.deribit.inherits(BTC)
        assert world.stage.sxbet.lease(SX) is not None


async def test_a_reload_keeps_the_very_connection_of_an_unchanged_account(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        before = [connection.id for connection in world.stage.deribit.connections_of(BTC)]
        edit(world, {"watches": {"hedger": {"timeout": 3}}})
        assert world.process is not None
        world.process.send_signal(signal.SIGHUP)
        with trio.fail_after(3):
            while "hedger" not in (await world.status())["watches"]:
                await trio.sleep(0.02)
        assert [connection.id for connection in world.stage.deribit.connections_of(BTC)] == before
        assert metric(world, "deadman_config_last_reload_successful") == 1


async def test_a_bad_config_changes_nothing_and_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        edit(world, {"watches": {"quoter": {"timeout": 0}}})
        assert world.process is not None
        world.process.send_signal(signal.SIGHUP)
        with trio.fail_after(3):
            while metric(world, "deadman_config_last_reload_successful") != 0:
                await trio.sleep(0.02)
        assert (await world.account(SX))["protected"]
        assert "config.toml:" in (tmp_path / "daemon.log").read_text()


async def test_a_removed_account_falls_silent_and_its_lease_runs_out(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        config = tomllib.loads(world.config.read_text())
        del config["accounts"][SX]
        world.config.write_text(tomli_w.dumps(config))
        assert world.process is not None
        world.process.send_signal(signal.SIGHUP)
        with trio.fail_after(3):
            while SX in (await world.status())["accounts"]:
                await trio.sleep(0.02)
        with trio.fail_after(8):
            while world.stage.sxbet.lease(SX) is not None:
                await trio.sleep(0.1)
        assert disarming(world) == []


async def test_a_key_replaced_on_disk_while_a_lease_stands_leaves_no_gap(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.stage.sxbet.exchange.place(SX)
        world.stage.sxbet.set_key(SX, "a-new-key", "v3")
        (tmp_path / SX).write_text("a-new-key\n")
        began = trio.current_time()
        while trio.current_time() < began + 7:
            assert (await world.account(SX))["protected"]
            await trio.sleep(0.1)
        assert len(world.stage.sxbet.exchange.open_orders(SX)) == 1


async def test_a_bot_that_died_may_start_again_behind_the_proven_switch(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.beating.cancel()
        assert await world.until(lambda account: account["phase"] == "tripped", BTC, 5) is not None
        command = [sys.executable, "-m", "deadman", "status", "--wait", "3", BTC, "--config", str(world.config)]
        waited = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
        assert waited.returncode == 0, waited.stderr


async def test_a_second_daemon_on_the_same_state_is_turned_away(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        command = [sys.executable, "-m", "deadman", "run", "--config", str(world.config)]
        second = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
        assert second.returncode == 1
        assert b"Traceback" not in second.stderr
        assert (await world.account(BTC))["protected"]


async def test_no_secret_reaches_log_metrics_or_status(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.stage.deribit.expire_tokens(BTC)
        await trio.sleep(3.5)
        shown = page(world, "/metrics") + page(world, "/") + str(await world.status())
        shown += (tmp_path / "daemon.log").read_text()
        for name in (BTC, SX):
            assert (tmp_path / name).read_text().strip() not in shown


async def test_the_demo_plays_its_story_and_every_claim_holds() -> None:
    told = await trio.run_process([sys.executable, "-m", "deadman", "demo", "--once"], capture_stdout=True, check=False)
    assert told.returncode == 0, told.stdout.decode()
    assert b"claims held" in told.stdout
