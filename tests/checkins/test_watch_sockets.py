"""The sockets of watches, on the real kernel."""

from __future__ import annotations

import errno
import grp
import os
import socket
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trio

from deadman.checkins.agenda import Agenda
from deadman.checkins.protocol import Mail
from deadman.checkins.rounds import MailHandler
from deadman.checkins.sockets import LONGEST, SocketInboxes, receive
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.settings import WatchConfig
from deadman.model.watch import Watch
from deadman.transport.peers import Discards
from deadman.transport.unix import SocketFault

CLOCK = Clock(time.monotonic, time.time)


def config(name: str, user: str | None = None) -> WatchConfig:
    return WatchConfig(name, 5.0, user=user)


@pytest.fixture
def watch_directory(tmp_path: Path) -> Path:
    return tmp_path / "run" / "watch"


@contextmanager
def inboxes_in(directory: Path, *names: str, clock: Clock = CLOCK, user: str | None = None) -> Iterator[SocketInboxes]:
    inboxes = SocketInboxes(directory, None, clock)
    inboxes.apply({name: config(name, user) for name in names})
    try:
        yield inboxes
    finally:
        inboxes.close()


@contextmanager
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        yield opened


def send(path: Path, data: bytes, *descriptors: int) -> None:
    with sender() as out:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"{len(descriptors)}i", *descriptors))
        out.sendmsg([data], [rights] if descriptors else [], 0, str(path))


