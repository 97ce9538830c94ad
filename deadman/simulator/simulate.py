"""What `simulate` sets up: accounts at both venues, and the config that fits them."""

from __future__ import annotations

import argparse
import base64
import fcntl
import os
import secrets
import shutil
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from textwrap import fill
from typing import Any

import tomli_w
import trio
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deadman.model.errors import innermost
from deadman.simulator import cluster
from deadman.simulator.commands import Stage, obey
from deadman.simulator.deribit.settings import COINBASE, COINBASE_SCOPES, TESTNET
from deadman.simulator.deribit.venue import Deribit
from deadman.simulator.exchange import Exchange, Order
from deadman.simulator.listen import listen, new_authority
from deadman.simulator.sxbet.venue import SxBet

MARK = "# Written by `deadman simulate`, and written anew each time it starts.\n\n"
MAKER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # the first example of EIP-55
GATE, KEY_NAME = "gate-desk", "organizations/simulated/apiKeys/gate-desk"
USUAL_PORT = 9847

Obey = Callable[[str], str]
Read = Callable[[], Awaitable[bytes | bytearray]]
LONGEST = 4096  # bytes of one command


class Occupied(Exception):
    """The directory holds a config that is not ours to overwrite."""


async def simulate(directory: Path, with_cluster: bool = False) -> None:
    """Carry both venues until SIGINT or SIGTERM; `with_cluster`, an etcd and the config of a second host besides.

    Raises:
        Occupied: a foreign config.toml is in the way, or another one simulates there.
        OSError: the directory, a port or the command socket cannot be had.
    """
    keys = new_keys()
    stage, authority = new_stage(keys), new_authority()
    async with AsyncExitStack() as stack:
        stack.enter_context(held(directory))
        port = stack.enter_context(reserved_port())
        signals = stack.enter_context(trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM))
        endpoint = await stack.enter_async_context(cluster.etcd(directory / "etcd")) if with_cluster else None
        async with trio.open_nursery() as nursery:
            ports = {name: await nursery.start(listen, v.serve, authority) for name, v in stage.venues.items()}
            listen_at = f"127.0.0.1:{port}"
            settings = config(directory, listen_at, ports)
            write(directory, keys, authority.pem, settings if endpoint is None else cluster.desk(settings, endpoint))
            if endpoint is not None:
                add_witness(stage, directory / "witness", authority.pem, settings, endpoint)
            await nursery.start(from_socket, directory / "faults.sock", partial(obey, stage))
            nursery.start_soon(from_stdin, partial(obey, stage), say_wrapped)
            say(greeting(directory, listen_at))
            if endpoint is not None:
                say(cluster.greeting(directory))
            nursery.start_soon(narrate, [venue.exchange for venue in stage.venues.values()], say)
            await anext(aiter(signals))
            nursery.cancel_scope.cancel()


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Keep a second one from the directory: it would write other keys and ports there than those in use."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Occupied("another simulate is running there; stop it, or choose another directory") from None
    finally:
        os.close(descriptor)


def new_keys() -> dict[str, str]:
    """A secret for each account; the gateway's account is there where the package is with which one logs in there."""
    keys = {name: secrets.token_hex(16) for name in ("options-desk", "futures-desk", "sx-maker", "sx-legacy")}
    if find_spec("jwt") is None:
        return keys
    seed = ed25519.Ed25519PrivateKey.generate()
    return keys | {GATE: base64.b64encode(seed.private_bytes_raw() + seed.public_key().public_bytes_raw()).decode()}


def new_stage(keys: Mapping[str, str]) -> Stage:
    stage = Stage(Deribit(TESTNET), SxBet())
    for name in ("options-desk", "futures-desk"):
        stage.deribit.add_key(f"{name}-id", name, secret=keys[name])
    stage.sxbet.add_account("sx-maker", keys["sx-maker"], "v3")
    stage.sxbet.add_account("sx-legacy", keys["sx-legacy"], "v2", MAKER)
    if GATE in keys:
        public = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(keys[GATE])[32:])
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        stage.coinbase = Deribit(COINBASE)
        stage.coinbase.add_key(KEY_NAME, GATE, public_key=pem, scope=COINBASE_SCOPES)
    return stage


