"""What `simulate --cluster` adds: a real etcd, where one is installed, and a second host: the witness of the first."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import trio

HOST_TIMEOUT = 10.0
"""Seconds: as short as is sane, for whoever waits in front of it."""

READY_TIMEOUT = 15.0
"""Seconds that etcd may take to start."""

WITNESS_KEY = "options-witness"


def is_installed() -> bool:
    return shutil.which("etcd") is not None


@asynccontextmanager
async def etcd(directory: Path) -> AsyncIterator[str]:
    """The address of one member, empty, which ends with us however we end. Raises OSError where none is to be had."""
    if not is_installed():
        raise OSError("--cluster needs etcd, which is not installed here (Debian: etcd-server)")
    shutil.rmtree(directory, ignore_errors=True)
    client, peer = (f"http://127.0.0.1:{_free_port()}" for _ in range(2))
    until_stdin_ends = '"$@" & cat > /dev/null; kill -9 $!; wait'
    command = [
        *("sh", "-c", until_stdin_ends, "sh"),
        *("etcd", "--name", "simulated", "--data-dir", str(directory), "--auto-compaction-retention", "1h"),
        *("--listen-client-urls", client, "--advertise-client-urls", client, "--initial-cluster", f"simulated={peer}"),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
    ]
    nowhere = subprocess.DEVNULL
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, start_new_session=True
    )
    try:
        await _until_open(client)
        yield client
    finally:
        with trio.CancelScope(shield=True):
            if process.stdin is not None:
                await process.stdin.aclose()
            await process.wait()


async def _until_open(address: str) -> None:
    port = int(address.rpartition(":")[2])
    with trio.move_on_after(READY_TIMEOUT):
        while True:
            try:
                stream = await trio.open_tcp_stream("127.0.0.1", port)
            except OSError:
                await trio.sleep(0.05)
            else:
                await stream.aclose()
                return
    raise OSError(f"etcd did not listen on {address} within {READY_TIMEOUT:.0f} s")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def desk(settings: Mapping[str, Any], endpoint: str) -> dict[str, Any]:
    """The one host's config: its accounts at Deribit place orders by REST too, and a witness can hear it."""
    accounts = dict(settings["accounts"])
    for name in ("options-desk", "futures-desk"):
        accounts[name] = accounts[name] | {"orders_via": ["websocket", "rest"]}
    cluster = {"endpoints": [endpoint], "host_timeout": HOST_TIMEOUT}
    return {**settings, "daemon": settings["daemon"] | {"name": "alpha"}, "cluster": cluster, "accounts": accounts}


def witness(settings: Mapping[str, Any], endpoint: str, directory: Path, secret: Path) -> dict[str, Any]:
    """The other host's: it watches over an account of the first."""
    account = dict(settings["accounts"]["options-desk"])
    for name in ("watch", "auth"):
        account.pop(name, None)
    account |= {"client_id": f"{WITNESS_KEY}-id", "client_secret": {"file": str(secret)}}
    directories = {"runtime_directory": str(directory / "run"), "state_directory": str(directory / "state")}
    return {
        "daemon": {"name": "bravo", "listen": "", **directories},
        "cluster": {"endpoints": [endpoint], "host_timeout": HOST_TIMEOUT},
        "accounts": {"alpha-options": account | {"witness_of": "alpha/options-desk"}},
    }


def greeting(directory: Path) -> str:
    return f"""\
With --cluster there is a second host, in {directory / "witness"}, and an etcd through which the two hear of each other:
  deadman run --config {directory}/witness/config.toml
  deadman status --follow --config {directory}/witness/config.toml
Start both, let quoter check in, say `place options-desk 3`; then kill -9 the first `deadman run` and the bot at once.
Within half a minute the witness cancels the three."""
