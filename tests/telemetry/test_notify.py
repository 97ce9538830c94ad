"""Word of our own: transitions at a webhook, pings while all is well; neither holds up anybody."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from deadman import __version__
from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.errors import Reason
from deadman.model.facts import Cause
from deadman.model.proof import Coverage, Proof
from deadman.simulator.network import open_network
from deadman.telemetry import notify
from deadman.telemetry.notify import MEMBERS, START_PATIENCE, Notifier
from deadman.telemetry.transitions import transitions
from deadman.transport.dial import Dialler
from tests.support.boards import deribit

URL = "http://hooks.localhost/desk?key=hush"


@dataclass
class Hook:
    """Takes what is posted, or answers with `status`, or says nothing at all; never takes what has `refuses` in it."""

    status: int = 200
    silent: bool = False
    refuses: bytes = b"nothing"
    taken: list[tuple[float, str, bytes]] = field(default_factory=list)
    tries: int = 0

    async def serve(self, stream: trio.abc.Stream) -> None:
        head, _, body = await self._request(stream)
        self.tries += 1
        if self.silent:
            await trio.sleep_forever()
        status = 503 if self.refuses in body.replace(b" ", b"") else self.status
        await stream.send_all(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)
        if status == 200:
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
    board.name = "alpha"
    board.add(deribit("desk"))
    board.listen(transitions(board))
    async with open_network(Random(1)) as network, trio.open_nursery() as nursery:
        network.add("hooks.localhost", 80, hook.serve)
        nursery.start_soon(Notifier(board, Dialler(network.open_stream), Random(1), webhook, ping, "box").run)
        await trio.sleep(0.1)
        yield board
        nursery.cancel_scope.cancel()


def prove(board: Board, ttl: float = 1000.0, account: str = "desk") -> None:
    now = board.clock.now()
    board.post(account, facts.SessionOpened(now, True))
    board.post(account, facts.Proven(now, Proof(now, ttl, Coverage.INHERITED)))


def told(hook: Hook) -> list[dict[str, Any]]:
    return [json.loads(body) for _, _, body in hook.taken]


async def test_a_start_is_one_message_and_each_transition_after_it_is_one(autojump_clock: MockClock) -> None:
    hook = Hook()
    async with notified(hook, URL, None) as board:
        prove(board)
        await trio.sleep(2)
        (start,) = told(hook)
        assert start["text"] == "deadman alpha has started: fine: 1 of 1 accounts protected, good for 16 min"
        assert (start["event"], start["account"], start["from"], start["to"]) == ("start_settled", None, None, None)
        board.post("desk", facts.FoundOff(board.clock.now(), "it had come undone"))
        prove(board)
        await trio.sleep(1)
        off, armed = told(hook)[1:]
        assert (off["from"], off["to"], armed["from"], armed["to"]) == ("armed", "exposed", "exposed", "armed")
        meaning = "the venue would not cancel its orders"
        assert off["text"] == f"desk: ARMED -> EXPOSED (switch off): it had come undone: {meaning}"
        assert (off["because"], off["protected"], off["wanted"]) == ("it had come undone", False, True)


async def test_a_message_says_who_where_why_and_how_many_orders(autojump_clock: MockClock) -> None:
    hook = Hook()
    async with notified(hook, URL, None) as board:
        prove(board)
        await trio.sleep(2)
        now = board.clock.now()
        board.post("desk", facts.OrdersCounted(now, 3))
        board.post("desk", facts.Tripped(now, Cause.SILENCE, "quoter", "silent 5 s"))
        board.post("desk", facts.RoundDone(now, 3, 0))
        board.post("desk", facts.TripDone(now, False))
        await trio.sleep(1)
        tripping, tripped = told(hook)[1:]
        assert list(tripping) == MEMBERS
        about = {"host": "box", "name": "alpha", "account": "desk", "venue": "deribit", "version": __version__}
        assert about.items() <= tripping.items()
        assert (tripping["cause"], tripping["because"], tripping["open_orders"]) == (
            "silence",
            "quoter (silent 5 s)",
            3,
        )
        assert (tripped["to"], tripped["cancelled"], tripped["at"]) == ("tripped", 3, board.clock.timestamp_of(now))
        assert tripped["text"] == board.events[-1].text


def test_the_readme_shows_a_message_as_it_is_posted() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    shown = json.loads(readme.partition("```json\n")[2].partition("```")[0])
    assert list(shown) == MEMBERS


async def test_a_start_that_does_not_succeed_is_told_once_with_what_to_do(autojump_clock: MockClock) -> None:
    hook = Hook()
    async with notified(hook, URL, None) as board:
        board.post("desk", facts.Lost(board.clock.now(), Reason.CONNECT, "nobody listens"))
        await trio.sleep(START_PATIENCE - 1)
        assert told(hook) == []
        await trio.sleep(2)
        (start,) = told(hook)
        assert start["text"].startswith("deadman alpha has started: ACT: desk: no session, not armed yet")


async def test_a_trip_during_a_start_is_told_at_once(autojump_clock: MockClock) -> None:
    hook = Hook()
    async with notified(hook, URL, None) as board:
        board.post("desk", facts.Tripped(board.clock.now(), Cause.TRIGGER, "quoter"))
        await trio.sleep(0.1)
        assert [one["to"] for one in told(hook)] == ["tripping"]


async def test_what_happens_without_a_change_of_phase_is_told_too(autojump_clock: MockClock) -> None:
    hook = Hook()
    async with notified(hook, URL, None) as board:
        prove(board)
        await trio.sleep(2)
        board.post("desk", facts.VenueFired(board.clock.now(), 2))
        await trio.sleep(1)
        fired = told(hook)[-1]
        assert (fired["event"], fired["from"], fired["to"]) == ("venue_fired", "armed", "armed")
        assert fired["text"].startswith("desk: the venue's own switch fired: 2 of its orders")


async def test_each_accounts_messages_come_in_order_and_no_other_account_waits_for_them(
    autojump_clock: MockClock,
) -> None:
    hook = Hook(refuses=b'"account":"desk"')
    async with notified(hook, URL, None) as board:
        board.add(deribit("other"))
        prove(board)
        prove(board, account="other")
        await trio.sleep(2)
        for account in ("desk", "other"):
            board.post(account, facts.FoundOff(board.clock.now(), "it had come undone"))
            prove(board, account=account)
        await trio.sleep(1)
        assert [one["to"] for one in told(hook) if one["account"] == "other"] == ["exposed", "armed"]
        assert [one for one in told(hook) if one["account"] == "desk"] == []
        hook.refuses = b"nothing"
        await trio.sleep(20)
        assert [one["to"] for one in told(hook) if one["account"] == "desk"] == ["exposed", "armed"]


async def test_a_webhook_that_is_down_gets_it_later_and_the_board_never_waits(autojump_clock: MockClock) -> None:
    hook = Hook(status=503)
    async with notified(hook, URL, None) as board:
        before = trio.current_time()
        prove(board)
        assert trio.current_time() == before
        await trio.sleep(2)
        hook.status = 200
        await trio.sleep(30)
        assert len(hook.taken) == 1
        assert board.notices["webhook", "failed"] >= 1


async def test_a_silent_webhook_is_given_up_by_deadline_counted_and_told_once(autojump_clock: MockClock) -> None:
    hook = Hook(silent=True)
    async with notified(hook, URL, None) as board:
        prove(board)
        await trio.sleep(1)
        board.post("desk", facts.FoundOff(board.clock.now(), "it had come undone"))
        await trio.sleep(300)
        assert board.notices["webhook", "dropped"] == 2
        assert hook.tries == board.notices["webhook", "failed"]


async def test_a_full_queue_drops_the_newest_and_counts_them(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "QUEUE", 20)
    hook = Hook(silent=True)
    async with notified(hook, URL, None) as board:
        prove(board)
        await trio.sleep(1)
        for _ in range(20):
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
