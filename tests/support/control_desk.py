"""A desk for the tests of control: a board built by hand, and a client on its real socket."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from deadman.control.server import Policy, serve
from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.proof import Coverage, Proof
from deadman.model.secret import SecretSource
from deadman.model.watch import Watch
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount

DESK = DeribitAccount("desk", "testnet", "wss://venue", watches=("quoter",), on_trip="cancel")
MAKER = SxBetAccount("maker", "testnet", "https://venue", "v3", SecretSource("env", "KEY"), watches=("quoter",))
ME = Policy({os.getuid(): "alice"})
NOBODY = Policy({})


@dataclass
class Client:
    stream: trio.SocketStream
    unread: bytes = b""

    async def send(self, *lines: bytes) -> None:
        await self.stream.send_all(b"".join(line + b"\n" for line in lines))

    async def receive(self) -> Any:
        """The next answer; None when the other side hung up."""
        while b"\n" not in self.unread:
            received = await self.stream.receive_some(65536)
            if not received:
                return None
            self.unread += received
        line, _, self.unread = self.unread.partition(b"\n")
        return json.loads(line)

    async def ask(self, method: str, **params: Any) -> Any:
        message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        await self.send(json.dumps(message).encode())
        return await self.receive()


@dataclass
class Desk:
    board: Board
    path: Path

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        stream = await trio.open_unix_socket(str(self.path))
        async with stream:
            yield Client(stream)

    def post(self, account: str, *happened: facts.Fact) -> None:
        for fact in happened:
            self.board.post(account, fact)

    def prove(self, account: str) -> None:
        """A session, and a proof as the account's venue gives it."""
        now = self.board.clock.now()
        coverage = Coverage.LEASE if account == "maker" else Coverage.INHERITED
        proof = facts.Proven(now, Proof(now, 60.0, coverage))
        self.post(account, facts.SessionOpened(now, can_cancel=True), proof)


def new_board() -> Board:
    now = trio.lowlevel.current_clock().current_time  # which any thread may read
    board = Board.new(Clock(now, lambda: 1_763_449_920.0 + now()))
    board.add(DESK)
    board.add(MAKER)
    board.put_watch(Watch("quoter", 5.0))
    return board


@asynccontextmanager
async def desk(directory: Path, policy: Policy = ME) -> AsyncIterator[Desk]:
    made = Desk(new_board(), directory / "control.sock")
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, made.board, made.path, policy)
        yield made
        nursery.cancel_scope.cancel()


async def said(made: Desk, method: str, **given: Any) -> dict[str, Any]:
    async with made.client() as client:
        answer = await client.ask(method, **given)
    outcome: dict[str, Any] = answer["result"]["accounts"]
    return outcome


async def error(made: Desk, method: str, **given: Any) -> tuple[int, str]:
    async with made.client() as client:
        answer = (await client.ask(method, **given))["error"]
    return answer["code"], answer["message"]


async def later(made: Desk, delay: float, account: str, *happened: Any) -> None:
    """Facts that keepers would post, each made from the instant it is posted at."""
    await trio.sleep(delay)
    made.post(account, *(make(made.board.clock.now()) for make in happened))


def gone(at: float) -> facts.Fact:
    return facts.TripDone(at, presumed=False)
