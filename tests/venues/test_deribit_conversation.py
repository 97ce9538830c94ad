"""A conversation with a venue that means no good."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
import trio
from trio.testing import MockClock

from deadman.model.clock import Clock
from deadman.model.errors import Unavailable, VenueError, ungrouped
from deadman.model.facts import Answered, ClockCompared, Erred, Fact, TestRequestAnswered, VenueFired
from deadman.model.settings import REPLY_TIMEOUT
from deadman.transport.websocket import WebSocket
from deadman.venues.deribit.conversation import Conversation
from tests.support.boards import deribit

TEST_REQUEST = json.dumps({"method": "heartbeat", "params": {"type": "test_request"}})


@dataclass
class Flood:
    """Sends test_requests, one each `pause` seconds."""

    pause: float
    sent: list[float] = field(default_factory=list)

    async def receive(self) -> str:
        await trio.sleep(self.pause)
        return TEST_REQUEST

    async def send(self, text: str) -> None:
        self.sent.append(trio.current_time())


async def read(flood: Flood, seconds: float, post: Callable[[Fact], None] = lambda fact: None) -> None:
    clock = Clock(trio.current_time, trio.current_time)
    socket = cast(WebSocket, flood)
    conversation = Conversation(socket, clock, deribit("desk").timers, post, clock.now())
    with trio.move_on_after(seconds):
        await conversation.read()


async def test_a_flood_of_test_requests_does_not_spend_the_requests_of_the_account(autojump_clock: MockClock) -> None:
    flood, facts = Flood(0.001), list[Fact]()
    await read(flood, 20.0, facts.append)
    assert 49 <= len(flood.sent) <= 51
    assert max(later - sooner for sooner, later in zip(flood.sent, flood.sent[1:], strict=False)) < 1.0
    assert sum(isinstance(fact, TestRequestAnswered) for fact in facts) == len(flood.sent)


async def test_test_requests_as_fast_as_any_venue_sends_them_are_all_answered(autojump_clock: MockClock) -> None:
    flood = Flood(1.0)
    await read(flood, 60.5)
    assert len(flood.sent) == 60


@dataclass
class Feed:
    """Sends these texts, then nothing."""

    texts: list[str]

    async def receive(self) -> str:
        if not self.texts:
            await trio.sleep_forever()
        return self.texts.pop(0)

    async def send(self, text: str) -> None:
        pass


@pytest.mark.parametrize(("channel", "stirred"), [("user.orders.any.any.100ms", True), ("platform_state", False)])
async def test_only_news_of_an_order_stirs(channel: str, stirred: bool, autojump_clock: MockClock) -> None:
    news = json.dumps({"method": "subscription", "params": {"channel": channel, "data": [{"order_id": "1"}]}})
    clock = Clock(trio.current_time, trio.current_time)
    conversation = Conversation(cast(WebSocket, Feed([news])), clock, deribit("desk").timers, lambda fact: None, 0.0)
    with trio.move_on_after(1):
        await conversation.read()
    assert conversation.stirred.is_set() is stirred


@pytest.mark.parametrize(
    ("reasons", "fired"),
    [(["cancel_on_disconnect", "user_request", "cancel_on_disconnect"], [2]), (["user_request"], []), ([], [])],
)
async def test_orders_that_the_switch_cancelled_are_counted_as_the_venue_names_them(
    reasons: list[str], fired: list[int], autojump_clock: MockClock
) -> None:
    orders = [{"order_id": str(number), "cancel_reason": reason} for number, reason in enumerate(reasons)]
    params = {"channel": "user.orders.any.any.100ms", "data": orders}
    news = json.dumps({"method": "subscription", "params": params})
    clock, facts = Clock(trio.current_time, trio.current_time), list[Fact]()
    conversation = Conversation(cast(WebSocket, Feed([news])), clock, deribit("desk").timers, facts.append, 0.0)
    with trio.move_on_after(1):
        await conversation.read()
    assert [fact.orders for fact in facts if isinstance(fact, VenueFired)] == fired


@pytest.mark.parametrize(("within", "seconds"), [(None, REPLY_TIMEOUT), (1.0, 1.0), (9.0, 9.0)])
async def test_an_answer_is_waited_for_as_long_as_was_asked(
    within: float | None, seconds: float, autojump_clock: MockClock
) -> None:
    clock = Clock(trio.current_time, trio.current_time)
    conversation = Conversation(cast(WebSocket, Feed([])), clock, deribit("desk").timers, lambda fact: None, 0.0)
    with pytest.raises(Unavailable, match="unanswered"):
        await conversation.ask("private/get_open_orders", {}, within)
    assert trio.current_time() == pytest.approx(seconds + 0.05)


def test_a_conversation_does_not_print_its_token() -> None:
    clock = Clock(lambda: 0.0, lambda: 0.0)
    socket = cast(WebSocket, None)
    conversation = Conversation(socket, clock, deribit("desk").timers, lambda fact: None, 0.0)
    conversation.token = {"access_token": "hush"}
    assert "hush" not in repr(conversation)


@dataclass
class Answering:
    """Answers each request after `delay` seconds, with these fields beside its id; its clock is 5 s ahead of ours."""

    fields: dict[str, object]
    delay: float = 0.5
    sent: list[str] = field(default_factory=list)
    stirred: trio.Event = field(default_factory=trio.Event)

    async def receive(self) -> str:
        await self.stirred.wait()
        self.stirred = trio.Event()
        await trio.sleep(self.delay)
        return json.dumps({"jsonrpc": "2.0", "id": json.loads(self.sent[-1])["id"], **self.fields})

    async def send(self, text: str) -> None:
        self.sent.append(text)
        self.stirred.set()


def us_out(timestamp: float) -> dict[str, object]:
    return {"usIn": 0, "usOut": int(timestamp * 1e6), "usDiff": 0}


NO = {"error": {"code": 10041, "message": "settlement_in_progress"}}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"result": 1}, [Answered(100.5, 0.5)]),
        ({"result": 1, **us_out(1105.25)}, [Answered(100.5, 0.5), ClockCompared(100.5, 5.0, 0.5)]),
        ({"result": 1, **us_out(1095.25)}, [Answered(100.5, 0.5), ClockCompared(100.5, -5.0, 0.5)]),
        (NO, [Answered(100.5, 0.5), Erred(100.5, "10041")]),
        ({**NO, **us_out(1100.25)}, [Answered(100.5, 0.5), ClockCompared(100.5, 0.0, 0.5), Erred(100.5, "10041")]),
    ],
)
async def test_what_an_answer_tells_besides_its_result_is_told(
    fields: dict[str, object], told: list[Fact], autojump_clock: MockClock
) -> None:
    clock = Clock(lambda: 100.0 + trio.current_time(), lambda: 1100.0 + trio.current_time())
    socket, posted = Answering(fields), list[Fact]()
    conversation = Conversation(cast(WebSocket, socket), clock, deribit("desk").timers, posted.append, 0.0)
    conversation.token = {"access_token": "at"}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(conversation.read)
        with suppress(VenueError):
            assert await conversation.ask("private/get_open_orders", {"kind": "any"}) == 1
        nursery.cancel_scope.cancel()
    assert posted == told
    (asked,) = [json.loads(text) for text in socket.sent]
    assert asked["method"] == "private/get_open_orders"
    assert asked["params"] == {"kind": "any", "access_token": "at"}
    assert conversation.answered_at == 100.5


async def test_a_request_that_is_no_private_one_carries_no_token(autojump_clock: MockClock) -> None:
    clock, socket = Clock(trio.current_time, trio.current_time), Answering({"result": 1})
    conversation = Conversation(cast(WebSocket, socket), clock, deribit("desk").timers, lambda fact: None, 0.0)
    conversation.token = {"access_token": "at"}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(conversation.read)
        await conversation.ask("public/test", {})
        await conversation.ask("public/test", {})
        nursery.cancel_scope.cancel()
    assert [json.loads(text).get("params") for text in socket.sent] == [{}, {}]
    assert len({json.loads(text)["id"] for text in socket.sent}) == 2


async def probed(delay: float, seconds: float) -> list[float]:
    """When a conversation with a venue that answers after so many seconds asks for a sign of life."""
    clock, socket, at = Clock(trio.current_time, trio.current_time), Answering({"result": 1}, delay), list[float]()
    conversation = Conversation(cast(WebSocket, socket), clock, PROBING, lambda fact: None, 0.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(conversation.read)
        nursery.start_soon(conversation.probe)
        for _ in range(int(seconds * 10)):
            before = len(socket.sent)
            await trio.sleep(0.1)
            at += [round(trio.current_time(), 1)] * (len(socket.sent) - before)
        nursery.cancel_scope.cancel()
    return at


PROBING = replace(deribit("desk").timers, probe_interval=2.0, probe_timeout=3.0)


async def test_a_sign_of_life_is_asked_for_when_none_was_seen_for_a_while(autojump_clock: MockClock) -> None:
    assert await probed(0.5, 10.0) == pytest.approx([2.0, 4.5, 7.0, 9.5], abs=0.11)


async def test_a_venue_that_does_not_answer_it_in_time_is_given_up(autojump_clock: MockClock) -> None:
    assert len(await probed(2.9, 10.0)) == 2
    began_at = trio.current_time()
    with pytest.raises(Unavailable, match=r"nothing was answered for 3\.0 s"), ungrouped():
        await probed(3.5, 10.0)
    assert trio.current_time() == pytest.approx(began_at + 3.05)


async def test_while_the_venue_answers_something_it_is_not_asked_for_a_sign_of_life(autojump_clock: MockClock) -> None:
    clock, socket = Clock(trio.current_time, trio.current_time), Answering({"result": 1}, 0.1)
    conversation = Conversation(cast(WebSocket, socket), clock, PROBING, lambda fact: None, 0.0)

    async def chat() -> None:
        for _ in range(5):
            await trio.sleep(1.5)
            await conversation.ask("private/get_open_orders", {})

    async with trio.open_nursery() as nursery:
        nursery.start_soon(conversation.read)
        nursery.start_soon(conversation.probe)
        await chat()
        nursery.cancel_scope.cancel()
    assert [json.loads(text)["method"] for text in socket.sent] == ["private/get_open_orders"] * 5
