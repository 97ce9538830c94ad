"""Servers on real sockets that answer in rows as they were recorded at the venues, or as HTTP allows."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from deadman.daemon.doors import Doors
from deadman.model import facts
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused, Setback, Unavailable, ungrouped
from deadman.model.facts import Fact
from deadman.model.guard import Phase
from deadman.model.proof import Coverage
from deadman.model.secret import SecretSource
from deadman.model.settings import Account, Selection
from deadman.simulator.deribit.websocket import WebSocket
from deadman.simulator.faults import Link
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount
from tests.support.boards import deribit, sxbet
from tests.swarm.world.accounts import sxbet_account
from tests.swarm.world.desk import open_desk

TIMES = {"usIn": 1765425742820267, "usOut": 1765425742820804, "usDiff": 537, "testnet": False}
GRANT = {
    "enabled_features": [],
    "access_token": "1796961742820.XXXXXXXX",
    "expires_in": 31536000,
    "refresh_token": "1796961742820.YYYYYYYY",
    "scope": "session:deadman account:read_write trade:read_write mainaccount",
    "token_type": "bearer",
}
ORDER = {
    "label": "018af0fd",
    "price": 2.008,
    "amount": 2.0,
    "user_id": 427962,
    "direction": "buy",
    "time_in_force": "good_til_cancelled",
    "instrument_name": "XRP_USDC",
    "web": False,
    "api": True,
    "order_id": "XRP_USDC-6476136171",
    "order_type": "limit",
    "order_state": "open",
    "filled_amount": 0.0,
    "is_rebalance": False,
}
STOP = {
    "label": "O-1",
    "price": "market_price",
    "direction": "sell",
    "instrument_name": "BTC_USDC-PERPETUAL",
    "order_id": "USDC-SLMB-19641",
    "trigger_price": 2228.0,
    "trigger": "mark_price",
    "order_state": "untriggered",
    "order_type": "stop_market",
}
NEWS = (
    '{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}',
    '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"platform_state","data":{"locked":false,"price_index":"eth_usdc"}}}',
    '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"user.changes.any.any.raw","data":{"orders":[{"order_id":"74311538594"}],"trades":[],"positions":[]}}}',
)

Answer = dict[str, Any]
Serve = Callable[[trio.SocketStream], Awaitable[None]]


@dataclass
class Gateway:
    """Deribit's methods as somebody recorded them. `wrong`: answers that take the place of those, by method."""

    wrong: dict[str, Answer] = field(default_factory=dict)
    before_login: Answer | None = None
    write_id: Callable[[int], Any] = lambda number: number
    news: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)
    logged_in: bool = False

    async def serve(self, stream: trio.SocketStream) -> None:
        socket = WebSocket(Link(stream))
        await socket.request()
        await socket.accept()
        while (text := await socket.receive()) is not None:
            request = json.loads(text)
            self.asked.append(request["method"])
            for frame in self.news:
                await socket.send(frame)
            answer = {"jsonrpc": "2.0", "id": self.write_id(request["id"])} | self.answer(request) | TIMES
            await socket.send(json.dumps(answer))
        await stream.aclose()

    def answer(self, request: Mapping[str, Any]) -> Answer:
        method = request["method"]
        if method == "public/auth":
            self.logged_in = True
        elif not self.logged_in and self.before_login is not None:
            return self.before_login
        return self.wrong.get(method) or {"result": self.result(method, request["params"])}

    def result(self, method: str, params: Mapping[str, Any]) -> Any:
        match method.partition("/")[2]:
            case "auth":
                return GRANT
            case "get_cancel_on_disconnect":
                return {"scope": params.get("scope", "connection"), "enabled": True}
            case "get_open_orders":
                return [ORDER, STOP]
            case "subscribe":
                return params["channels"]
            case "cancel_all":
                return 2
            case _:
                return "ok"


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """The port of a server on a real socket."""
    with ungrouped():
        async with trio.open_nursery() as nursery:
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            nursery.start_soon(trio.serve_listeners, serve, listeners)
            yield int(listeners[0].socket.getsockname()[1])
            nursery.cancel_scope.cancel()