def write(directory: Path, keys: Mapping[str, str], pem: bytes, settings: Mapping[str, Any]) -> None:
    """Write config, certificate and secrets; the secrets first, so that the config never names what is not there."""
    target = directory / "config.toml"
    if target.exists() and not target.read_text(encoding="utf-8", errors="replace").startswith(MARK):
        raise Occupied(f"{target} was not written by simulate; choose another directory, or move it away")
    for each in (directory, directory / "secrets", directory / "run", directory / "state"):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, key in keys.items():
        write_secret(directory / "secrets" / name, key)
    (directory / "ca.pem").write_bytes(pem)
    target.write_text(MARK + tomli_w.dumps(settings), encoding="utf-8")


def add_witness(stage: Stage, directory: Path, pem: bytes, settings: Mapping[str, Any], endpoint: str) -> None:
    """A key of its own of the first desk's account, and a config that `run` takes, below the first one's directory."""
    key = secrets.token_hex(16)
    name = cluster.WITNESS_KEY
    stage.deribit.add_key(f"{name}-id", "options-desk", secret=key, scope="account:read trade:read_write")
    found = cluster.witness(settings, endpoint, directory, directory / "secrets" / name)
    write(directory, {name: key}, pem, found)


def write_secret(path: Path, key: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{key}\n")


def config(directory: Path, listen_at: str, ports: Mapping[str, int]) -> dict[str, Any]:
    """A desk of an account or two at each venue, of which two hang on a bot called quoter."""
    trust = {"ca_file": str(directory / "ca.pem")}

    def socket_at(venue: str, network: str) -> dict[str, Any]:
        return {"venue": "deribit", "network": network, "url": f"wss://127.0.0.1:{ports[venue]}/ws/api/v2"} | trust

    def secret(name: str) -> dict[str, str]:
        return {"file": str(directory / "secrets" / name)}

    def desk(name: str, auth: str) -> dict[str, Any]:
        key = {"client_id": f"{name}-id", "client_secret": secret(name), "auth": auth}
        return socket_at("deribit", "testnet") | key

    http = {"venue": "sxbet", "network": "testnet", "url": f"https://127.0.0.1:{ports['sxbet']}"} | trust
    legacy = {"api": "v2", "requestor": MAKER, "api_key": secret("sx-legacy"), "watch": "none"}
    accounts = {
        "options-desk": desk("options-desk", "signature") | {"watch": ["quoter"]},
        "futures-desk": desk("futures-desk", "secret"),
        "sx-maker": http | {"api": "v3", "api_key": secret("sx-maker"), "watch": "quoter"},
        "sx-legacy": http | legacy,
    }
    if "coinbase" in ports:
        accounts[GATE] = socket_at("coinbase", "coinbase") | {"key_name": KEY_NAME, "private_key": secret(GATE)}
    daemon = {"runtime_directory": str(directory / "run"), "state_directory": str(directory / "state")}
    return {"daemon": {"listen": listen_at, **daemon}, "watches": {"quoter": {"timeout": 5}}, "accounts": accounts}


@contextmanager
def reserved_port() -> Iterator[int]:
    """The usual port where it is free, so that examples fit; else any. Nobody but a daemon takes it meanwhile.

    The reservation is bound without SO_REUSEADDR, so that two of them exclude each other, and gets it afterwards: a
    daemon, which asks for it too, may then listen there (Linux, socket(7)).
    """
    with socket.socket() as reservation:
        try:
            reservation.bind(("127.0.0.1", USUAL_PORT))
        except OSError:
            reservation.bind(("127.0.0.1", 0))
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        yield int(reservation.getsockname()[1])


def greeting(directory: Path, listen_at: str) -> str:
    return f"""\
Simulated Deribit, Coinbase's gateway and SX Bet are running on loopback. Written into {directory}:
  config.toml   their accounts, two of them watched for a bot called quoter
  ca.pem        the certificate to trust
  secrets/      their keys
In other terminals:
  deadman run --config {directory}/config.toml
  while sleep 1; do deadman beat quoter --config {directory}/config.toml; done
  deadman status --follow --config {directory}/config.toml
  curl http://{listen_at}/metrics
Break things by commands, here or a line each on {directory}/faults.sock: help lists
them, and help KNOB tells what can go wrong.
Ends on Ctrl-C."""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def say_wrapped(text: str) -> None:
    """To a person: within the terminal's width."""
    say(fill(text, shutil.get_terminal_size().columns) if sys.stdout.isatty() else text)


async def lines(read: Read) -> AsyncGenerator[str, None]:
    """Lines of whatever `read` gives until it gives nothing."""
    buffer = b""
    while data := await read():
        *whole, buffer = (buffer + data).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
        if len(buffer) > LONGEST:
            return


async def from_stdin(obey: Obey, say: Callable[[str], object]) -> None:
    """Obey stdin until it ends, which ends nothing else: under a service manager there is none."""
    async with aclosing(lines(read_stdin)) as commands:
        async for line in commands:
            if answer := obey(line):
                say(answer)


async def read_stdin() -> bytes:
    # A thread, by descriptor: a non-blocking stdin would be one for the shell too, and /dev/null cannot be polled.
    try:
        return await trio.to_thread.run_sync(os.read, 0, LONGEST, abandon_on_cancel=True)
    except OSError:  # closed
        return b""


async def from_socket(path: Path, obey: Obey, *, task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED) -> None:
    """Obey whoever may open the socket: this user alone.

    Raises:
        OSError: the path is too long for a socket, or not ours to write.
    """

    async def converse(stream: trio.SocketStream) -> None:
        async with stream:
            await answer(stream, obey)

    with listener_at(path) as listener:
        await trio.serve_listeners(converse, [listener], task_status=task_status)


async def answer(stream: trio.SocketStream, obey: Obey) -> None:
    async with aclosing(lines(lambda: stream.receive_some(LONGEST))) as commands:
        try:
            async for line in commands:
                await stream.send_all(f"{obey(line)}\n".encode())
        except trio.BrokenResourceError:
            return


@contextmanager
def listener_at(path: Path) -> Iterator[trio.SocketListener]:
    """A listening socket that leaves no file behind, and takes the place of one that did."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound:
        listen_at(path, bound)
        try:
            yield trio.SocketListener(trio.socket.from_stdlib_socket(bound))
        finally:
            path.unlink(missing_ok=True)


def listen_at(path: Path, bound: socket.socket) -> None:
    """Listen first, show the path then: whoever sees it can connect."""
    hidden = path.with_name(f"{path.name}~")
    hidden.unlink(missing_ok=True)
    mask = os.umask(0o177)
    try:
        bound.bind(str(hidden))
    finally:
        os.umask(mask)
    bound.setblocking(False)
    bound.listen()
    hidden.rename(path)


async def narrate(exchanges: Sequence[Exchange], say: Callable[[str], object], pause: float = 0.5) -> None:
    """Say, at most every `pause` seconds, how many orders of whom were cancelled and why. Until cancelled itself."""
    gone: Counter[tuple[str, str | None]] = Counter()

    def hear(order: Order) -> None:
        if order.state == "cancelled":
            gone[order.account, order.cancel_reason] += 1

    for exchange in exchanges:
        exchange.observers.append(hear)
    while True:
        await trio.sleep(pause)
        for exchange in exchanges:
            exchange.settle()
        for (account, reason), count in gone.items():
            say(f"{account}: {count} {'order' if count == 1 else 'orders'} cancelled, {reason}")
        gone.clear()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--directory", type=Path, required=True, help="where config.toml, ca.pem and secrets go")
    parser.add_argument("--cluster", action="store_true", help="an etcd and a second host, the witness, besides")


def run(arguments: argparse.Namespace) -> int:
    """Run the simulated venues on loopback, to try bots, alerts and the daemon against.

    Exit 0 on SIGINT and SIGTERM; 1 where the directory, a port or the command socket cannot be had.
    """
    failures: list[BaseException] = []
    try:
        trio.run(simulate, arguments.directory.absolute(), arguments.cluster)
    except* (OSError, Occupied) as group:
        failures.append(innermost(group))
    for failure in failures:
        sys.stderr.write(f"deadman: cannot simulate in {arguments.directory}: {failure}\n")
    return 1 if failures else 0
