"""The demo's world: both venues simulated on loopback, the real daemon as a process of its own, and a bot."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tomli_w
import trio

from deadman.simulator.commands import Stage
from deadman.simulator.deribit.connection import Connection
from deadman.simulator.deribit.settings import DERIBIT
from deadman.simulator.deribit.venue import Deribit
from deadman.simulator.listen import listen, new_authority
from deadman.simulator.simulate import write_secret
from deadman.simulator.sxbet.venue import SxBet

BTC, SX, BOT = "btc-desk", "sx-maker", "quoter"
SILENCE = 2
"""Seconds without a check-in after which the bot is dead."""

LEASE = 6
VERIFY = 3
BEAT = 0.25
HOST_TIMEOUT = 7
IMPATIENT = replace(DERIBIT, first_test=-9.0, grace=1.0)
"""Gives a silent connection up after two seconds, where the venue itself takes some twenty."""


@dataclass
class World:
    """What the chapters play with; the venues' own books judge every claim. `etcd` is empty where there is none."""

    directory: Path
    stage: Stage
    listen_on: str
    etcd: str = ""
    process: trio.Process | None = None
    witness: trio.Process | None = None
    beating: trio.CancelScope = field(default_factory=trio.CancelScope)
    connection: Connection | None = None
    beat_at: float = 0.0

    @property
    def config(self) -> Path:
        return self.directory / "config.toml"

    def open_orders(self, account: str) -> int:
        exchange = self.stage.deribit.exchange if account == BTC else self.stage.sxbet.exchange
        return len(exchange.open_orders(account))

    async def start_daemon(self) -> None:
        self.process = await self._start(self.config)

    async def start_witness(self) -> None:
        self.witness = await self._start(self.directory / "witness" / "config.toml")

    async def _start(self, config: Path) -> trio.Process:
        with (self.directory / "daemon.log").open("ab") as log:
            command = [sys.executable, "-m", "deadman.simulator.demo_world", "--config", str(config)]
            # In a session of its own: what a terminal sends to all when it closes would be a reload to a daemon.
            return await trio.lowlevel.open_process(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )

    async def kill_daemon(self) -> None:
        if self.process is not None:
            self.process.kill()
            await self.process.wait()

    async def stop(self) -> None:
        """Every daemon that runs."""
        for process in (self.process, self.witness):
            if process is not None and process.returncode is None:
                process.terminate()
                with trio.move_on_after(5):
                    await process.wait()
                process.kill()
                await process.wait()

    async def status(self) -> dict[str, Any]:
        """What the daemon says of itself; nothing while it is not there."""
        with trio.move_on_after(2), suppress(OSError, ValueError):
            return await self.ask("status")
        return {"accounts": {}}

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The daemon's answer at its control socket."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with await trio.open_unix_socket(str(self.directory / "run" / "control.sock")) as stream:
            await stream.send_all(json.dumps(request).encode() + b"\n")
            answer: dict[str, Any] = json.loads(await _line(stream))["result"]
            return answer

    async def account(self, name: str) -> dict[str, Any]:
        told = (await self.status())["accounts"].get(name, {"phase": "unknown", "protected": False})
        return dict(told)

    async def until(self, condition: Callable[[dict[str, Any]], bool], name: str, within: float) -> float | None:
        """Seconds until the daemon says so of the account; None when it does not within that time."""
        return await self._until(lambda: self.account(name), condition, within)

    async def until_gone(self, account: str, left: int, within: float) -> float | None:
        """Seconds until the venue has no more than `left` open orders of the account."""

        async def orders() -> int:
            return self.open_orders(account)

        return await self._until(orders, lambda count: count <= left, within)

    async def _until(self, look: Callable[[], Any], condition: Callable[[Any], bool], within: float) -> float | None:
        began = trio.current_time()
        while trio.current_time() < began + within:
            if condition(await look()):
                return trio.current_time() - began
            await trio.sleep(0.02)
        return None

    def connect_bot(self) -> None:
        """The bot opens its own connection, as bots do: what it places there goes with it."""
        self.connection = self.stage.deribit.attach(BTC)
        for _ in range(3):
            self.stage.deribit.exchange.place(BTC, connection=self.connection.id)
            self.stage.sxbet.exchange.place(SX)
        self.stage.deribit.exchange.place(BTC, connection=None)

    def lose_bot(self) -> None:
        if self.connection is not None:
            self.stage.deribit.end(self.connection)

    async def beat(self) -> None:
        """Check in until told to stop."""
        with trio.CancelScope() as self.beating, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            while True:
                with suppress(OSError):
                    out.sendto(b"WATCHDOG=1", str(self.directory / "run" / "watch" / f"{BOT}.sock"))
                    self.beat_at = trio.current_time()
                await trio.sleep(BEAT)


