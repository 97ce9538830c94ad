"""Both venues as cheaply as they can be played, in a process of their own: `python -m tests.bench.venue DIRECTORY`.

It answers every request with what a healthy venue says, and never asks unless told to. Commands come by stdin, one JSON
object a line, and are answered by one line each.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import ssl
import sys
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path
from typing import Any

import trustme

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
GRANTED = "account:read_write trade:read_write session:deadman"
TEST_REQUEST = json.dumps({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test_request"}})

ANSWERS: dict[str, Any] = {
    "public/auth": {"access_token": "a" * 300, "refresh_token": "r" * 300, "expires_in": 31536000, "scope": GRANTED},
    "public/test": {"version": "1.2.26"},
    "private/get_cancel_on_disconnect": {"enabled": True},
    "private/get_account_summary": {"id": 1},
    "private/get_open_orders": [],
    "private/cancel_all": 0,
}


class Connection(asyncio.Protocol):
    """One client, by WebSocket or by plain requests; `whose` is the first part of the path it asked for."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.unread = bytearray()
        self.upgraded = False
        self.whose = ""
        self.asked_at: deque[float] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.venue.dials.append(time.monotonic())
        self.venue.connections.add(self)
        if self.venue.refuses:
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.venue.connections.discard(self)
        if self.upgraded:
            self.venue.sessions[self.whose].remove(self)

    def data_received(self, data: bytes) -> None:
        if self.venue.frozen:
            return
        self.unread += data
        while self._frame() if self.upgraded else self._request():
            pass

    def ask(self) -> None:
        """Send a test_request; its answer is timed."""
        self.asked_at.append(time.monotonic())
        self.send(TEST_REQUEST)

    def send(self, text: str, opcode: int = 1) -> None:
        payload = text.encode()
        size = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
        self.transport.write(bytes([0x80 | opcode]) + size + payload)

    def _request(self) -> bool:
        head, found, rest = bytes(self.unread).partition(b"\r\n\r\n")
        if not found:
            return False
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return False
        self.unread = bytearray(rest[length:])
        method, path, _ = first.split()
        self.whose = path.split("/")[1]
        if "upgrade" in headers:
            self._upgrade(headers["sec-websocket-key"])
        else:
            self._answer(method, path.partition("?")[0], headers, rest[:length])
        return True

    def _upgrade(self, key: str) -> None:
        accept = base64.b64encode(hashlib.sha1(key.encode() + GUID, usedforsecurity=False).digest()).decode()
        head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.transport.write(f"{head}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        self.upgraded = True
        self.venue.sessions[self.whose].append(self)

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        data: Any = {"orders": []}
        if method == "POST":
            seconds = json.loads(body)["timeoutSeconds"]
            ends = datetime.now(UTC) + timedelta(seconds=seconds)
            data = {"timeoutSeconds": seconds, "expiresAt": ends.isoformat()}
            self.venue.renewals[self.whose] += 1
            self.venue.prove(self.whose, headers["x-sx-api-key"])
        content = json.dumps({"status": "success", "data": data})
        head = f"HTTP/1.1 200 OK\r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: application/json\r\n"
        self.transport.write(f"{head}Content-Length: {len(content)}\r\n\r\n{content}".encode())

    def _frame(self) -> bool:
        unread = self.unread
        if len(unread) < 6:
            return False
        size, start = unread[1] & 0x7F, 2
        if size == 126:
            size, start = int.from_bytes(unread[2:4], "big"), 4
        end = start + 4 + size
        if len(unread) < end:
            return False
        mask = bytes(unread[start : start + 4]) * (size // 4 + 1)
        payload = int.from_bytes(unread[start + 4 : end], "big") ^ int.from_bytes(mask[:size], "big")
        opcode = unread[0] & 0x0F
        del unread[:end]
        if opcode == 1:
            self._hear(json.loads(payload.to_bytes(size, "big")))
        elif opcode == 9:
            self.send("", 10)
        return True

    def _hear(self, request: dict[str, Any]) -> None:
        method = request["method"]
        if method == "public/test" and self.asked_at:
            self.venue.on_answer(self, time.monotonic() - self.asked_at.popleft())
        elif method.startswith("private/cancel"):
            self.venue.cancelled_at = time.monotonic()
        elif method == "private/get_cancel_on_disconnect":
            self.venue.prove(self.whose, str(id(self)))
        now = int(time.time() * 1e6)
        reply = {"jsonrpc": "2.0", "id": request["id"], "result": ANSWERS.get(method, "ok"), "usIn": now, "usOut": now}
        self.send(json.dumps(reply))


class Venue:
    """All connections of one run, by whose they are."""

    def __init__(self) -> None:
        self.sessions: defaultdict[str, list[Connection]] = defaultdict(list)
        self.proven: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self.renewals: defaultdict[str, int] = defaultdict(int)
        self.dials: list[float] = []
        self.connections: set[Connection] = set()
        self.cancelled_at = 0.0
        self.frozen = False
        self.refuses = False
        self.on_answer: Callable[[Connection, float], None] = lambda connection, took: None

    def prove(self, whose: str, account: str) -> None:
        self.proven[whose].setdefault(account, time.monotonic())

    async def count(self, whose: str) -> dict[str, Any]:
        """What there is of it now; `last` is the instant at which the last account was proven."""
        proven = self.proven[whose]
        return {
            "sessions": len(self.sessions[whose]),
            "proven": len(proven),
            "last": max(proven.values(), default=0.0),
            "renewals": self.renewals[whose],
            "cancelled_at": self.cancelled_at,
        }

    async def forget(self) -> dict[str, Any]:
        """Once nobody is connected any more: who was proven until now."""
        while any(self.sessions.values()):
            await asyncio.sleep(0.05)
        self.proven.clear()
        return {}

    async def burst(self, whose: str, answers: int, window: int) -> dict[str, Any]:
        """So many test_requests, round robin, as fast as `window` unanswered ones allow."""
        sessions, done, took = self.sessions[whose], asyncio.Event(), list[float]()
        left = answers - min(window, len(sessions))

        def on_answer(connection: Connection, seconds: float) -> None:
            nonlocal left
            took.append(seconds)
            if left > 0:
                left -= 1
                sessions[left % len(sessions)].ask()
            elif len(took) >= answers:
                done.set()

        self.on_answer = on_answer
        for connection in sessions[-window:]:
            connection.ask()
        await done.wait()
        return {"answers": len(took)}

    async def pace(self, whose: str, rate: float, seconds: float, spam: int = 0) -> dict[str, Any]:
        """`rate` test_requests a second, evenly over the sessions; all that took, sorted.

        With `spam`, the first session is sent so many frames a second besides, of which none is timed.
        """
        victim, *sessions = self.sessions[whose]
        took: list[float] = []
        self.on_answer = lambda connection, seconds: took.append(seconds)
        began = time.monotonic()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(began + number / rate - time.monotonic())
            (sessions or [victim])[number % max(1, len(sessions))].ask()
            for _ in range(round(spam / rate)):
                victim.send(TEST_REQUEST)
        await asyncio.sleep(0.3)
        return {"took": sorted(took)}

    async def freeze(self, seconds: float) -> dict[str, Any]:
        """Say nothing for so long; when it was dialled anew, seconds from then on."""
        self.dials.clear()
        self.frozen, began = True, time.monotonic()
        await asyncio.sleep(seconds)
        self.frozen = False
        return {"dials": [at - began for at in self.dials]}

    async def refuse(self, seconds: float) -> dict[str, Any]:
        """Drop every connection, and each new one, for so long; when it was dialled, seconds from then on."""
        self.dials.clear()
        self.refuses, began = True, time.monotonic()
        for connection in tuple(self.connections):
            connection.transport.abort()
        await asyncio.sleep(seconds)
        self.refuses = False
        return {"dials": [at - began for at in self.dials]}


async def main(directory: Path) -> None:
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    venue, loop = Venue(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(venue), "127.0.0.1", 0, ssl=context, backlog=2048)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)  # noqa: T201
    commands: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
        "count": venue.count,
        "forget": venue.forget,
        "burst": venue.burst,
        "pace": venue.pace,
        "freeze": venue.freeze,
        "refuse": venue.refuse,
    }
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        print(json.dumps(await commands[command.pop("do")](**command)), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