@dataclass
class Opened:
    """A session, and what was posted of it."""

    session: Any
    posted: list[Fact]


@asynccontextmanager
async def opened(account: Account) -> AsyncIterator[Opened]:
    posted: list[Fact] = []
    doors = Doors(Clock(trio.current_time, time.time), {"KEY": "hush"}, lambda _: None, chance=Random(1))
    with trio.fail_after(10):
        async with doors.door(account, posted.append).open_session() as session:
            yield Opened(session, posted)


@asynccontextmanager
async def desk(gateway: Gateway, **changes: Any) -> AsyncIterator[Opened]:
    async with listening(gateway.serve) as port, opened(replace(desk_at(port), **changes)) as made:
        yield made


def desk_at(port: int) -> DeribitAccount:
    url, secret = f"ws://127.0.0.1:{port}/ws/api/v2", SecretSource("env", "KEY")
    return replace(deribit("desk"), url=url, client_id="id", client_secret=secret, auth="secret")


@pytest.mark.parametrize(
    "error",
    [
        {"code": 13009, "message": "unauthorized", "data": {"reason": "invalid_token"}},
        {"code": -32601, "message": "Method not found"},
        {"code": 10000, "message": "authorization_required", "data": None},
        {"code": 11056, "message": "unauthenticated_public_requests_temporarily_disabled"},
    ],
    ids=lambda error: str(error["code"]),
)
async def test_a_gateway_that_wants_a_login_before_anything_is_logged_in_to_and_then_asked_for_heartbeats(
    error: Answer,
) -> None:
    gateway = Gateway(before_login={"error": error})
    async with desk(gateway) as made:
        assert (await made.session.arm()).coverage is Coverage.INHERITED
    assert gateway.asked[:3] == ["public/set_heartbeat", "public/auth", "public/set_heartbeat"]


async def test_a_gateway_that_never_takes_a_heartbeat_is_told_to_people() -> None:
    gateway = Gateway(wrong={"public/set_heartbeat": {"error": {"code": -32601, "message": "Method not found"}}})
    with pytest.raises(Refused, match="set_heartbeat: the venue does not know this method"):
        async with desk(gateway):
            pass


async def test_answers_that_write_our_ids_as_strings_are_answers() -> None:
    async with desk(Gateway(write_id=str)) as made:
        assert (await made.session.arm()).coverage is Coverage.INHERITED


@pytest.mark.parametrize("data", [{}, {"data": None}, {"data": "words"}, {"data": {"reason": "r", "param": "p"}}])
async def test_an_errors_data_may_be_missing_null_or_text(data: Answer) -> None:
    no = {"error": {"code": -32601, "message": "Method not found"} | data}
    async with desk(Gateway(wrong={"private/subscribe": no})) as made:
        await made.session.arm()
        await made.session.attend(trio.current_time() + 0.2)
        assert [fact.code for fact in made.posted if isinstance(fact, facts.Erred)] == ["-32601"]
        assert await made.session.arm()


async def test_too_many_requests_without_data_end_the_session_and_ask_for_a_pause() -> None:
    no = {"error": {"code": 10028, "message": "too_many_requests", "data": None}}
    gateway = Gateway(wrong={"private/cancel_all": no})
    async with desk(gateway) as made:
        with pytest.raises(Unavailable) as ended:
            await made.session.cancel_orders("cancel")
    assert (ended.value.reason, ended.value.pause) == (Reason.RATE_LIMITED, 15)


async def test_news_that_nobody_asked_for_disturbs_nothing_and_test_requests_among_it_are_answered() -> None:
    gateway = Gateway(news=NEWS)
    async with desk(gateway) as made:
        assert await made.session.arm()
    assert gateway.asked.count("public/test") >= 3


@pytest.mark.parametrize(("selection", "count"), [({}, 2), ({"type": "stop"}, 1), ({"kind": "spot"}, 1)])
async def test_recorded_orders_are_counted_with_and_without_a_price_of_their_own(selection: Answer, count: int) -> None:
    async with desk(Gateway(), cancel=Selection(**selection)) as made:
        assert await made.session.orders.count() == count


