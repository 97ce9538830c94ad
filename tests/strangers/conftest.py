from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import argparse, dataclasses, sys
from deadman.simulator import simulate
quick = {"first_test": -9.5, "test_period": -9.5, "grace": 2.0}
simulate.TESTNET = dataclasses.replace(simulate.TESTNET, **quick)
simulate.COINBASE = dataclasses.replace(simulate.COINBASE, **quick)
parser = argparse.ArgumentParser()
simulate.add_arguments(parser)
sys.exit(simulate.run(parser.parse_args()))
"""


@dataclass(frozen=True)
class Desk:
    """`simulate` as a process: its config, secrets, certificate, and the socket that takes faults."""

    directory: Path
    accounts: dict[str, Any]

    @property
    def ca(self) -> str:
        return str(self.directory / "ca.pem")

    def secret(self, account: str) -> str:
        return (self.directory / "secrets" / account).read_text().strip()

    def url(self, account: str, scheme: str) -> str:
        """The account's address for sockets (`wss`), or the same host's for HTTP."""
        url = str(self.accounts[account]["url"])
        return url if scheme == "wss" else url.replace("wss", "https").removesuffix("/ws/api/v2")

    def command(self, line: str) -> str:
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(5)
            talk.connect(str(self.directory / "faults.sock"))
            talk.sendall(f"{line}\n".encode())
            return talk.recv(65_536).decode().strip()

    def open_orders(self, account: str) -> int:
        return int(self.command(f"orders {account}").split()[1])


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("strangers")
    command = [sys.executable, "-c", PROGRAM, "--directory", str(directory)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        patience = time.monotonic() + 20
        while not (directory / "faults.sock").exists() and time.monotonic() < patience:
            time.sleep(0.02)
        yield Desk(directory, tomllib.loads((directory / "config.toml").read_text())["accounts"])
        process.terminate()


@pytest.fixture
def desk(simulated: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The simulation as it is at the start: no orders, switches off; and everybody here trusts its certificate."""
    monkeypatch.setitem(os.environ, "SSL_CERT_FILE", simulated.ca)
    for account in simulated.accounts:
        simulated.command(f"drop {account}")
        simulated.command(f"switch {account} off")
        simulated.command(f"withdraw {account}")
    return simulated
