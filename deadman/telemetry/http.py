"""Metrics, health and a status page over HTTP, in threads of their own.

Nothing here waits for the event loop, so that it answers while the loop hangs, and says so; and nothing here is waited
for by the loop, so that no client can delay a renewal.
"""

from __future__ import annotations

import errno
import gzip
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Lock
from typing import Any

from deadman.model.board import Board
from deadman.model.errors import Unable
from deadman.model.text import host_and_port
from deadman.status.page import POLICY, STALLED, page
from deadman.status.report import report
from deadman.telemetry.runbook import runbook_page
from deadman.telemetry.scrape import Scrapes, registry
from deadman.transport.peers import is_gone

PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back to a client, less the headers that every answer carries."""

    status: HTTPStatus
    body: bytes
    content_type: str = PLAIN
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def plain(cls, status: HTTPStatus, text: str, headers: Mapping[str, str] | None = None) -> Response:
        return cls(status, f"{text}\n".encode(), PLAIN, headers or {})

    @classmethod
    def html(cls, text: str) -> Response:
        return cls(HTTPStatus.OK, text.encode(), "text/html; charset=utf-8", {"Content-Security-Policy": POLICY})


class Routes:
    """The paths that are answered: metrics, health, readiness, the status page and the runbook."""

    def __init__(self, board: Board, log_dropped: Callable[[], int]) -> None:
        self._board = board
        self._scrapes = Scrapes(registry(board, log_dropped))

    def answer(self, path: str, accept: str) -> Response:
        """Answers a GET with this `Accept` header."""
        tick_age = self._board.clock.now() - self._board.loop.tick_at
        match path:
            case "/metrics":
                rendering = self._scrapes.answer(accept)
                return Response(HTTPStatus.OK, rendering.body, rendering.content_type)
            case "/healthz" if tick_age > STALLED:
                words = f"the event loop hangs: it last ticked {tick_age:.1f} s ago"
                return Response.plain(HTTPStatus.SERVICE_UNAVAILABLE, words)
            case "/healthz":
                return Response.plain(HTTPStatus.OK, "the event loop ticks")
            case "/readyz":
                # An account that is disarmed or waits for its bot is not wanted, and so not alarming.
                bare = [f"{name}: {it.phase}" for name, it in self._board.standings().items() if it.alarming]
                if bare:
                    return Response.plain(HTTPStatus.SERVICE_UNAVAILABLE, "\n".join(("not protected:", *bare)))
                return Response.plain(HTTPStatus.OK, "every wanted account is protected")
            case "/runbook":
                return Response.html(runbook_page())
            case "/":
                return Response.html(page(report(self._board, is_gone=is_gone), tick_age))
        return Response.plain(HTTPStatus.NOT_FOUND, "nothing here; try /metrics /healthz /readyz /runbook /")


WORTH_IT = 10_000
"""Bytes from which an answer is compressed for who takes that."""

CLIENT_TIMEOUT = 5.0
"""Seconds a client may keep us waiting for its next byte, or for reading ours."""

REST = 0.1
"""Seconds to rest when no descriptor is left, lest accepting becomes a spin that starves the event loop."""

MOST = 64
"""Connections at once. When one more comes the oldest goes: a scraper asks at once, who is old is silent or slow."""

LIFE = 10.0
"""Seconds a connection may last whatever it does: a byte now and then keeps nobody in."""

REAP = 0.5
"""Seconds between looks for connections that outstayed."""

_SAFETY = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_log = logging.getLogger(__name__)


class HttpServer(ThreadingTCPServer):
    """Serves `routes` on an address family of its own until closed. `now` is monotonic."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024  # a full queue costs a newcomer a second, until its next SYN

    def __init__(
        self, family: socket.AddressFamily, address: tuple[Any, ...], routes: Routes, now: Callable[[], float]
    ) -> None:
        self.address_family = family
        self.routes = routes
        self._now = now
        self._served_since: dict[socket.socket, float] = {}  # oldest first
        # Held from the look-up to the hang-up: a closed socket's number may already be somebody else's.
        self._lock = Lock()
        super().__init__(address, Handler)
        # A client that left between being announced and being accepted must not hold up the next.
        self.socket.setblocking(False)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            connection, address = super().get_request()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                time.sleep(REST)
            raise
        with self._lock:
            while len(self._served_since) >= MOST:
                self._hang_up(next(iter(self._served_since)))
            self._served_since[connection] = self._now()
        return connection, address

    def service_actions(self) -> None:
        """Hang up on those who outstayed."""
        with self._lock:
            oldest_allowed = self._now() - LIFE
            for connection in [one for one, since in self._served_since.items() if since <= oldest_allowed]:
                self._hang_up(connection)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._served_since.pop(request, None)
        super().shutdown_request(request)

    def close(self) -> None:
        """Stop at once, whoever is being served."""
        with suppress(OSError):  # wakes the thread that waits for clients, which then sees that it is to end
            self.socket.shutdown(socket.SHUT_RDWR)
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in tuple(self._served_since):
                self._hang_up(connection)

    def _hang_up(self, connection: socket.socket) -> None:
        """Its thread wakes from whatever it waits for, and closes it."""
        self._served_since.pop(connection)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients come and go as they like; anything else is a bug of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            _log.exception("a bug in answering an HTTP request", extra={"event": "http_bug"})


