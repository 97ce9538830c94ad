"""`check --online`: one look at every account, after which everything at the venues is as it was."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import trio

from deadman.simulator.demo_world import BTC, SX, World, open_world
from deadman.venues.deribit.conversation import COINBASE, excess
from tests.daemon.test_daemon import a_port, edit

READING = {
    "public/auth",
    "public/set_heartbeat",
    "public/test",
    "private/get_cancel_on_disconnect",
    "private/get_open_orders",
    "GET /orders-v3",
}


async def look(world: World) -> tuple[int, str]:
    command = [sys.executable, "-m", "deadman", "check", "--online", "--config", str(world.config)]
    done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


def state_of(world: World) -> Any:
    book = [
        (order.account, order.state)
        for venue in (world.stage.deribit, world.stage.sxbet)
        for order in venue.exchange.orders.values()
    ]
    return book, world.stage.deribit.inherits(BTC), world.stage.sxbet.lease(SX)


async def test_a_look_tells_all_and_changes_nothing(tmp_path: Path) -> None:
    async with open_world(tmp_path, a_port()) as world:
        world.connect_bot()
        before = state_of(world)
        code, told = await look(world)
        assert code == 0, told
        assert "cancel-on-disconnect: account off" in told
        assert "open orders" in told
        assert state_of(world) == before
        seen = {one.method for one in (*world.stage.deribit.received, *world.stage.sxbet.received)}
        assert seen <= READING


async def test_a_key_that_may_do_too_much_is_told(tmp_path: Path) -> None:
    async with open_world(tmp_path, a_port()) as world:
        scope = "account:read_write trade:read_write wallet:read_write"
        world.stage.deribit.add_key(f"{BTC}-id", BTC, secret=(tmp_path / BTC).read_text().strip(), scope=scope)
        code, told = await look(world)
        assert code == 0, told
        assert "wallet:read_write" in told.split("more than is needed")[1]


def test_at_the_gateway_too_a_key_that_may_do_too_much_is_told() -> None:
    told = excess(frozenset({"rat#trade", "rat#view", "wallet:user:read", "wallet:withdrawals:create"}), COINBASE)
    assert told == ["wallet:withdrawals:create"]


async def test_an_account_that_is_only_observed_needs_no_key_that_cancels(tmp_path: Path) -> None:
    async with open_world(tmp_path, a_port()) as world:
        secret = (tmp_path / BTC).read_text().strip()
        world.stage.deribit.add_key(f"{BTC}-id", BTC, secret=secret, scope="account:read trade:read")
        edit(world, {"accounts": {BTC: {**_account(world), "observe": True}}})
        code, told = await look(world)
        assert code == 0, told
        assert "lacks" not in told


async def test_wrong_keys_are_told_in_words_and_fail_the_look(tmp_path: Path) -> None:
    async with open_world(tmp_path, a_port()) as world:
        for name in (BTC, SX):
            (tmp_path / name).write_text(f"not-the-key-of-{name}\n")
        code, told = await look(world)
        assert code == 1
        assert "invalid credentials" in told
        assert "API key" in told
        assert "Traceback" not in told
        assert "not-the-key" not in told


async def test_a_secret_that_only_the_service_may_read_is_no_refusal_of_the_venue(tmp_path: Path) -> None:
    async with open_world(tmp_path, a_port()) as world:
        edit(world, {"accounts": {BTC: {**_account(world), "client_secret": {"credential": "secrets_btc"}}}})
        code, told = await look(world)
        assert code == 1
        assert '    not looked at: credential "secrets_btc": $CREDENTIALS_DIRECTORY is not set\n' in told
        assert "refused" not in told


async def test_a_venue_that_is_not_there_is_told_and_holds_up_nobody(tmp_path: Path) -> None:
    async with open_world(tmp_path, a_port()) as world:
        edit(world, {"accounts": {BTC: {**_account(world), "url": "wss://127.0.0.1:1/ws/api/v2"}}})
        code, told = await look(world)
        assert code == 1
        assert "no answer" in told
        assert "open orders" in told  # the other account's


def _account(world: World) -> dict[str, Any]:
    import tomllib

    account: dict[str, Any] = tomllib.loads(world.config.read_text())["accounts"][BTC]
    return account
