"""The control socket: what it answers, to whom, and what no client can do to it."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest
import trio

from deadman.control.rpc import (
    FORBIDDEN,
    INVALID_PARAMS,
    INVALID_REQUEST,
    NO_SUCH_METHOD,
    PARSE_ERROR,
    TOO_MANY,
    Failure,
)
from deadman.control.server import FOR_READERS, LONGEST_LINE, PER_USER, READ_TIMEOUT, WRITE_TIMEOUT, Seats
from deadman.model import facts
from deadman.model.guard import Phase
from deadman.transport.peers import Peer
from tests.support.control_desk import NOBODY, desk


def code(answer: Any) -> int:
    return int(answer["error"]["code"])


async def test_status_tells_accounts_and_watches_with_their_sockets(tmp_path: Path) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        answer = await client.ask("status")
    assert answer["id"] == 7
    assert set(answer["result"]["accounts"]) == {"desk", "maker"}
    assert answer["result"]["watches"]["quoter"]["path"] == str(tmp_path / "watch" / "quoter.sock")


async def test_one_connection_may_ask_again_and_again_even_in_one_write(tmp_path: Path) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "status"}).encode()
        await client.send(line, b"", line)
        assert [(await client.receive())["id"], (await client.receive())["id"]] == [1, 1]


async def test_a_last_line_without_its_end_is_answered(tmp_path: Path) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        await client.stream.send_all(b'{"jsonrpc":"2.0","id":1,"method":"status"}')
        await client.stream.send_eof()
        assert "result" in await client.receive()
        assert await client.receive() is None


GARBAGE: list[tuple[bytes, int]] = [
    (b"hello", PARSE_ERROR),
    (b"\xff\xfe\x00", PARSE_ERROR),
    (b"[" * 60_000, PARSE_ERROR),
    (b'{"a":' * 10_000, PARSE_ERROR),
    (b"9" * 60_000, PARSE_ERROR),
    (b'{"jsonrpc":"2.0","id":1,"method":"hold","params":{"watch":"quoter","for":NaN}}', PARSE_ERROR),
    (b"[]", INVALID_REQUEST),
    (b"null", INVALID_REQUEST),
    (b'{"id":1,"method":"status"}', INVALID_REQUEST),
    (b'{"jsonrpc":"2.0","id":1,"method":5}', INVALID_REQUEST),
    (b'{"jsonrpc":"2.0","id":1,"method":"status","params":[1]}', INVALID_PARAMS),
    (b'{"jsonrpc":"2.0","id":1,"method":"sattus"}', NO_SUCH_METHOD),
]


@pytest.mark.parametrize(("line", "expected"), GARBAGE, ids=lambda value: repr(value)[:40])
async def test_garbage_is_answered_with_an_error_and_the_next_line_is_served(
    tmp_path: Path, line: bytes, expected: int
) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        await client.send(line)
        assert code(await client.receive()) == expected
        assert "result" in await client.ask("status")


@pytest.mark.parametrize("given", [None, True, [1], {"a": 1}])
async def test_an_id_that_is_none_is_answered_as_null(tmp_path: Path, given: object) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        await client.send(json.dumps({"jsonrpc": "2.0", "id": given, "method": "status"}).encode())
        assert (await client.receive())["id"] is None


async def test_a_notification_is_obeyed_and_not_answered(tmp_path: Path) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        hold = {"jsonrpc": "2.0", "method": "hold", "params": {"watch": "quoter", "for": 60}}
        await client.send(json.dumps(hold).encode())
        answer = await client.ask("status")
    assert answer["id"] == 7
    assert answer["result"]["watches"]["quoter"]["held"]


async def test_an_endless_line_ends_the_connection_in_words(tmp_path: Path) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        await client.stream.send_all(b"x" * (LONGEST_LINE + 1))
        assert "too long" in (await client.receive())["error"]["message"]
        assert await client.receive() is None


async def test_a_silent_client_is_let_go(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        await client.stream.send_all(b'{"jsonrpc"')
        with trio.fail_after(READ_TIMEOUT + 1):
            assert await client.receive() is None


async def test_a_client_that_does_not_read_is_let_go_and_delays_nobody(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    line = json.dumps({"jsonrpc": "2.0", "id": "x" * 30_000, "method": "status"}).encode()
    async with desk(tmp_path) as made, made.client() as stuffed, made.client() as other:
        with trio.move_on_after(0.5):
            await stuffed.send(*([line] * 40))
        with trio.fail_after(0.5):
            assert "result" in await other.ask("status")
        await trio.sleep(WRITE_TIMEOUT + 1)
        with pytest.raises(trio.BrokenResourceError):
            await stuffed.send(*([line] * 40))


async def test_nobody_can_take_the_places_of_others(tmp_path: Path) -> None:
    async with desk(tmp_path) as made, AsyncExitStack() as stack:
        for _ in range(PER_USER):
            client = await stack.enter_async_context(made.client())
            assert "result" in await client.ask("status")
        async with made.client() as one_more:
            assert code(await one_more.receive()) == TOO_MANY


def test_readers_together_leave_places_to_operators() -> None:
    seats = Seats()
    with ExitStack() as stack:
        for uid in range(FOR_READERS):
            stack.enter_context(seats.seat(Peer(1, 1000 + uid), is_operator=False))
        with pytest.raises(Failure), seats.seat(Peer(1, 5000), is_operator=False):
            pass
        stack.enter_context(seats.seat(Peer(1, 0), is_operator=True))
    assert (seats.readers, seats.taken.total()) == (0, 0)


async def test_a_place_is_free_again_once_its_client_left(tmp_path: Path) -> None:
    async with desk(tmp_path) as made:
        for _ in range(PER_USER + 3):
            async with made.client() as client:
                assert "result" in await client.ask("status")
            await trio.testing.wait_all_tasks_blocked()
            await trio.sleep(0.03)


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("arm", {"accounts": ["desk"]}),
    ("disarm", {"accounts": ["desk"]}),
    ("trip", {"accounts": "all"}),
    ("hold", {"watch": "quoter", "for": 60}),
    ("release", {"watch": "quoter"}),
]


@pytest.mark.parametrize(("method", "given"), CHANGES)
async def test_who_is_no_operator_may_look_and_change_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, method: str, given: dict[str, Any]
) -> None:
    async with desk(tmp_path, NOBODY) as made, made.client() as client:
        before = (made.board.standings(), made.board.watches())
        answer = await client.ask(method, **given)
        assert code(answer) == FORBIDDEN
        assert "daemon.operators" in answer["error"]["message"]
        assert made.board.watches() == before[1]
        assert {name: now.phase for name, now in made.board.standings().items()} == {
            name: then.phase for name, then in before[0].items()
        }
        assert "result" in await client.ask("status")
    assert f"{method} refused to uid" in caplog.text


async def test_every_change_is_logged_with_user_uid_pid_and_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        await client.ask("hold", watch="quoter", **{"for": 60}, reason="deploy\n\x1b[31mred")
    (record,) = [record for record in caplog.records if getattr(record, "event", "") == "operator_hold"]
    line = record.getMessage()
    assert "hold quoter for 60 s by alice (uid " in line
    assert "pid " in line
    assert line.endswith("deploy \\x1b[31mred")


async def test_a_client_that_hangs_up_in_mid_command_does_not_undo_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as made:
        async with made.client() as client:
            await client.send(b'{"jsonrpc":"2.0","id":1,"method":"disarm","params":{"accounts":["desk"]}}')
            await trio.testing.wait_all_tasks_blocked()
        assert made.board.standing("desk").phase is Phase.DISARMED
        made.post("desk", facts.DisarmConfirmed(made.board.clock.now()))
        async with made.client() as other:
            assert "result" in await other.ask("status")