class Handler(BaseHTTPRequestHandler):
    """One request, one answer, one connection."""

    server: HttpServer
    timeout = CLIENT_TIMEOUT
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self._send(self.server.routes.answer(path, self.headers.get("Accept", "")))

    do_HEAD = do_GET  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """The base's own complaints, in plain words; it knows no method but those defined here."""
        if code == HTTPStatus.NOT_IMPLEMENTED:
            refused = "only GET and HEAD: there is nothing to change here"
            self._send(Response.plain(HTTPStatus.METHOD_NOT_ALLOWED, refused, {"Allow": "GET, HEAD"}))
        else:
            status = HTTPStatus(code)
            self._send(Response.plain(status, status.description or status.phrase))

    def _send(self, answer: Response) -> None:
        self.close_connection = True
        self.send_response(answer.status)
        body, headers = answer.body, {**_SAFETY, **answer.headers, "Content-Type": answer.content_type}
        if len(body) >= WORTH_IT and self._takes_gzip():
            body, headers = gzip.compress(body, 1), {**headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _takes_gzip(self) -> bool:
        """Before the head of a request was read nothing is known of it."""
        asked = getattr(self, "headers", {}).get("Accept-Encoding", "").replace(" ", "").split(",")
        return not {"gzip", "gzip;q=1", "gzip;q=1.0"}.isdisjoint(asked)

    def version_string(self) -> str:
        return "deadman"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name for it
        """Silent: scrapes come every few seconds for ever."""


class Exposition:
    """Serves `board` on `address`: a host (name, IPv4 or IPv6) and a port, 0 for any that is free."""

    def __init__(self, board: Board, address: tuple[str, int], log_dropped: Callable[[], int] = lambda: 0) -> None:
        self._address = address
        self._routes = Routes(board, log_dropped)
        self._now = board.clock.now
        self._server: HttpServer | None = None

    def start(self) -> tuple[str, int]:
        """Listen and serve; the address that was bound. Raises Unable in words."""
        host, port = self._address
        try:
            found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, _, _, _, address = found[0]
            self._server = HttpServer(family, address, self._routes, self._now)
        except (OSError, UnicodeError) as error:
            where = f"{host_and_port(host, port)} (key daemon.listen)"
            raise Unable(f"cannot listen on {where}: {_advice(error)}") from error
        threading.Thread(target=self._server.serve_forever, args=(REAP,), name="exposition", daemon=True).start()
        bound_host, bound_port = self._server.server_address[:2]
        return str(bound_host), int(bound_port)

    def close(self) -> None:
        """Without effect when it was not started."""
        server, self._server = self._server, None
        if server is not None:
            server.close()


def _advice(error: OSError | UnicodeError) -> str:
    if isinstance(error, socket.gaierror | UnicodeError):
        return "the name has no address; give an IP address"
    match error.errno:
        case errno.EADDRINUSE:
            return "another program does already; stop it (`ss -ltnp` shows which) or choose another port"
        case errno.EACCES | errno.EPERM:
            return "not permitted; choose a port above 1023"
        case errno.EADDRNOTAVAIL:
            return "this host has no such address; 127.0.0.1 can be reached from here alone, 0.0.0.0 from everywhere"
        case errno.EAFNOSUPPORT:
            return "this host has no such kind of address; is IPv6 turned off?"
        case _:
            return error.strerror or str(error)