ROW = {
    "id": "0x112a4f19f20395aefcdb5d26f3f8aab0d96b1aff7ce346c0bfb13d9490340cdf",
    "marketHash": "0xbf06c6379c922d8118612d1d7493b20f6df6929437fbf6022904327f9516a2eb",
    "userAddress": "0xAbababababababababababababababababababab",
    "wallet": "0x4361123dbdc1D812fdf7D27045aF358C9C8AA70A",
    "isBettingOutcomeOne": True,
    "percentageOdds": "40000000000000000000",
    "totalBetSize": "3000000",
    "remainingSize": "2000000",
    "expiry": None,
    "status": "ACTIVE",
    "inactiveReason": None,
    "eventId": "L12003787",
    "createdAt": "2026-07-31T18:45:42.636Z",
    "updatedAt": "2026-07-31T18:45:42.838Z",
}


@dataclass
class Plain:
    """Answers requests in turn with bytes as they are, and hangs up after those that end with `hang_up`."""

    answers: list[bytes]
    hang_up: bool = False
    requests: list[str] = field(default_factory=list)
    connections: int = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        async with stream:
            while self.answers and (line := await self.request(stream)):
                self.requests.append(line)
                await stream.send_all(self.answers.pop(0))
                if self.hang_up:
                    return
            await trio.sleep_forever()

    async def request(self, stream: trio.SocketStream) -> str:
        """The request line; bodies here are short and come with their heads, or right after them."""
        seen = b""
        while not (b"\r\n\r\n" in seen and len(seen.partition(b"\r\n\r\n")[2]) >= length(seen)):
            more = await stream.receive_some()
            if not more:
                return ""
            seen += more
        return seen.partition(b" HTTP/")[0].decode()


def length(head: bytes) -> int:
    named = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(named[0].partition(b":")[2]) if named else 0


def success(data: Any, **headers: str) -> bytes:
    body = json.dumps({"status": "success", "data": data}).encode()
    named = {"Content-Type": "application/json", "Content-Length": str(len(body))} | headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + body


@asynccontextmanager
async def maker(server: Plain) -> AsyncIterator[Opened]:
    async with listening(server.serve) as port, opened(account_at(port)) as made:
        yield made


def account_at(port: int) -> SxBetAccount:
    return replace(sxbet("maker"), url=f"http://127.0.0.1:{port}")


def lease(seconds: int = 30) -> Answer:
    ends = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + seconds))
    return {"timeoutSeconds": seconds, "expiresAt": ends}


async def test_recorded_rows_are_counted_and_name_their_owner() -> None:
    server = Plain([success({"orders": [ROW, ROW], "nextKey": "k"}), success({"orders": [ROW], "nextKey": None})])
    async with maker(server) as made:
        assert await made.session.orders.count() == 3
    told = {fact.account for fact in made.posted if isinstance(fact, facts.Identified)}
    assert told == {str(ROW["userAddress"]).lower()}


async def test_a_recorded_cancel_of_all_is_carried_on_while_there_is_more() -> None:
    def page(name: str, more: bool) -> bytes:
        done = [{"orderId": name, "commandId": "abc-2"}]
        return success({"cancelledSubmitted": done, "notCancelled": [], "unconfirmed": [], "hasMore": more})

    server = Plain([page("0x1", True), page("0x2", False), success({"orders": [], "nextKey": None})])
    async with maker(server) as made:
        done = await made.session.cancel_orders("cancel")
    assert (done.cancelled, done.remaining) == (2, 0)
    assert server.requests == ["DELETE /orders-v3/all", "DELETE /orders-v3/all", "GET /orders-v3?perPage=100"]


async def test_a_lease_without_its_end_is_told_as_what_it_is() -> None:
    async with maker(Plain([success({"timeoutSeconds": 30})])) as made:
        with pytest.raises(Setback, match="leased, expiry unknown, no proof"):
            await made.session.arm()
        (granted,) = [fact for fact in made.posted if isinstance(fact, facts.LeaseGranted)]
        assert granted.sure == 30


