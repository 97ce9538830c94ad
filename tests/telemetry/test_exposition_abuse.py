"""Clients that are silent, slow, rude or many delay nobody: not a scrape, not the end."""

from __future__ import annotations

import errno
import http.client
import logging
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from deadman.telemetry.http import LIFE, MOST, Exposition, Handler, HttpServer, Response, Routes
from tests.support.boards import Hand, deribit, hand
from tests.telemetry.test_exposition import Reply

Address = tuple[str, int]
PROMPT = 3.0
"""Seconds that are surely not one of the server's own 5 s deadlines, and kind to a busy machine."""


@pytest.fixture
def desk() -> Hand:
    return hand(deribit("desk"))


@contextmanager
def served(desk: Hand) -> Iterator[Address]:
    exposition = Exposition(desk.board, ("127.0.0.1", 0))
    yield exposition.start()
    exposition.close()


@pytest.fixture
def address(desk: Hand) -> Iterator[Address]:
    with served(desk) as address:
        yield address


@pytest.fixture
def crowd(address: Address) -> Iterator[Callable[[int, bytes], list[socket.socket]]]:
    """Opens many connections that say something and then nothing."""
    with ExitStack() as stack:

        def gather(size: int, words: bytes) -> list[socket.socket]:
            clients = [stack.enter_context(socket.create_connection(address, timeout=PROMPT)) for _ in range(size)]
            for client in clients:
                client.sendall(words)
            return clients

        yield gather


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server waits for its clients without end: whoever waited for one of them would never be answered."""
    monkeypatch.setattr(Handler, "timeout", None)


def took(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def ended(client: socket.socket) -> bool:
    """Whether the server hung up, within the client's timeout."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def comes_true(claim: Callable[[], bool]) -> bool:
    """Whether it holds within two seconds: threads that were hung up on take a moment to end."""
    end = time.monotonic() + 2
    while not claim() and time.monotonic() < end:
        time.sleep(0.02)
    return claim()


@pytest.mark.usefixtures("_patient")
@pytest.mark.parametrize("words", [b"", b"G", b"GET /metrics HTTP/1.1\r\nHost: x\r\n"])
def test_many_silent_clients_delay_no_scrape(
    address: Address, crowd: Callable[[int, bytes], list[socket.socket]], words: bytes
) -> None:
    crowd(4 * MOST, b"")[0].close()
    crowd(MOST, words)
    assert Reply(address, "/metrics").status == 200
    assert comes_true(lambda: sum("process_request" in one.name for one in threading.enumerate()) <= MOST)


def test_of_too_many_the_oldest_is_hung_up_on(
    address: Address, crowd: Callable[[int, bytes], list[socket.socket]]
) -> None:
    oldest, *others = crowd(MOST, b"")
    newest = crowd(1, b"GET /healthz HTTP/1.0\r\n\r\n")[0]
    assert newest.recv(12) == b"HTTP/1.0 200"
    assert ended(oldest)
    others[-1].sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert others[-1].recv(12) == b"HTTP/1.0 200"


def test_a_byte_now_and_then_keeps_nobody_in(
    desk: Hand, address: Address, crowd: Callable[[int, bytes], list[socket.socket]]
) -> None:
    trickler = crowd(1, b"GET / HT")[0]
    Reply(address, "/healthz")  # who came before has been let in by now
    desk.stall(LIFE - 0.1)
    trickler.sendall(b"T")
    trickler.settimeout(1.0)
    with pytest.raises(TimeoutError):
        trickler.recv(1)
    desk.stall(0.1)
    trickler.settimeout(PROMPT)
    assert ended(trickler)


@pytest.mark.usefixtures("_patient")
def test_a_client_that_reads_nothing_delays_nobody(desk: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    bind = HttpServer.server_bind

    def with_small_buffers(server: HttpServer) -> None:
        server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        bind(server)

    monkeypatch.setattr(HttpServer, "server_bind", with_small_buffers)
    for number in range(300):
        desk.board.add(deribit(f"desk-{number}"))
    with served(desk) as address, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(address)
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert Reply(address, "/healthz").status == 200
        assert Reply(address, "/metrics").status == 200


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x00\xff\xfe\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/x\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.0\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.0\r\n" + b"a" * 70_000 + b"\r\n\r\n",
        b"GET http://[ HTTP/1.0\r\n\r\n",
        b"GET /metrics HTTP/1.0\r\nAccept: text/plain;version=\xff\xfe.x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n\r\n",
    ],
)
def test_rubbish_is_answered_or_hung_up_on_and_is_no_bug(
    address: Address, rubbish: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(address, timeout=PROMPT) as client:
        client.sendall(rubbish)
        client.shutdown(socket.SHUT_WR)
        try:
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        except ConnectionResetError:
            answer = b""
    assert answer[9:12] in (b"", b"200", b"400", b"404", b"405", b"414", b"431", b"505") or b"HTTP" not in answer
    assert b"Python" not in answer.partition(b"\r\n\r\n")[0]
    assert Reply(address, "/healthz").status == 200
    assert (caplog.records, capfd.readouterr()) == ([], ("", ""))


def test_clients_that_vanish_in_mid_answer_leave_no_trace(
    address: Address, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(50):
        with socket.create_connection(address) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    assert Reply(address, "/healthz").status == 200
    assert (caplog.records, capfd.readouterr()) == ([], ("", ""))


def test_a_bug_is_logged_with_its_traceback_and_the_next_request_answered(
    desk: Hand, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(routes: Routes, path: str, accept: str) -> Response:
        if path == "/":
            raise KeyError("bug")
        return Response.plain(http.HTTPStatus.OK, "fine")

    monkeypatch.setattr(Routes, "answer", answer)
    with served(desk) as address:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            Reply(address, "/")
        assert Reply(address, "/healthz").text == "fine\n"
    (record,) = caplog.records
    assert (record.levelno, vars(record)["event"]) == (logging.ERROR, "http_bug")
    assert record.exc_info is not None


def test_it_answers_while_another_thread_holds_the_interpreter(address: Address) -> None:
    done = threading.Event()

    def hog() -> None:
        while not done.is_set():
            sum(range(100_000))

    thread = threading.Thread(target=hog)
    thread.start()
    try:
        assert took(lambda: Reply(address, "/metrics")) < PROMPT
    finally:
        done.set()
        thread.join()


def test_exhausted_descriptors_make_no_spin(desk: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0

    def accept(server: object) -> None:
        nonlocal tries
        tries += 1
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(socketserver.TCPServer, "get_request", accept)
    with served(desk) as address, socket.create_connection(address, timeout=0.5) as client:
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert 1 <= tries <= 10


def test_closing_is_prompt_whoever_is_connected_and_frees_the_port(desk: Hand) -> None:
    exposition = Exposition(desk.board, ("127.0.0.1", 0))
    address = exposition.start()
    with socket.create_connection(address, timeout=PROMPT) as silent:
        assert Reply(address, "/healthz").status == 200
        assert took(exposition.close) < 0.4
        assert ended(silent)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=PROMPT)
    again = Exposition(desk.board, address)
    assert again.start() == address
    again.close()


def test_closing_twice_or_before_starting_does_nothing(desk: Hand) -> None:
    exposition = Exposition(desk.board, ("127.0.0.1", 0))
    exposition.close()
    exposition.start()
    exposition.close()
    exposition.close()
