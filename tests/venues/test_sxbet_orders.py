"""SX Bet's open orders: counted page by page as it lists them, and none open only where a list says so."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from deadman.model import facts
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Unavailable
from deadman.model.facts import Fact
from deadman.transport.http import Answer
from deadman.venues.sxbet.conversation import Conversation
from deadman.venues.sxbet.orders import Orders
from deadman.venues.sxbet.settings import SxBetAccount
from tests.support.boards import sxbet

WALLET = "0xAbCdEf0000000000000000000000000000000001"
V3 = sxbet("maker")
V2 = replace(V3, api="v2", requestor=WALLET)


@dataclass
class Venue:
    """Answers with one body after another, the last one again and again."""

    bodies: list[Any]
    asked: list[tuple[str, str]] = field(default_factory=list)
    told: list[Fact] = field(default_factory=list)
    clock: Clock = field(default_factory=lambda: Clock(lambda: 7.0, lambda: 7.0))

    def post(self, fact: Fact) -> None:
        self.told.append(fact)

    async def ask(self, method: str, path: str) -> Answer:
        self.asked.append((method, path))
        body = self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0]
        return Answer(200, {}, json.dumps(body).encode())

    def orders(self, account: SxBetAccount = V3) -> Orders:
        return Orders(account, cast(Conversation, self))


def page(number: int, following: str | None = None) -> dict[str, Any]:
    orders = [{"orderHash": f"0x{each}", "maker": WALLET} for each in range(number)]
    return {"status": "success", "data": {"orders": orders} | ({"nextKey": following} if following else {})}


async def test_v3_lists_by_key_page_by_page() -> None:
    venue = Venue([page(100, "a&b"), page(100, "c"), page(3)])
    assert await venue.orders().count() == 203
    paths = ["/orders-v3?perPage=100", "/orders-v3?perPage=100&nextKey=a%26b", "/orders-v3?perPage=100&nextKey=c"]
    assert venue.asked == [("GET", path) for path in paths]


async def test_a_list_without_an_end_is_given_up_after_so_many_pages() -> None:
    venue = Venue([page(2, "again")])
    assert await venue.orders().count() == 2 * 20
    assert len(venue.asked) == 20


async def test_v2_lists_by_wallet_in_one() -> None:
    venue = Venue([{"status": "success", "data": [{"orderHash": "0x1"}, {"orderHash": "0x2"}]}])
    assert await venue.orders(V2).count() == 2
    assert venue.asked == [("GET", f"/orders?maker={WALLET}&perPage=1000")]


@pytest.mark.parametrize("account", [V2, V3])
@pytest.mark.parametrize("body", [None, 0, "none", {}, {"status": "success"}, {"status": "success", "data": {}}])
async def test_what_is_no_list_never_reads_as_none_open(account: SxBetAccount, body: Any) -> None:
    with pytest.raises(Unavailable) as raised:
        await Venue([body]).orders(account).count()
    assert raised.value.reason is Reason.GARBLED
    assert "orders" in raised.value.detail


async def test_a_list_tells_whose_orders_they_are() -> None:
    venue = Venue([page(1)])
    await venue.orders().count()
    assert venue.told == [facts.Identified(7.0, WALLET.lower())]
    assert await venue.orders().look() == (WALLET.lower(), 1)
    assert await Venue([page(0)]).orders().look() == (None, 0)
    assert await Venue([page(100, "a")]).orders().look() == (WALLET.lower(), None), "there is more"
    asked = len(venue.asked)
    assert await venue.orders(V2).look() == (WALLET.lower(), None)
    assert len(venue.asked) == asked, "the config names it"


def took(*names: str, more: bool = False) -> dict[str, Any]:
    return {"data": {"cancelledSubmitted": [{"orderId": name} for name in names], "hasMore": more}}


def counted(number: int, *unsure: str) -> dict[str, Any]:
    return {"data": {"cancelledCount": number, "notCancelled": list(unsure)}}


@pytest.mark.parametrize(
    ("answers", "rounds"),
    [
        ([took("a", "b"), took("b", "c"), took("a")], [(2, None), (1, None), (0, None)]),
        ([took("a", "b", more=True), took("b", "c"), took("c")], [(3, None), (0, None)]),
        ([counted(3), counted(2, "x")], [(3, 0), (2, 1)]),
        ([took("a"), counted(2), took("a", "b")], [(1, None), (2, 0), (1, None)]),
        ([None], [(0, None)]),
    ],
)
async def test_each_order_counts_once_as_taken_however_often_the_venue_names_it(
    answers: list[Any], rounds: list[tuple[int, int | None]]
) -> None:
    venue = Venue(answers)
    orders = venue.orders()
    assert [await orders.cancel() for _ in rounds] == rounds


async def test_a_cancel_that_always_leaves_more_is_given_up_after_so_many_pages() -> None:
    venue = Venue([took("a", more=True)])
    assert await venue.orders().cancel() == (1, None)
    assert venue.asked == [("DELETE", "/orders-v3/all")] * 20