def lingering_connection() -> tuple[socket.socket, socket.socket]:
    """A connection whose first end takes two seconds to close, since the other one does not read."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        first = socket.create_connection(server.getsockname())
        second = server.accept()[0]
    first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 2))
    first.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            first.send(b"x" * 65536)
    first.setblocking(True)
    return first, second


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def at_of(mail: Mail) -> float:
    assert mail.check_in is not None
    return mail.check_in.at


def test_senders_of_the_group_may_write_whatever_our_umask(watch_directory: Path) -> None:
    before = os.umask(0o077)
    try:
        with inboxes_in(watch_directory, "quoter"):
            found = (watch_directory / "quoter.sock").stat()
            assert stat.S_IMODE(found.st_mode) == 0o660
            assert found.st_gid == os.getegid()
            for directory in (watch_directory, watch_directory.parent):
                assert stat.S_IMODE(directory.stat().st_mode) == 0o755
    finally:
        os.umask(before)


def test_the_socket_belongs_to_the_group_of_the_config(watch_directory: Path) -> None:
    group = next((grp.getgrgid(gid) for gid in os.getgroups()), grp.getgrgid(os.getegid()))
    inboxes = SocketInboxes(watch_directory, group.gr_name, CLOCK)
    inboxes.apply({"quoter": config("quoter")})
    assert (watch_directory / "quoter.sock").stat().st_gid == group.gr_gid
    inboxes.close()


def test_a_group_nobody_knows_is_a_fault_in_words_and_leaves_nothing_open(watch_directory: Path) -> None:
    inboxes = SocketInboxes(watch_directory, "no-such-group", CLOCK)
    before = open_descriptors()
    with pytest.raises(SocketFault, match='this host has no group "no-such-group"'):
        inboxes.apply({"quoter": config("quoter")})
    assert open_descriptors() == before


def test_a_socket_file_left_by_a_crash_is_replaced(watch_directory: Path) -> None:
    watch_directory.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as crashed:
        crashed.bind(str(watch_directory / "quoter.sock"))
    with inboxes_in(watch_directory, "quoter") as inboxes:
        send(watch_directory / "quoter.sock", b"WATCHDOG=1")
        assert inboxes.take("quoter").check_ins == 1


def test_a_crash_in_the_middle_of_binding_is_no_hindrance(watch_directory: Path) -> None:
    watch_directory.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as crashed:
        crashed.bind(str(watch_directory / "quoter.new"))
    with inboxes_in(watch_directory, "quoter"):
        assert os.listdir(watch_directory) == ["quoter.sock"]


def test_a_socket_that_another_process_serves_is_left_to_it(watch_directory: Path) -> None:
    with inboxes_in(watch_directory, "quoter") as first:
        second = SocketInboxes(watch_directory, None, CLOCK)
        with pytest.raises(SocketFault, match="another process listens there"):
            second.apply({"quoter": config("quoter")})
        send(watch_directory / "quoter.sock", b"WATCHDOG=1")
        assert first.take("quoter").check_ins == 1


def test_a_socket_of_another_kind_that_somebody_listens_at_is_left_to_him(watch_directory: Path) -> None:
    watch_directory.mkdir(parents=True)
    path = watch_directory / "quoter.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.bind(str(path))
        stream.listen()
        inode = path.stat().st_ino
        with pytest.raises(SocketFault, match="another process listens there"):
            SocketInboxes(watch_directory, None, CLOCK).apply({"quoter": config("quoter")})
        assert path.stat().st_ino == inode


@pytest.mark.parametrize("what", ["file", "directory", "symlink"])
def test_what_is_no_socket_is_a_fault_and_stays(watch_directory: Path, what: str) -> None:
    path = watch_directory / "quoter.sock"
    path.parent.mkdir(parents=True)
    match what:
        case "file":
            path.write_text("precious")
        case "directory":
            path.mkdir()
        case _:
            path.symlink_to("nowhere")
    with pytest.raises(SocketFault, match=r"quoter\.sock: .*is no socket; move it"):
        SocketInboxes(watch_directory, None, CLOCK).apply({"quoter": config("quoter")})
    assert path.is_symlink() or path.exists()


def test_a_path_too_long_for_a_socket_is_a_fault_in_words(tmp_path: Path) -> None:
    with pytest.raises(SocketFault, match=r"cannot listen at .*: AF_UNIX path too long"):
        SocketInboxes(tmp_path / ("x" * 100), None, CLOCK).apply({"quoter": config("quoter")})


def test_a_path_of_the_greatest_length_is_none(tmp_path: Path) -> None:
    name = "q" * (107 - len(f"{tmp_path}/.sock"))
    with inboxes_in(tmp_path, name) as inboxes:
        send(tmp_path / f"{name}.sock", b"WATCHDOG=1")
        assert inboxes.take(name).check_ins == 1


def test_our_files_go_with_us_and_a_strangers_stays(watch_directory: Path) -> None:
    with inboxes_in(watch_directory, "quoter", "hedger"):
        (watch_directory / "hedger.sock").unlink()
        (watch_directory / "hedger.sock").write_text("somebody else's")
    assert os.listdir(watch_directory) == ["hedger.sock"]


def test_a_check_in_is_dated_when_the_kernel_took_it(watch_directory: Path) -> None:
    with inboxes_in(watch_directory, "quoter") as inboxes:
        sent_at = time.monotonic()
        send(watch_directory / "quoter.sock", b"WATCHDOG=1")
        sent_by = time.monotonic()
        time.sleep(0.05)
        assert sent_at - 0.002 <= at_of(inboxes.take("quoter")) <= sent_by + 0.002


@pytest.mark.parametrize("step", [-3600.0, -0.03, 0.03, 3600.0])
def test_a_stepped_wall_clock_makes_no_check_in_older_than_our_last_look_nor_younger_than_now(
    watch_directory: Path, step: float
) -> None:
    stepped = Clock(time.monotonic, lambda: time.time() + step)
    with inboxes_in(watch_directory, "quoter", clock=stepped) as inboxes:
        time.sleep(0.05)
        looked_at = time.monotonic()
        inboxes.take("quoter")
        send(watch_directory / "quoter.sock", b"WATCHDOG=1")
        at = at_of(inboxes.take("quoter"))
        assert looked_at <= at <= time.monotonic()


def test_the_sender_is_known(watch_directory: Path) -> None:
    with inboxes_in(watch_directory, "quoter") as inboxes:
        send(watch_directory / "quoter.sock", b"WATCHDOG=1")
        sign = inboxes.take("quoter").check_in
        assert sign is not None
        assert sign.sender is not None
        assert (sign.sender.pid, sign.sender.uid) == (os.getpid(), os.getuid())


def test_only_the_configured_user_may_check_in_and_others_are_told_once(
    watch_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    board, told = Board.new(CLOCK), config("quoter", user=str(os.getuid() + 1))
    board.put_watch(Watch("quoter", 5.0))
    handler = MailHandler(board, Agenda(board))
    with inboxes_in(watch_directory, "quoter", user=told.user) as inboxes:
        for _ in range(3):
            send(watch_directory / "quoter.sock", b"WATCHDOG=trigger\nWATCHDOG=1\nSTATUS=hello")
            mail = inboxes.take("quoter")
            assert (mail.check_ins, mail.ignored, mail.trigger, mail.status) == (0, 1, None, None)
            handler.handle(told, mail, CLOCK.now())
        inboxes.apply({"quoter": config("quoter", user=str(os.getuid()))})
        send(watch_directory / "quoter.sock", b"WATCHDOG=1")
        assert inboxes.take("quoter").check_ins == 1
    (record,) = caplog.records
    assert f"pid {os.getpid()}, uid {os.getuid()} sends does not count" in record.getMessage()


def test_a_user_the_host_does_not_know_is_told_and_nobody(
    watch_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with inboxes_in(watch_directory, "quoter", user="no-such-user") as inboxes:
        send(watch_directory / "quoter.sock", b"WATCHDOG=1")
        assert inboxes.take("quoter").check_ins == 0
    assert 'this host has no user "no-such-user"' in caplog.text


async def test_descriptors_sent_along_are_closed_however_many(watch_directory: Path) -> None:
    with inboxes_in(watch_directory, "quoter") as inboxes, sender() as sent:
        before = open_descriptors()
        for count in (1, 2, 253):
            send(watch_directory / "quoter.sock", b"WATCHDOG=1", *[sent.fileno()] * count)
            send(watch_directory / "quoter.sock", b"x" * (LONGEST + 1), *[sent.fileno()] * count)
        mail = inboxes.take("quoter")
        assert (mail.check_ins, mail.ignored) == (3, 3)
        sign = mail.check_in
        assert sign is not None
        assert sign.sender is not None, "the credentials still had room beside 253 descriptors"
        with trio.move_on_after(1.0):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(inboxes.serve, lambda: None)
                while open_descriptors() > before:
                    await trio.sleep(0.01)
                nursery.cancel_scope.cancel()
        assert open_descriptors() == before


async def test_a_barrier_is_answered_by_closing_what_came_along(watch_directory: Path) -> None:
    with inboxes_in(watch_directory, "quoter") as inboxes:
        ours, theirs = os.pipe()
        send(watch_directory / "quoter.sock", b"BARRIER=1", theirs)
        os.close(theirs)
        with trio.fail_after(1.0):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(inboxes.serve, lambda: None)
                assert await trio.to_thread.run_sync(os.read, ours, 1) == b"", "the end: nobody holds the other side"
                nursery.cancel_scope.cancel()
        assert inboxes.take("quoter").ignored == 0
        os.close(ours)


def test_a_descriptor_whose_closing_takes_long_does_not_hold_up_the_loop(watch_directory: Path) -> None:
    with inboxes_in(watch_directory, "quoter") as inboxes:
        lingering, peer = lingering_connection()
        send(watch_directory / "quoter.sock", b"WATCHDOG=1", lingering.fileno())
        lingering.close()  # the one on its way is the last: whoever closes that one waits
        began = time.monotonic()
        assert inboxes.take("quoter").check_ins == 1
        assert time.monotonic() - began < 0.5
        peer.close()


def test_an_oversized_datagram_is_counted_and_does_not_spoil_the_next(watch_directory: Path) -> None:
    with inboxes_in(watch_directory, "quoter") as inboxes:
        send(watch_directory / "quoter.sock", b"WATCHDOG=1\n" + b"x" * LONGEST)
        send(watch_directory / "quoter.sock", b"x" * 100_000)
        send(watch_directory / "quoter.sock", b"")
        send(watch_directory / "quoter.sock", b"WATCHDOG=1\n".ljust(LONGEST, b"x"))
        mail = inboxes.take("quoter")
        assert (mail.check_ins, mail.ignored) == (1, 3)


def test_a_socket_from_systemd_is_taken_on_and_left_where_it_is(watch_directory: Path) -> None:
    watch_directory.mkdir(parents=True)
    path = watch_directory / "quoter.sock"
    given = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    given.bind(str(path))
    started_at = time.monotonic()
    send(path, b"WATCHDOG=1")
    inboxes = SocketInboxes(watch_directory, None, CLOCK, {"quoter": given})
    inboxes.apply({"quoter": config("quoter")})
    mail = inboxes.take("quoter")
    assert mail.check_ins == 1
    assert at_of(mail) >= started_at, "what waited for us while we were down counts from our start"
    inboxes.apply({})
    send(path, b"WATCHDOG=1")
    inboxes.apply({"quoter": config("quoter")})
    inboxes.close()
    assert path.exists()


def test_a_reload_keeps_the_sockets_that_stay(watch_directory: Path) -> None:
    with inboxes_in(watch_directory, "quoter", "hedger") as inboxes, sender() as connected:
        connected.connect(str(watch_directory / "quoter.sock"))
        inboxes.apply({"quoter": config("quoter"), "maker": config("maker")})
        connected.send(b"WATCHDOG=1")
        assert inboxes.take("quoter").check_ins == 1
        assert sorted(os.listdir(watch_directory)) == ["maker.sock", "quoter.sock"]


def test_a_reload_that_cannot_be_had_changes_nothing(watch_directory: Path) -> None:
    with inboxes_in(watch_directory, "quoter") as inboxes:
        (watch_directory / "zebra.sock").mkdir()
        before = open_descriptors()
        with pytest.raises(SocketFault):
            inboxes.apply({"maker": config("maker"), "zebra": config("zebra")})
        assert open_descriptors() == before
        assert sorted(os.listdir(watch_directory)) == ["quoter.sock", "zebra.sock"]
        send(watch_directory / "quoter.sock", b"WATCHDOG=1")
        assert inboxes.take("quoter").check_ins == 1


def test_a_socket_file_that_cannot_be_removed_stops_nobody(
    watch_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlink(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    with inboxes_in(watch_directory, "quoter", "hedger") as inboxes:
        monkeypatch.setattr(Path, "unlink", unlink)
        inboxes.apply({"hedger": config("hedger")})
        with pytest.raises(ConnectionRefusedError):
            send(watch_directory / "quoter.sock", b"WATCHDOG=1")


def test_a_kernel_short_of_memory_costs_a_look_and_no_more(watch_directory: Path) -> None:
    class Short:
        def recvmsg(self, *_: object) -> None:
            raise OSError(errno.ENOBUFS, "No buffer space available")

    assert receive(Short(), CLOCK, 0.0, Discards()) is None  # type: ignore[arg-type]
