"""A desk with everything real but the venues: `simulate`, `run`, a bot that checks in, and Prometheus over them."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import tomli_w

TIMEOUT = 20.0
BEAT = 0.5


def wait_for(found: Callable[[], object], what: str, patience: float = TIMEOUT) -> float:
    """Seconds until `found`; a refused connection counts as not yet."""
    began = time.monotonic()
    while time.monotonic() < began + patience:
        with suppress(OSError):
            if found():
                return time.monotonic() - began
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {patience} s")


@contextmanager
def process(log: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        started = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def deadman(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "deadman", *arguments)


@dataclass
class Bot:
    """A trading process: it checks in until it is silenced."""

    path: Path
    _silent: threading.Event = field(default_factory=threading.Event)

    def live(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
            while not self._silent.wait(BEAT):
                with suppress(OSError):
                    out.sendto(b"WATCHDOG=1", str(self.path))

    def fall_silent(self) -> None:
        self._silent.set()


@dataclass
class Desk:
    """All accounts of the simulated venues, guarded by a daemon of their own."""

    directory: Path
    address: str
    daemon: subprocess.Popen[bytes]
    bot: Bot

    def venue(self, command: str) -> str:
        """Give the simulated venues a command; its answer."""
        with socket.socket(socket.AF_UNIX) as console:
            console.settimeout(TIMEOUT)
            console.connect(str(self.directory / "faults.sock"))
            console.sendall(command.encode() + b"\n")
            answer = console.recv(4096).decode()
        assert not answer.startswith("error"), answer
        return answer

    def page(self, path: str) -> str:
        with urlopen(f"http://{self.address}{path}", timeout=5) as answer:
            return str(answer.read().decode())


@contextmanager
def desk(directory: Path) -> Iterator[Desk]:
    with ExitStack() as running:
        running.enter_context(process(directory / "simulate.log", *deadman("simulate", "--directory", str(directory))))
        wait_for((directory / "faults.sock").exists, "the simulated venues")
        address = hasten(directory / "config.toml")
        run = deadman("run", "--config", str(directory / "config.toml"))
        daemon = running.enter_context(process(directory / "run.log", *run))
        bot = Bot(directory / "run" / "watch" / "quoter.sock")
        beating = threading.Thread(target=bot.live, daemon=True)
        beating.start()
        running.callback(beating.join)
        running.callback(bot.fall_silent)
        yield Desk(directory, address, daemon, bot)


def hasten(config: Path) -> str:
    """Shorten what would be waited for; the address of the metrics."""
    loaded = tomllib.loads(config.read_text())
    for account in loaded["accounts"].values():
        fast = {"verify_interval": 1} if account["venue"] == "deribit" else {"timeout_seconds": 6, "renew_interval": 2}
        account |= fast
    loaded["watches"]["quoter"]["timeout"] = 2
    config.write_text(tomli_w.dumps(loaded))
    return str(loaded["daemon"]["listen"])


@dataclass
class Prometheus:
    address: str

    def ask(self, path: str, **parameters: str) -> Any:
        with urlopen(f"http://{self.address}/api/v1/{path}?{urlencode(parameters)}", timeout=5) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant query; a scalar counts as one."""
        data = self.ask("query", query=expression)
        return list(data["result"]) if data["resultType"] == "vector" else [data]

    def firing(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Alerts that fire, by name and account or watch."""
        firing = (alert for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing")
        return {(one["labels"]["alertname"], about(one["labels"])): one for one in firing}

    def seen_since(self, expression: str) -> float:
        """Unix time of the first sample of the last minute that made `expression` true."""
        now = time.time()
        data = self.ask("query_range", query=expression, start=f"{now - 60:.3f}", end=f"{now:.3f}", step="0.25")
        return min(float(series["values"][0][0]) for series in data["result"])

    def is_told(self, alert: str, whom: str) -> bool:
        return (alert, whom) in self.firing()


def about(labels: dict[str, str]) -> str:
    return labels.get("account") or labels.get("watch") or ""


@contextmanager
def prometheus(directory: Path, target: str, rules: str, interval: float) -> Iterator[Prometheus]:
    """Prometheus scraping `target` and judging the rules once an interval."""
    address = free_address()
    (directory / "rules.yml").write_text(re.sub(r"(?m)^    interval: .*$", f"    interval: {interval:g}s", rules))
    config = {
        "global": {"scrape_interval": f"{interval:g}s", "evaluation_interval": f"{interval:g}s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [{"job_name": "deadman", "static_configs": [{"targets": [target]}]}],
    }
    (directory / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    options = (
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={address}",
    )
    with process(directory / "prometheus.log", shutil.which("prometheus") or "prometheus", *options):
        server = Prometheus(address)
        wait_for(lambda: bool(server.query("up == 1")), "Prometheus' first scrape")
        yield server


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
