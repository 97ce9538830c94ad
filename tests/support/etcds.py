"""Real members of etcd on loopback, where it is installed; and one in memory with the same semantics (`simulator`)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

INSTALLED = shutil.which("etcd") is not None
needs_etcd = pytest.mark.skipif(not INSTALLED, reason="etcd is not installed (Debian: etcd-server)")

ENVIRONMENT = {**os.environ, "ETCD_UNSUPPORTED_ARCH": "arm64"}


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


@dataclass
class Member:
    """One process."""

    name: str
    client: str
    arguments: list[str]
    directory: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with open(self.directory / f"{self.name}.log", "ab") as log:
            self.process = subprocess.Popen(self.arguments, stdout=log, stderr=log, env=ENVIRONMENT)

    def restore(self, backup: Path) -> None:
        """Begin anew from a snapshot, as an operator does; not while it runs. What it had is gone."""
        shutil.rmtree(self.directory / self.name)
        kept = ("--name", "--data-dir", "--initial-cluster", "--initial-advertise-peer-urls")
        given = zip(self.arguments, self.arguments[1:], strict=False)
        options = [word for name, value in given if name in kept for word in (name, value)]
        command = ["etcdctl", "snapshot", "restore", str(backup), *options]
        subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
                self.process.kill()
            self.process.wait()


@dataclass
class Members:
    """A cluster of one or three."""

    members: list[Member]
    further: Sequence[str] = field(default_factory=tuple)

    @property
    def endpoints(self) -> list[str]:
        return [member.client for member in self.members]

    @property
    def ctl(self) -> list[str]:
        return ["etcdctl", f"--endpoints={self.endpoints[0]}"]

    def start(self, *extra: str) -> None:
        for member in self.members:
            member.arguments += extra
            member.start()

    def wait(self, within: float = 20.0) -> None:
        """Until every member says that it is healthy."""
        until = time.monotonic() + within
        for member in self.members:
            while not is_healthy(member.client):
                if time.monotonic() > until:
                    raise TimeoutError(f"{member.name} is not healthy")
                time.sleep(0.05)

    def leader(self) -> Member:
        """The one that leads now."""
        for member in self.members:
            with suppress(OSError):
                asked = urllib.request.Request(f"{member.client}/v3/maintenance/status", b"{}")  # noqa: S310 - loopback
                told = json.loads(urllib.request.urlopen(asked, timeout=2).read())  # noqa: S310 - loopback
                if told.get("leader") == told["header"]["member_id"]:
                    return member
        raise LookupError("nobody leads")


def is_healthy(client: str, context: ssl.SSLContext | None = None) -> bool:
    with suppress(OSError):
        answer = urllib.request.urlopen(f"{client}/health", timeout=2, context=context).read()  # noqa: S310 - loopback
        return b'"true"' in answer
    return False


@contextmanager
def secure_etcd(directory: Path, authority: trustme.CA) -> Iterator[Member]:
    """One member that shows a certificate, and takes nobody without one."""
    member = authority.issue_cert("127.0.0.1")
    (directory / "member.pem").write_bytes(b"".join(blob.bytes() for blob in member.cert_chain_pems))
    (directory / "member.key").write_bytes(member.private_key_pem.bytes())
    (directory / "ca.pem").write_bytes(authority.cert_pem.bytes())
    client, peer = (
        f"{scheme}://127.0.0.1:{port}" for scheme, port in zip(("https", "http"), free_ports(2), strict=True)
    )
    arguments = [
        *("etcd", "--name", "m0", "--data-dir", str(directory / "m0"), "--logger", "zap", "--client-cert-auth"),
        *("--listen-client-urls", client, "--advertise-client-urls", client, "--initial-cluster", f"m0={peer}"),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
        *("--cert-file", str(directory / "member.pem"), "--key-file", str(directory / "member.key")),
        *("--trusted-ca-file", str(directory / "ca.pem")),
    ]
    context = ssl.create_default_context(cafile=directory / "ca.pem")
    member.configure_cert(context)
    made = Member("m0", client, arguments, directory)
    try:
        made.start()
        until = time.monotonic() + 20
        while not is_healthy(client, context) and time.monotonic() < until:
            time.sleep(0.05)
        yield made
    finally:
        made.kill()


@contextmanager
def etcd(directory: Path, members: int = 1, *extra: str) -> Iterator[Members]:
    """A fresh cluster, up and healthy, killed at the end."""
    ports = free_ports(2 * members)
    peers = [f"http://127.0.0.1:{port}" for port in ports[members:]]
    initial = ",".join(f"m{at}={peer}" for at, peer in enumerate(peers))
    made = []
    for at, peer in enumerate(peers):
        client = f"http://127.0.0.1:{ports[at]}"
        arguments = [
            *("etcd", "--name", f"m{at}", "--data-dir", str(directory / f"m{at}")),
            *("--listen-client-urls", client, "--advertise-client-urls", client),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--initial-cluster", initial, "--logger", "zap", *extra),
        ]
        made.append(Member(f"m{at}", client, arguments, directory))
    cluster = Members(made)
    try:
        cluster.start()
        cluster.wait()
        yield cluster
    finally:
        for member in made:
            member.kill()
