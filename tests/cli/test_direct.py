"""A trip from the operator's own process, when there is no daemon to ask."""

from __future__ import annotations

import os
import pwd
import sys
import tomllib
from contextlib import ExitStack
from pathlib import Path

import pytest
import trio

from deadman.cli import main
from deadman.cli.direct import _own_name, _state
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.settings import Config, DaemonConfig
from deadman.simulator.demo_world import BTC, SX, World, open_world
from tests.daemon.test_daemon import a_port, edit, running
from tests.daemon.test_state_text import signed


async def trip(world: World, *names: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "deadman", "trip", "--direct", "--yes", "--config", str(world.config), *names]
    done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


async def test_without_a_daemon_every_order_is_cancelled_and_the_next_daemon_knows(tmp_path: Path) -> None:
    async with open_world(tmp_path, a_port()) as world:
        world.connect_bot()
        code, told = await trip(world, BTC, SX)
        assert code == 0, told
        assert world.open_orders(BTC) == world.open_orders(SX) == 0
        await world.start_daemon()
        assert await world.until(lambda account: account["phase"] == "tripped", BTC, 5) is not None
        by = (await world.account(BTC))["trip"]["by"]
        assert by == f"{pwd.getpwuid(os.geteuid()).pw_name} (trip --direct)"


def test_nobody_is_named_after_the_user_that_systemd_makes_up() -> None:
    assert _own_name({"CREDENTIALS_DIRECTORY": "/run/credentials/run-u1.service"}) == "an operator"


async def test_a_daemon_that_holds_the_state_keeps_nobody_from_cancelling(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        world.connect_bot()
        code, told = await trip(world, BTC)
        assert code == 0, told
        assert world.open_orders(BTC) == 0
        assert "will not know" in told


async def test_an_unknown_account_is_told_and_nothing_is_cancelled(tmp_path: Path) -> None:
    async with open_world(tmp_path, a_port()) as world:
        world.connect_bot()
        code, told = await trip(world, "btc-dsk")
        assert code == 2
        assert "btc-dsk" in told
        assert world.open_orders(BTC) == 4


async def test_where_every_account_is_only_observed_a_trip_says_so_and_fails(tmp_path: Path) -> None:
    async with open_world(tmp_path, a_port()) as world:
        world.connect_bot()
        accounts = tomllib.loads(world.config.read_text())["accounts"]
        edit(world, {"accounts": {name: {**account, "observe": True} for name, account in accounts.items()}})
        code, told = await trip(world, "--all")
        assert code == 1, told
        assert "only observed" in told
        assert world.open_orders(BTC) == 4


def test_a_state_that_a_later_release_wrote_keeps_nobody_from_cancelling_and_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = DaemonConfig(tmp_path, tmp_path)
    (tmp_path / "state.toml").write_bytes(signed(b"format = 3\n"))
    with ExitStack() as stack:
        board = Board.new(Clock(lambda: 0.0, lambda: 0.0))
        assert _state(Config(tmp_path, daemon, {}, {}), board, stack) is None
    told = capsys.readouterr().err
    assert f"{tmp_path}/state.toml: it has format 3" in told
    assert "cancelling all the same" in told
    assert (tmp_path / "state.toml").read_bytes() == signed(b"format = 3\n")


def test_who_may_not_read_the_services_secrets_is_told_the_command_that_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    config, unit = tmp_path / "config.toml", tmp_path / "deadman.service"
    config.write_text(
        '[accounts.maker]\nvenue = "sxbet"\nnetwork = "testnet"\napi = "v3"\nwatch = "none"\n'
        'api_key = { credential = "secrets_maker" }\n'
    )
    unit.write_text(f"[Service]\nExecStart=/opt/deadman run --config {config}\nLoadCredential=secrets:/etc/s\n")
    monkeypatch.setattr("deadman.config.advice.as_the_service.__defaults__", ((tmp_path,),))
    assert main(["trip", "--direct", "--yes", "--reason", "why", "maker", "--config", str(config)]) == 1
    told = capsys.readouterr().err
    assert "$CREDENTIALS_DIRECTORY is not set" in told
    assert "sudo systemd-run --quiet --pipe --wait --collect -p LoadCredential=secrets:/etc/s " in told
    assert told.endswith(f"--config {config} trip --direct --yes --reason why maker\n")