async def test_a_lease_without_its_end_is_renewed_claimed_by_nobody_and_may_stand(autojump_clock: MockClock) -> None:
    async with open_desk(sxbet_account("maker", "v3")) as made:
        made.sxbet.faults.expires_at = "missing"
        await trio.sleep(120)
        guard, now = made.standing("maker").guard, made.board.clock.now()
        assert guard.phase(now) is Phase.ARMING
        assert (guard.protected(now), guard.may_be_leased(now)) == (False, True)
        assert guard.trouble is not None
        assert "leased, expiry unknown, no proof" in guard.trouble.detail
        assert made.sxbet.lease("maker") is not None
        made.sxbet.faults.expires_at = None
        await made.until(Phase.ARMED, within=15, name="maker")


async def test_a_redirect_is_told_with_its_place_and_never_followed() -> None:
    elsewhere = Plain([success(lease())])
    async with listening(elsewhere.serve) as other:
        there = f"http://127.0.0.1:{other}/heartbeat/v3?key=secret"
        moved = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n".encode()
        async with maker(Plain([moved])) as made:
            with pytest.raises(Refused, match=f"redirected to http://127.0.0.1:{other}/heartbeat/v3: not followed"):
                await made.session.arm()
    assert elsewhere.connections == 0


async def test_an_upgrade_that_is_redirected_is_told_and_never_followed() -> None:
    moved = b"HTTP/1.1 301 Moved\r\nLocation: wss://elsewhere.test/ws?key=secret\r\nContent-Length: 0\r\n\r\n"
    server = Plain([moved])
    async with listening(server.serve) as port:
        with pytest.raises(Refused, match=r"redirected to wss://elsewhere\.test/ws: not followed"):
            async with opened(desk_at(port)):
                pass


def chunked(whole: bytes, trailer: bytes = b"") -> bytes:
    body = whole.partition(b"\r\n\r\n")[2]
    parts = b"".join(b"%x;note=1\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]))
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + parts + b"0\r\n" + trailer + b"\r\n"


def without_length(whole: bytes) -> bytes:
    return b"HTTP/1.0 200 OK\r\nconnection: close\r\n\r\n" + whole.partition(b"\r\n\r\n")[2]


ODDITIES: dict[str, Callable[[bytes], bytes]] = {
    "in chunks": chunked,
    "in chunks with a trailer": lambda whole: chunked(whole, b"x-took: 1\r\n"),
    "after early hints": lambda whole: b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + whole,
    "after a continue": lambda whole: b"HTTP/1.1 100 Continue\r\n\r\n" + whole,
    "without a reason": lambda whole: whole.replace(b"200 OK", b"200 "),
    "with headers in lower case": lambda whole: whole.replace(b"Content-", b"content-"),
    "with a header twice": lambda whole: whole.replace(
        b"Content-Type", b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Type"
    ),
    "with a folded header": lambda whole: whole.replace(b"\r\nContent-Type", b"\r\nx-folded: a\r\n b\r\nContent-Type"),
}


@pytest.mark.parametrize("oddity", ODDITIES)
async def test_http_has_many_ways_to_write_one_answer(oddity: str) -> None:
    async with maker(Plain([ODDITIES[oddity](success(lease())) for _ in range(2)])) as made:
        for _ in range(2):
            assert (await made.session.arm()).ttl == pytest.approx(30, abs=2)


async def test_an_answer_may_end_with_its_connection_and_the_next_is_asked_on_another() -> None:
    server = Plain([without_length(success(lease())), success(lease())], hang_up=True)
    async with maker(server) as made:
        for _ in range(2):
            assert (await made.session.arm()).ttl == pytest.approx(30, abs=2)
    assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nhalf",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
    ids=["two lengths", "half a body", "another protocol", "no HTTP"],
)
async def test_what_is_no_answer_grants_nothing(answer: bytes) -> None:
    async with maker(Plain([answer], hang_up=True)) as made:
        with pytest.raises((Unavailable, Refused)):
            await made.session.arm()
        assert [fact for fact in made.posted if isinstance(fact, facts.LeaseGranted)] == []
