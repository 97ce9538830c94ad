"""Two hosts on one machine: a desk and its witness as real daemons, a bot, one simulated venue, and a real register.

A host dies as a host does: daemon and bot are killed at once, and nobody says goodbye.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import tomli_w
import trio

from deadman.simulator.deribit.venue import Deribit
from deadman.simulator.exchange import Order, Received
from deadman.simulator.listen import listen, new_authority

ACCOUNT = "options"
"""At the venue; the desk calls it options-desk, the witness alpha-options."""

DESKS, WITNESSS = "options-desk", "alpha-options"

BOT = """
import socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
while True:
    try:
        s.sendto(b"WATCHDOG=1", sys.argv[1])
    except OSError:
        pass
    time.sleep(0.5)
"""


@dataclass
class Host:
    """One daemon, its directory, and the bot beside it."""

    directory: Path
    config: dict[str, Any]
    daemon: subprocess.Popen[bytes] | None = None
    bot: subprocess.Popen[bytes] | None = None

    @property
    def file(self) -> Path:
        return self.directory / "config.toml"

    def start(self) -> None:
        self.file.write_text(tomli_w.dumps(self.config))
        with open(self.directory / "log", "ab") as log:
            command = [sys.executable, "-m", "deadman", "--config", str(self.file), "run"]
            self.daemon = subprocess.Popen(command, stdout=log, stderr=log)

    def start_bot(self) -> None:
        path = self.directory / "run" / "watch" / "quoter.sock"
        self.bot = subprocess.Popen([sys.executable, "-c", BOT, str(path)])

    def die(self) -> None:
        """All at once."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()

    def signal(self, number: int) -> None:
        for process in self.processes:
            process.send_signal(number)

    @property
    def processes(self) -> list[subprocess.Popen[bytes]]:
        return [one for one in (self.daemon, self.bot) if one is not None and one.poll() is None]

    def ask(self, method: str = "status", **params: object) -> dict[str, Any]:
        """Raises OSError where no daemon answers."""
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(15)
            talk.connect(str(self.directory / "run" / "control.sock"))
            with talk.makefile("rw") as lines:
                lines.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\n")
                lines.flush()
                answer = json.loads(lines.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"]["message"])
        result: dict[str, Any] = answer["result"]
        return result

    async def until(self, told: Callable[[dict[str, Any]], object], within: float) -> float:
        """Seconds until its status is as `told` wants it."""
        began = trio.current_time()
        with trio.fail_after(within):
            while True:
                with suppress(OSError, ValueError):
                    if told(await trio.to_thread.run_sync(self.ask)):
                        return trio.current_time() - began
                await trio.sleep(0.05)

    def log(self) -> str:
        return (self.directory / "log").read_text()


@dataclass
class Pair:
    """`venue` holds the book that decides."""

    venue: Deribit
    desk: Host
    witnesses: list[Host]
    directory: Path
    base: dict[str, Any]
    received: list[Received] = field(default_factory=list)

    @property
    def witness(self) -> Host:
        return self.witnesses[0]

    def rest(self, number: int = 1, **details: Any) -> list[Order]:
        """Orders by REST, which hang on no connection."""
        return [self.venue.exchange.place(ACCOUNT, connection=None, **details) for _ in range(number)]

    @property
    def open(self) -> list[Order]:
        return self.venue.exchange.open_orders(ACCOUNT)

    async def gone(self, within: float) -> float:
        """Seconds until no order rests."""
        began = trio.current_time()
        with trio.fail_after(within):
            while self.open:
                await trio.sleep(0.02)
        return trio.current_time() - began

    async def stays(self, seconds: float) -> None:
        """For so long every order rests on."""
        before, until = len(self.open), trio.current_time() + seconds
        while trio.current_time() < until:
            assert len(self.open) == before, f"{before - len(self.open)} orders went"
            await trio.sleep(0.1)

    async def stands_by(self, within: float = 30.0) -> None:
        """Until every witness stands by, and the desk knows of it."""
        for witness in self.witnesses:
            await witness.until(lambda told: told["accounts"][WITNESSS]["phase"] == "armed", within)

        def is_proven(told: dict[str, Any]) -> bool:
            known = told["accounts"][DESKS]["witnesses"]
            return len(known) == len(self.witnesses) and all(one["can_cancel"] for one in known)

        await self.desk.until(is_proven, within)

    def sent_by(self, key: str) -> list[str]:
        """What a key's sessions asked of the venue."""
        ours = {one.connection for one in self.received if one.params.get("client_id") == key}
        return [one.method for one in self.received if one.connection in ours]

    def add_witness(self, name: str) -> Host:
        key = f"{name}-id"
        self.venue.add_key(key, ACCOUNT, secret=f"hush-{name}", scope="account:read trade:read_write")
        account = {**self.base["account"], "client_id": key, "client_secret": self._secret(name)}
        witness = new_host(self.directory / name, name, self.base["cluster"])
        witness.config["accounts"] = {WITNESSS: {**account, "witness_of": f"alpha/{DESKS}"}}
        self.witnesses.append(witness)
        return witness

    def _secret(self, name: str) -> dict[str, str]:
        path = self.directory / f"{name}.secret"
        path.touch(0o600)
        path.write_text(f"hush-{name}\n")
        return {"file": str(path)}


def new_host(directory: Path, name: str, cluster: dict[str, Any]) -> Host:
    for each in (directory, directory / "run", directory / "state"):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    daemon = {
        "name": name,
        "listen": "",
        "runtime_directory": str(directory / "run"),
        "state_directory": str(directory / "state"),
        "log_format": "text",
    }
    return Host(directory, {"daemon": daemon, "cluster": cluster})


@asynccontextmanager
async def open_pair(
    directory: Path,
    endpoints: Sequence[str],
    host_timeout: float = 15.0,
    witnesses: Sequence[str] = ("bravo",),
    **account: object,
) -> AsyncIterator[Pair]:
    """Neither daemon is started yet; whatever was is killed at the end."""
    venue, authority = Deribit(), new_authority()
    venue.add_key("desk-id", ACCOUNT, secret="hush-desk", scope="account:read_write trade:read_write")
    (directory / "ca.pem").write_bytes(authority.pem)
    async with trio.open_nursery() as nursery:
        port = await nursery.start(partial(listen, venue.serve, authority))
        base: dict[str, Any] = {
            "account": {
                "venue": "deribit",
                "network": "testnet",
                "url": f"wss://127.0.0.1:{port}/ws/api/v2",
                "ca_file": str(directory / "ca.pem"),
            },
            "cluster": {"endpoints": list(endpoints), "host_timeout": host_timeout},
        }
        pair = Pair(venue, new_host(directory / "alpha", "alpha", base["cluster"]), [], directory, base)
        venue.received = _Log(pair.received)
        pair.desk.config["watches"] = {"quoter": {"timeout": 5}}
        login = {"client_id": "desk-id", "client_secret": pair._secret("desk")}
        pair.desk.config["accounts"] = {DESKS: {**base["account"], **login, "watch": ["quoter"], **account}}
        for name in witnesses:
            pair.add_witness(name)
        try:
            yield pair
        finally:
            for host in (pair.desk, *pair.witnesses):
                for process in host.processes:
                    process.send_signal(signal.SIGCONT)
                host.die()
            nursery.cancel_scope.cancel()


class _Log(deque[Received]):
    """The venue's log, kept whole."""

    def __init__(self, kept: list[Received]) -> None:
        super().__init__()
        self.kept = kept

    def append(self, received: Received) -> None:
        self.kept.append(received)
