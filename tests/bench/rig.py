"""The processes of one measurement: the venue, the daemon and the bare clients, each by itself, and what they spend."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tomli_w

DEADLINE = 240.0
"""Seconds for whatever is waited for."""


@dataclass
class Process:
    """A child; seconds of CPU and KiB of memory as the kernel counts them for all its threads."""

    child: subprocess.Popen[str]

    def cpu(self) -> float:
        """To the nanosecond where the kernel keeps schedstat, for threads that have ended by the clock tick."""
        tasks = Path(f"/proc/{self.child.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def memory(self) -> float:
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return float(status.partition("VmRSS:")[2].split()[0])

    def spent_in(self, seconds: float) -> float:
        """Seconds of CPU a second."""
        before, began = self.cpu(), time.monotonic()
        time.sleep(seconds)
        return (self.cpu() - before) / (time.monotonic() - began)


@dataclass
class Venue:
    """The venue's process, asked by lines."""

    child: subprocess.Popen[str]
    port: int = 0

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        assert self.child.stdin
        self.child.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.child.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        assert self.child.stdout
        found: dict[str, Any] = json.loads(self.child.stdout.readline())
        return found

    def wait_for(self, whose: str, proven: int, process: Process) -> dict[str, Any]:
        """What there is of it once so many accounts are proven. Raises TimeoutError, or RuntimeError for its end."""
        deadline = time.monotonic() + DEADLINE
        while (found := self.ask("count", whose=whose))["proven"] < proven:
            if process.child.poll() is not None:
                raise RuntimeError(f"{whose} ended with {process.child.returncode}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{found['proven']} of {proven} after {DEADLINE:g} s")
            time.sleep(0.05)
        return found


@dataclass
class Rig:
    """A venue in a directory of its own, and what was started against it."""

    directory: Path
    venue: Venue
    started: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def bare(self, kind: str, count: int) -> Iterator[Process]:
        scheme = "wss" if kind == "websockets" else "https"
        url = f"{scheme}://127.0.0.1:{self.venue.port}/bare"
        with self._running(
            "bare", ["tests.bench.bare", kind, url, str(self.directory / "ca.pem"), str(count)]
        ) as process:
            yield process

    @contextmanager
    def daemon(self, accounts: dict[str, dict[str, Any]], watches: dict[str, Any] | None = None) -> Iterator[Process]:
        port = free_port()
        for name in ("run", "state"):
            (self.directory / name).mkdir(exist_ok=True)
        (self.directory / "state" / "state.toml").unlink(missing_ok=True)
        daemon = {
            "listen": f"127.0.0.1:{port}",
            "runtime_directory": str(self.directory / "run"),
            "state_directory": str(self.directory / "state"),
            "log_level": "error",
        }
        self.metrics = f"http://127.0.0.1:{port}/metrics"
        settings = {"daemon": daemon, "watches": watches or {}, "accounts": accounts}
        (self.directory / "config.toml").write_text(tomli_w.dumps(settings))
        command = ["tests.bench.daemon", str(self.directory / "seen.json"), "run", "--config"]
        with self._running("ours", [*command, str(self.directory / "config.toml")]) as process:
            yield process

    def deribit(self, count: int, **keys: Any) -> dict[str, dict[str, Any]]:
        """Accounts with a URL each, so that no budget of an address holds up the start."""
        return {
            f"d{number}": {
                "venue": "deribit",
                "network": "testnet",
                "url": f"wss://127.0.0.1:{self.venue.port}/ours/{number}",
                "ca_file": str(self.directory / "ca.pem"),
                "client_id": f"id-{number}",
                "client_secret": {"file": self.secret(f"d{number}")},
                **keys,
            }
            for number in range(count)
        }

    def sxbet(self, count: int, **keys: Any) -> dict[str, dict[str, Any]]:
        return {
            f"s{number}": {
                "venue": "sxbet",
                "network": "testnet",
                "url": f"https://127.0.0.1:{self.venue.port}/ours",
                "ca_file": str(self.directory / "ca.pem"),
                "api": "v3",
                "api_key": {"file": self.secret(f"s{number}")},
                "watch": "none",
                **keys,
            }
            for number in range(count)
        }

    def secret(self, name: str) -> str:
        path = self.directory / name
        if not path.exists():
            path.touch(0o600)
            path.write_text(f"{name}-{os.urandom(12).hex()}\n")
        return str(path)

    def scrape(self) -> bytes:
        with urllib.request.urlopen(self.metrics, timeout=60) as answer:  # noqa: S310 - our own daemon
            body: bytes = answer.read()
        return body

    def say(self, watch: str, word: bytes) -> float:
        """One datagram to a watch; when it was sent."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(str(self.directory / "run" / "watch" / f"{watch}.sock"))
            sent_at = time.monotonic()
            sender.send(word)
        return sent_at

    @contextmanager
    def _running(self, whose: str, command: Sequence[str]) -> Iterator[Process]:
        self.started[whose] = time.monotonic()
        child = subprocess.Popen([sys.executable, "-m", *command], text=True)
        try:
            yield Process(child)
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(30)


@contextmanager
def rig() -> Iterator[Rig]:
    """A venue that listens, until the block ends."""
    with TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "tests.bench.venue", directory]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as child:
            venue = Venue(child)
            venue.port = venue.answer()["port"]
            try:
                yield Rig(Path(directory), venue)
            finally:
                child.kill()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
