"""Where commands come from: stdin, while there is one, and a Unix socket."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import trio

from deadman.simulator.exchange import Exchange, Order

Obey = Callable[[str], str]
Read = Callable[[], Awaitable[bytes | bytearray]]
LONGEST = 4096  # bytes of one command


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
