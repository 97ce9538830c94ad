"""The standard library's threading HTTP server, made safe to leave alone for months.

As it comes, each client holds a thread for as long as it likes, exhausted descriptors make it spin, a bug or a
hang-up prints a traceback, and every answer names its version.
"""

from __future__ import annotations

import errno
import logging
import socket
import sys
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from deadman.exposition.connections import Connections
from deadman.exposition.routes import Answer, Routes

PATIENCE = 5.0
"""Seconds a client may keep us waiting for its next byte, or for reading ours."""

REST = 0.1
"""Seconds to rest when no descriptor is left, lest accepting becomes a spin that starves the event loop."""

_SAFETY = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_log = logging.getLogger(__name__)


class Server(ThreadingHTTPServer):
    """Serves `routes` on an address family of its own until shut down."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024  # a full queue costs a newcomer a second, until its next SYN

    def __init__(
        self, family: socket.AddressFamily, address: tuple[Any, ...], routes: Routes, connections: Connections
    ) -> None:
        self.address_family = family
        self.routes = routes
        self._connections = connections
        super().__init__(address, Handler)
        # A client that left between being announced and being accepted must not hold up the next.
        self.socket.setblocking(False)

    def server_bind(self) -> None:
        """Without the base's look-up of our own name, which may hang on a name server."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            connection, address = super().get_request()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                time.sleep(REST)
            raise
        self._connections.add(connection)
        return connection, address

    def service_actions(self) -> None:
        self._connections.reap()

    def shutdown_request(self, request: Any) -> None:
        self._connections.forget(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients come and go as they like; anything else is a bug of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            _log.exception("a bug in answering an HTTP request", extra={"event": "http_bug"})


class Handler(BaseHTTPRequestHandler):
    """One request, one answer, one connection."""

    server: Server
    timeout = PATIENCE
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self._send(self.server.routes.answer(path, self.headers.get("Accept", "")))

    do_HEAD = do_GET  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """The base's own complaints, in plain words; it knows no method but those defined here."""
        if code == HTTPStatus.NOT_IMPLEMENTED:
            refused = "only GET and HEAD: there is nothing to change here"
            self._send(Answer.plain(HTTPStatus.METHOD_NOT_ALLOWED, refused, {"Allow": "GET, HEAD"}))
        else:
            status = HTTPStatus(code)
            self._send(Answer.plain(status, status.description or status.phrase))

    def _send(self, answer: Answer) -> None:
        self.close_connection = True
        self.send_response(answer.status)
        headers = {**_SAFETY, **answer.headers, "Content-Type": answer.content_type}
        for name, value in {**headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def version_string(self) -> str:
        return "deadman"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name for it
        """Silent: scrapes come every few seconds for ever."""
