"""Metrics, health and a status page over HTTP, in threads of their own.

Nothing here waits for the event loop, so that it answers while the loop hangs, and says so; and nothing here is waited
for by the loop, so that no client can delay a renewal.
"""

from __future__ import annotations

import errno
import socket
import threading
from contextlib import suppress

from deadman.board import Board
from deadman.config.words import host_and_port
from deadman.exposition.connections import Connections
from deadman.exposition.routes import Routes
from deadman.exposition.server import Server
from deadman.metrics import Dropped, no_logs_dropped

__all__ = ["CannotListen", "Exposition"]

REAP = 0.5
"""Seconds between looks for connections that outstayed."""


class CannotListen(OSError):
    """The address cannot be had; the message says why and what to do."""


class Exposition:
    """Serves `board` on `address`: a host (name, IPv4 or IPv6) and a port, 0 for any that is free."""

    def __init__(self, board: Board, address: tuple[str, int], log_dropped: Dropped = no_logs_dropped) -> None:
        self._address = address
        self._routes = Routes(board, log_dropped)
        self._connections = Connections(board.clock.now)
        self._server: Server | None = None

    def start(self) -> tuple[str, int]:
        """Listen and serve; the address that was bound. Raises CannotListen in words."""
        try:
            family, _, _, _, address = _resolved(*self._address)
            self._server = Server(family, address, self._routes, self._connections)
        except (OSError, UnicodeError) as error:
            raise CannotListen(_in_words(self._address, error)) from error
        threading.Thread(target=self._server.serve_forever, args=(REAP,), name="exposition", daemon=True).start()
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def close(self) -> None:
        """Stop at once, whoever is being served. Without effect when it was not started."""
        server, self._server = self._server, None
        if server is None:
            return
        with suppress(OSError):  # wakes the thread that waits for clients, which then sees that it is to end
            server.socket.shutdown(socket.SHUT_RDWR)
        server.shutdown()
        server.server_close()
        self._connections.hang_up_on_all()


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, int, int, str, tuple[object, ...]]:
    return socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]


def _in_words(address: tuple[str, int], error: OSError | UnicodeError) -> str:
    return f"cannot listen on {host_and_port(*address)} (key daemon.listen): {_advice(error)}"


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
