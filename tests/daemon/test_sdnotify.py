"""sd_notify, the watchdog's pace and inherited sockets, against sockets of our own in systemd's place."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deadman.daemon import systemd
from deadman.daemon.systemd import ServiceManager, inherited, watch_sockets, watchdog_interval


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's end, bound to tmp_path/notify."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(2)
        listening.bind(str(tmp_path / "notify"))
        yield listening


def service_manager(address: str) -> ServiceManager:
    return ServiceManager.from_environment({"NOTIFY_SOCKET": address})


def test_one_send_is_one_datagram_of_lines(manager: socket.socket) -> None:
    assert service_manager(manager.getsockname()).send(systemd.READY, systemd.status("3/3 protected"), systemd.WATCHDOG)
    assert manager.recv(1024) == b"READY=1\nSTATUS=3/3 protected\nWATCHDOG=1"


def test_an_abstract_address_is_written_with_an_at_sign() -> None:
    name = f"deadman-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        listening.settimeout(2)
        assert service_manager("@" + name).send(systemd.STOPPING)
        assert listening.recv(1024) == b"STOPPING=1"


def test_without_a_manager_nothing_needs_to_be_said_again() -> None:
    assert ServiceManager.from_environment({}).send(systemd.READY)
    assert service_manager("vsock:2:1234").address is None


def test_a_manager_that_went_away_raises_nothing_and_is_told() -> None:
    assert not service_manager("/nonexistent/notify").send(systemd.READY)
    assert not service_manager("/" + "x" * 200).send(systemd.READY)


def test_a_manager_that_does_not_read_never_blocks_us(manager: socket.socket) -> None:
    """A full queue: a blocking send would hang here until the run's own timeout."""
    sends = (service_manager(manager.getsockname()).send("X=" + "y" * 4096) for _ in range(100_000))
    assert not all(sends)


def test_a_status_of_several_lines_cannot_smuggle_in_a_field() -> None:
    assert systemd.status("fine\nWATCHDOG=trigger\r\n") == "STATUS=fine WATCHDOG=trigger"


def test_times_are_sent_in_whole_microseconds() -> None:
    assert systemd.extend_timeout(30) == "EXTEND_TIMEOUT_USEC=30000000"
    assert systemd.extend_timeout(0.25) == "EXTEND_TIMEOUT_USEC=250000"
    assert systemd.reloading(12.3456789) == "RELOADING=1\nMONOTONIC_USEC=12345678"


def test_the_watchdog_is_fed_twice_as_often_as_it_must() -> None:
    environment = {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "41"}
    assert watchdog_interval(environment, 41) == 15.0
    assert watchdog_interval({"WATCHDOG_USEC": "3000000"}, 41) == 1.5


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "-5"},
        {"WATCHDOG_USEC": "²"},
        {"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "42"},
    ],
)
def test_no_watchdog_waits_for_us(environment: dict[str, str]) -> None:
    assert watchdog_interval(environment, 41) is None


def test_sockets_are_handed_over_by_name_from_the_third_descriptor_on() -> None:
    environment = {"LISTEN_PID": "41", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "watch-quoter:watch-hedger"}
    assert inherited(environment, 41) == [(3, "watch-quoter"), (4, "watch-hedger")]


@pytest.mark.parametrize(
    "environment",
    [{}, {"LISTEN_PID": "42", "LISTEN_FDS": "1"}, {"LISTEN_FDS": "1"}, {"LISTEN_PID": "41", "LISTEN_FDS": "0"}],
)
def test_sockets_meant_for_another_process_are_not_ours(environment: dict[str, str]) -> None:
    assert inherited(environment, 41) == []


def test_names_that_do_not_fit_the_count_name_nothing() -> None:
    environment = {"LISTEN_PID": "41", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "watch-quoter"}
    assert inherited(environment, 41) == [(3, ""), (4, "")]


def descriptor(kind: socket.SocketKind, path: Path) -> int:
    bound = socket.socket(socket.AF_UNIX, kind)
    bound.bind(str(path))
    return bound.detach()


def test_a_name_of_its_own_says_the_watch(tmp_path: Path) -> None:
    given = (descriptor(socket.SOCK_DGRAM, tmp_path / "odd.sock"), "watch-quoter")
    found = watch_sockets([given])
    assert list(found) == ["quoter"]
    found["quoter"].close()


def test_sockets_sharing_a_name_are_told_apart_by_their_files(tmp_path: Path) -> None:
    paths = [tmp_path / "quoter.sock", tmp_path / "hedger.v2.sock"]
    found = watch_sockets([(descriptor(socket.SOCK_DGRAM, path), "watch") for path in paths])
    assert list(found) == ["quoter", "hedger.v2"]
    for opened in found.values():
        assert not opened.get_inheritable()
        assert not opened.getblocking()
        opened.close()


def test_a_name_shared_by_two_says_nothing_of_either(tmp_path: Path) -> None:
    paths = [tmp_path / "quoter.sock", tmp_path / "hedger.sock"]
    found = watch_sockets([(descriptor(socket.SOCK_DGRAM, path), "watch-quoter") for path in paths])
    assert list(found) == ["quoter", "hedger"]
    for opened in found.values():
        opened.close()


def test_what_is_no_datagram_socket_is_left_open_and_alone(tmp_path: Path) -> None:
    stream = descriptor(socket.SOCK_STREAM, tmp_path / "stream.sock")
    assert watch_sockets([(stream, "watch-quoter"), (9999, "watch-gone")]) == {}
    os.close(stream)  # raises if it had been closed
