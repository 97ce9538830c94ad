"""Descriptors that strangers send along hold nobody up."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from deadman.checkins.sockets import SocketInboxes
from deadman.model.clock import Clock
from deadman.model.settings import WatchConfig
from deadman.transport.peers import ROOM, Discards
from tests.support.control_desk import desk

LINGER = 6
"""Seconds a close would take: longer than anything here may."""


@contextmanager
def lingering() -> Iterator[socket.socket]:
    """A TCP socket whose last copy takes long to close: its peer reads nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
        ours.setblocking(False)
        try:
            while True:
                ours.send(bytes(65536))
        except BlockingIOError:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@2i", 1, LINGER))
        with theirs, ours:
            yield ours


def send_hidden(inner: socket.socket, to: socket.socket) -> None:
    """Send a socket in whose queue the only copy of `inner` lies: whoever closes the outer one closes the inner one."""
    outer, way_in = socket.socketpair()
    with outer, way_in:
        socket.send_fds(way_in, [b"x"], [inner.fileno()])
        inner.close()
        socket.send_fds(to, [b"x"], [outer.fileno()])


async def drawn_out(seconds: float) -> float:
    """The longest that the loop was held up meanwhile."""
    longest, end = 0.0, time.monotonic() + seconds
    while (before := time.monotonic()) < end:
        await trio.sleep(0.01)
        longest = max(longest, time.monotonic() - before - 0.01)
    return longest


@pytest.mark.parametrize("way", ["read", "unread"])
async def test_a_lingering_socket_sent_to_the_control_socket_does_not_hold_up_the_loop(
    tmp_path: Path, way: str
) -> None:
    async with desk(tmp_path) as there:
        with lingering() as weapon, socket.socket(socket.AF_UNIX) as client:
            client.connect(str(there.path))
            if way == "unread":
                client.sendall(bytes(70_000))  # too long a line: it is hung up on with the weapon unread
            socket.send_fds(client, [b"x"], [weapon.fileno()])
            weapon.close()
            client.close()
            assert await drawn_out(0.5) < 0.4


async def test_what_takes_long_to_close_delays_no_check_in(tmp_path: Path) -> None:
    clock = Clock(trio.current_time, time.time)
    inboxes = SocketInboxes(tmp_path, None, clock)
    inboxes.apply({"quoter": WatchConfig("quoter", 2.0)})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bot, lingering() as weapon:
        bot.connect(str(tmp_path / "quoter.sock"))
        send_hidden(weapon, bot)
        bot.send(b"WATCHDOG=1")
        began = time.monotonic()
        assert inboxes.take("quoter").check_ins == 1
        assert time.monotonic() - began < 0.4
    inboxes.close()


def test_a_descriptor_is_closed_soon_and_room_is_made_again() -> None:
    discards, (inner, outer) = Discards(), os.pipe()
    discards.put(outer)
    os.set_blocking(inner, True)
    assert os.read(inner, 1) == b""  # the end: nobody holds the other side any more
    os.close(inner)
    for _ in range(ROOM):
        discards.put(os.dup(0))
    began = time.monotonic()
    while not discards.has_room:
        assert time.monotonic() < began + 5
        time.sleep(0.001)


def test_a_socket_that_would_linger_is_closed_at_once() -> None:
    discards = Discards()
    with lingering() as weapon:
        discards.put(os.dup(weapon.fileno()))
        linger = weapon.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
        assert struct.unpack("@2i", linger)[0] == 0


def test_a_host_without_room_for_a_thread_costs_nobody_his_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    discards, (ours, theirs) = Discards(), socket.socketpair()
    with monkeypatch.context() as patched, ours:
        patched.setattr(threading.Thread, "start", start)
        discards.put(theirs.detach())
    first, second = socket.socketpair()
    with first, ours:
        discards.put(second.detach())
        first.settimeout(5)
        assert first.recv(1) == b"", "closed as soon as there is room again"