async def _line(stream: trio.abc.Stream) -> bytes:
    line = b""
    while b"\n" not in line:
        part = await stream.receive_some()
        if not part:
            break
        line += part
    return line


@asynccontextmanager
async def open_world(directory: Path, port: int, etcd: str = "") -> AsyncIterator[World]:
    """Both venues listening, config and secrets written for a daemon at `port`, which is stopped on the way out."""
    keys = {BTC: "a key for Deribit".replace(" ", "-"), SX: "a key for SX Bet".replace(" ", "-")}
    stage, authority = Stage(Deribit(IMPATIENT), SxBet()), new_authority()
    stage.deribit.add_key(f"{BTC}-id", BTC, secret=keys[BTC])
    stage.sxbet.add_account(SX, keys[SX], "v3")
    async with trio.open_nursery() as nursery:
        deribit, sxbet = [await nursery.start(listen, v.serve, authority) for v in (stage.deribit, stage.sxbet)]
        world = World(directory, stage, f"127.0.0.1:{port}", etcd)
        for name, key in keys.items():
            write_secret(directory / name, key)
        (directory / "ca.pem").write_bytes(authority.pem)
        config = _config(world, deribit, sxbet)
        world.config.write_text(tomli_w.dumps(config), encoding="utf-8")
        if etcd:
            _write_witness(world, config)
        try:
            yield world
        finally:
            with trio.CancelScope(shield=True):
                await world.stop()
        nursery.cancel_scope.cancel()


def _config(world: World, deribit: int, sxbet: int) -> dict[str, Any]:
    directory, trust = world.directory, {"ca_file": str(world.directory / "ca.pem"), "network": "testnet"}
    return _cluster(world) | {
        "daemon": {
            "name": "alpha",
            "listen": world.listen_on,
            "runtime_directory": str(directory / "run"),
            "state_directory": str(directory / "state"),
        },
        "watches": {BOT: {"timeout": SILENCE}},
        "accounts": {
            BTC: {
                "venue": "deribit",
                "url": f"wss://127.0.0.1:{deribit}/ws/api/v2",
                "client_id": f"{BTC}-id",
                "client_secret": {"file": str(directory / BTC)},
                "verify_interval": VERIFY,
                "watch": [BOT],
                "orders_via": ["websocket", "rest"],
            }
            | trust,
            SX: {
                "venue": "sxbet",
                "url": f"https://127.0.0.1:{sxbet}",
                "api": "v3",
                "api_key": {"file": str(directory / SX)},
                "timeout_seconds": LEASE,
                "watch": BOT,
            }
            | trust,
        },
    }


def _cluster(world: World) -> dict[str, Any]:
    return {"cluster": {"endpoints": [world.etcd], "host_timeout": HOST_TIMEOUT}} if world.etcd else {}


def _write_witness(world: World, desk: dict[str, Any]) -> None:
    """The config of a second host, which watches over one account of the first with a key of its own."""
    directory, key, secret = world.directory / "witness", f"{BTC}-witness", "a-key-of-the-witness"
    directory.mkdir()
    world.stage.deribit.add_key(key, BTC, secret=secret, scope="account:read trade:read_write")
    write_secret(directory / key, secret)
    kept = {name: desk["accounts"][BTC][name] for name in ("venue", "network", "url", "ca_file")}
    account = kept | {"client_id": key, "client_secret": {"file": str(directory / key)}}
    daemon = {
        "name": "bravo",
        "listen": "",
        "runtime_directory": str(directory / "run"),
        "state_directory": str(directory / "state"),
    }
    accounts = {f"alpha-{BTC}": account | {"witness_of": f"alpha/{BTC}"}}
    config = _cluster(world) | {"daemon": daemon, "accounts": accounts}
    (directory / "config.toml").write_text(tomli_w.dumps(config), encoding="utf-8")


def _run_daemon() -> int:
    """`deadman run` in a process that ends with its stdin, where nothing is ever written: when the demo does."""
    from deadman.cli import main

    def end_with_stdin() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=end_with_stdin, daemon=True).start()
    return main(["run", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(_run_daemon())
