"""Word of our own: transitions at a webhook, pings while all is well; neither holds up anybody."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import trio
from trio.testing import MockClock

from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.proof import Coverage, Proof
from deadman.simulator.network import open_network
from deadman.telemetry.notify import QUEUE, Notifier
from deadman.transport.dial import Dialler
from tests.support.boards import deribit

URL = "http://hooks.localhost/desk?key=hush"


@dataclass
class Hook:
    """Takes what is posted, or answers with `status`, or says nothing at all."""

    status: int = 200
    silent: bool = False
    taken: list[tuple[float, str, bytes]] = field(default_factory=list)
    tries: int = 0

    async def serve(self, stream: trio.abc.Stream) -> None:
        head, _, body = await self._request(stream)
        self.tries += 1
        if self.silent:
            await trio.sleep_forever()
        await stream.send_all(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % self.status)
        if self.status == 200:
            self.taken.append((trio.current_time(), head.split(b"\r\n")[0].decode(), body))

    async def _request(self, stream: trio.abc.Stream) -> tuple[bytes, bytes, bytes]:
        data = b""
        while b"\r\n\r\n" not in data or len(data.partition(b"\r\n\r\n")[2]) < _length(data):
            data += await stream.receive_some()
        return data.partition(b"\r\n\r\n")


def _length(data: bytes) -> int:
    fields = dict(line.lower().split(b": ", 1) for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:])
    return int(fields.get(b"content-length", 0))


@asynccontextmanager
async def notified(hook: Hook, webhook: str | None, ping: str | None) -> AsyncIterator[Board]:
    board = Board.new(Clock(trio.current_time, lambda: 1_700_000_000 + trio.current_time()))
    board.add(deribit("desk"))
    async with open_network(Random(1)) as network, trio.open_nursery() as nursery:
        network.add("hooks.localhost", 80, hook.serve)
        nursery.start_soon(Notifier(board, Dialler(network.open_stream), Random(1), webhook, ping).run)
        await trio.sleep(0.1)
        yield board
        nursery.cancel_scope.cancel()


def prove(board: Board, ttl: float = 1000.0) -> None:
    now = board.clock.now()
    board.post("desk", facts.SessionOpened(now, True))
    board.post("desk", facts.Proven(now, Proof(now, ttl, Coverage.INHERITED)))


async def test_every_transition_of_a_wanted_account_reaches_the_webhook_in_order(autojump_clock: MockClock) -> None:
    hook = Hook()
    async with notified(hook, URL, None) as board:
        prove(board)
        board.post("desk", facts.FoundOff(board.clock.now(), "it had come undone"))
        await trio.sleep(1)
        told = [json.loads(body) for _, _, body in hook.taken]
        assert [(one["from"], one["to"]) for one in told] == [
            ("connecting", "arming"),
            ("arming", "armed"),
            ("armed", "exposed"),
        ]
        assert told[-1]["because"] == "it had come undone"
        meaning = "its orders stay if the bot or this host dies"
        assert told[-1]["text"] == f"desk: ARMED -> EXPOSED (switch off): it had come undone: {meaning}"
        assert (told[-1]["protected"], told[-1]["wanted"]) == (False, True)


async def test_a_webhook_that_is_down_gets_it_later_and_the_board_never_waits(autojump_clock: MockClock) -> None:
    hook = Hook(status=503)
    async with notified(hook, URL, None) as board:
        before = trio.current_time()
        prove(board)
        assert trio.current_time() == before
        await trio.sleep(2)
        hook.status = 200
        await trio.sleep(30)
        assert len(hook.taken) == 2
        assert board.notices["webhook", "failed"] >= 1


async def test_a_silent_webhook_is_given_up_by_deadline_counted_and_told_once(autojump_clock: MockClock) -> None:
    hook = Hook(silent=True)
    async with notified(hook, URL, None) as board:
        prove(board)
        await trio.sleep(300)
        assert board.notices["webhook", "dropped"] == 2
        assert hook.tries == board.notices["webhook", "failed"]


async def test_a_full_queue_drops_the_newest_and_counts_them(autojump_clock: MockClock) -> None:
    hook = Hook(silent=True)
    async with notified(hook, URL, None) as board:
        for _ in range(QUEUE):
            prove(board)
            board.post("desk", facts.FoundOff(board.clock.now(), "it had come undone"))
        assert board.notices["webhook", "dropped"] > 0


async def test_a_ping_goes_out_once_a_minute_while_every_wanted_account_is_protected(autojump_clock: MockClock) -> None:
    hook = Hook()
    async with notified(hook, None, URL) as board:
        await trio.sleep(120)
        assert hook.taken == []
        prove(board)
        await trio.sleep(301)
        assert 5 <= len(hook.taken) <= 6
        assert all(line.startswith("GET /desk?key=hush ") for _, line, _ in hook.taken)


async def test_pings_stop_when_protection_does(autojump_clock: MockClock) -> None:
    hook = Hook()
    async with notified(hook, None, URL) as board:
        prove(board, ttl=90.0)
        await trio.sleep(600)
        assert len(hook.taken) == 2


async def test_a_ping_that_got_lost_is_tried_again_before_the_minute_is_over(autojump_clock: MockClock) -> None:
    hook = Hook(status=503)
    async with notified(hook, None, URL) as board:
        prove(board)
        await trio.sleep(5)
        hook.status = 200
        await trio.sleep(25)
        assert len(hook.taken) == 1
        assert 2 <= board.notices["ping", "failed"] <= 8
