"""Which orders a trip cancels on Deribit: exactly the configured ones, by one method, counted by the same yardstick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import trio
import trio.lowlevel

from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused, Setback, Unavailable
from deadman.model.facts import Fact, Round
from deadman.model.settings import Selection
from deadman.transport.dial import Pace
from deadman.venues.deribit.conversation import Conversation
from deadman.venues.deribit.orders import Ended, Order, Orders, ask_ended
from deadman.venues.deribit.settings import LISTING_TIMEOUT

LIST = "private/get_open_orders"
LIST_BY_CURRENCY = "private/get_open_orders_by_currency"


@dataclass
class Venue:
    """Answers by method, and keeps what it was asked."""

    answers: Mapping[str, Any]
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    patience: list[float | None] = field(default_factory=list)
    told: list[Fact] = field(default_factory=list)
    clock: Clock = field(default_factory=lambda: Clock(trio.current_time, trio.current_time))

    def post(self, fact: Fact) -> None:
        self.told.append(fact)

    async def ask(self, method: str, params: Mapping[str, Any], within: float | None = None) -> Any:
        self.asked.append((method, dict(params)))
        self.patience.append(within)
        answer = self.answers[method]
        if isinstance(answer, Exception):
            raise answer
        return answer


def orders(venue: Venue, **selection: str) -> Orders:
    return Orders(Selection(**selection), cast(Conversation, venue), Pace(15.0, 5.0, trio.current_time))


def order(name: str, kind: str = "limit", label: str = "") -> Order:
    return {"order_id": name, "instrument_name": name, "order_type": kind, "label": label}


CANCELS: list[tuple[dict[str, str], str, dict[str, str]]] = [
    ({}, "private/cancel_all", {}),
    ({"currency": "BTC"}, "private/cancel_all_by_currency", {"currency": "BTC"}),
    (
        {"currency": "BTC", "kind": "option"},
        "private/cancel_all_by_currency",
        {"currency": "BTC", "kind": "option"},
    ),
    (
        {"currency": "BTC", "kind": "future", "type": "limit"},
        "private/cancel_all_by_currency",
        {"currency": "BTC", "kind": "future", "type": "limit"},
    ),
    ({"kind": "option"}, "private/cancel_all_by_kind_or_type", {"currency": "any", "kind": "option"}),
    ({"type": "stop"}, "private/cancel_all_by_kind_or_type", {"currency": "any", "type": "stop"}),
    ({"label": "quotes"}, "private/cancel_by_label", {"label": "quotes"}),
    ({"label": "quotes", "currency": "ETH"}, "private/cancel_by_label", {"label": "quotes", "currency": "ETH"}),
]


@pytest.mark.parametrize(("selection", "method", "params"), CANCELS)
async def test_each_selection_is_cancelled_by_the_one_method_that_takes_exactly_it(
    selection: dict[str, str], method: str, params: dict[str, str]
) -> None:
    venue = Venue({method: 4, LIST: [], LIST_BY_CURRENCY: []})
    assert await orders(venue, **selection).cancel() == Round(4, 0, listed=frozenset())
    assert [asked for asked in venue.asked if "cancel" in asked[0]] == [(method, params)]


@pytest.mark.parametrize("result", [None, "ok", True, [], {"cancelled": 3}, 2.5])
async def test_a_count_the_venue_does_not_tell_is_none_that_we_claim(result: Any) -> None:
    done = await orders(Venue({"private/cancel_all": result})).cancel(can_list=False)
    assert (done.cancelled, done.remaining) == (0, None)


@pytest.mark.parametrize(
    ("selection", "method", "params"),
    [
        ({}, LIST, {}),
        ({"kind": "option"}, LIST, {"kind": "option"}),
        ({"label": "quotes"}, LIST, {}),
        ({"type": "stop"}, LIST, {}),
        ({"currency": "BTC"}, LIST_BY_CURRENCY, {"currency": "BTC"}),
        ({"currency": "BTC", "kind": "future"}, LIST_BY_CURRENCY, {"currency": "BTC", "kind": "future"}),
    ],
)
async def test_the_listing_is_narrowed_as_the_venue_can_with_time_for_thousands(
    selection: dict[str, str], method: str, params: dict[str, str]
) -> None:
    venue = Venue({method: []})
    assert await orders(venue, **selection).count() == 0
    assert venue.asked == [(method, params)]
    assert venue.patience == [LISTING_TIMEOUT]


TYPES = ("limit", "market", "stop_limit", "stop_market", "take_limit", "take_market", "trailing_stop")


@pytest.mark.parametrize(
    ("type_", "left"),
    [
        ("all", set(TYPES)),
        ("limit", {"limit"}),
        ("stop", {"stop_limit", "stop_market"}),
        ("trailing_stop", {"trailing_stop"}),
        ("take", {"take_limit", "take_market"}),
        ("trigger_all", {"stop_limit", "stop_market", "take_limit", "take_market", "trailing_stop"}),
    ],
)
async def test_only_orders_of_the_selected_type_count_as_left(type_: str, left: set[str]) -> None:
    listed = [order(kind, kind) for kind in TYPES]
    open_orders = await orders(Venue({LIST: listed}), type=type_).open()
    assert {found["order_type"] for found in open_orders} == left


KINDS = {
    "future": {"BTC-PERPETUAL", "SOL_USDC-PERPETUAL", "BTC-27MAR26", "ETH_USDC-26JUN26"},
    "option": {"BTC-27MAR26-100000-C", "SOL_USDC-27MAR26-90-P"},
    "spot": {"BTC_USDC"},
    "combo": {"BTC-FS-27MAR26_PERP", "BTC-STRG-27MAR26-90000_100000"},
}


@pytest.mark.parametrize("kind", ["future", "option", "spot", "future_combo", "option_combo"])
async def test_orders_of_another_kind_are_not_waited_for_though_the_venue_lists_them(kind: str) -> None:
    listed = [order(name) for names in KINDS.values() for name in names]
    found = await orders(Venue({LIST: listed}), kind=kind).open()
    assert {each["instrument_name"] for each in found} == KINDS["combo" if kind.endswith("combo") else kind]


async def test_only_orders_of_exactly_the_selected_label_count_as_left() -> None:
    listed = [order("1", label="quotes"), order("2", label="quotes2"), order("3", label=""), {"order_id": "4"}]
    open_orders = await orders(Venue({LIST: listed}), label="quotes").open()
    assert [found["order_id"] for found in open_orders] == ["1"]


async def test_an_order_that_tells_no_type_counts_as_left_rather_than_gone() -> None:
    assert await orders(Venue({LIST: [{"order_id": "1"}]}), type="limit").count() == 1
    assert await orders(Venue({LIST: [{"order_id": "1"}]}), type="stop").count() == 1
    assert await orders(Venue({LIST: [{"order_id": "1", "order_type": ["market"]}]}), type="limit").count() == 1


@pytest.mark.parametrize(
    ("currency", "left"),
    [
        ("BTC", {"BTC-PERPETUAL", "BTC-27MAR26-100000-C", "BTC_USDC"}),
        ("USDC", {"SOL_USDC-PERPETUAL", "BTC_USDC", "ETH_USDC-26JUN26"}),
        ("ETH", {"ETH-PERPETUAL"}),
        ("SOL", set[str]()),
    ],
)
async def test_where_the_venue_lists_by_no_currency_it_is_told_from_the_instrument(
    currency: str, left: set[str]
) -> None:
    names = (
        *("BTC-PERPETUAL", "BTC-27MAR26-100000-C", "ETH-PERPETUAL"),
        *("SOL_USDC-PERPETUAL", "BTC_USDC", "ETH_USDC-26JUN26"),
    )
    venue = Venue(
        {
            LIST_BY_CURRENCY: Refused(Reason.UNSUPPORTED, "no such method"),
            LIST: [order(name) for name in names],
        }
    )
    open_orders = await orders(venue, currency=currency).open()
    assert {found["instrument_name"] for found in open_orders} == left


async def test_a_listing_that_is_only_late_is_not_asked_for_in_another_way() -> None:
    venue = Venue({LIST_BY_CURRENCY: Setback(Reason.VENUE_ERROR, "settlement")})
    with pytest.raises(Setback):
        await orders(venue, currency="BTC").count()
    assert len(venue.asked) == 1


@pytest.mark.parametrize("result", [None, "none", {}, {"orders": []}, [None], ["1"], [order("1"), 5], 0])
async def test_what_is_no_list_of_orders_never_reads_as_none_open(result: Any) -> None:
    with pytest.raises(Unavailable, match="not a list of orders"):
        await orders(Venue({LIST: result})).count()


NAMELESS: Order = {"order_id": "nameless", "order_type": "limit", "label": "quotes"}
TYPELESS: Order = {"order_id": "typeless", "instrument_name": "BTC-PERPETUAL", "label": "quotes"}


@pytest.mark.parametrize(
    ("selection", "cancelled"),
    [
        ({"label": "quotes", "type": "limit"}, {"nameless"}),
        ({"label": "quotes", "kind": "future"}, {"typeless"}),
        ({"label": "quotes", "kind": "future", "type": "limit"}, set()),
    ],
)
async def test_an_order_that_does_not_say_what_the_selection_asks_for_is_left_and_not_singled_out(
    selection: dict[str, str], cancelled: set[str]
) -> None:
    venue = Venue({LIST: [NAMELESS, TYPELESS], "private/cancel": {}})
    done = await orders(venue, **selection).cancel()
    assert {params["order_id"] for method, params in venue.asked if method == "private/cancel"} == cancelled
    assert (done.cancelled, done.remaining) == (len(cancelled), 2)


@dataclass
class Gone:
    """Says of each order what became of it; `at_once` is how many were asked about together at most."""

    states: Mapping[str, Any]
    asked: list[str] = field(default_factory=list)
    under_way: int = 0
    at_once: int = 0

    async def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        assert method == "private/get_order_state"
        self.asked.append(params["order_id"])
        self.under_way += 1
        self.at_once = max(self.at_once, self.under_way)
        await trio.lowlevel.checkpoint()
        self.under_way -= 1
        said = self.states.get(params["order_id"], {"order_state": "filled"})
        if isinstance(said, Exception):
            raise said
        return said


def cancelled(reason: str | None) -> dict[str, str]:
    return {"order_state": "cancelled"} | ({"cancel_reason": reason} if reason else {})


@pytest.mark.parametrize(
    ("said", "by_venue", "accounted"),
    [
        (cancelled("cancel_on_disconnect"), 1, 0),
        (cancelled("liquidation"), 1, 0),
        (cancelled("user_request"), 0, 1),
        (cancelled(None), 0, 1),
        ({"order_state": "filled"}, 0, 1),
        ({"order_state": "filled", "cancel_reason": "cancel_on_disconnect"}, 0, 1),
        ({"order_state": "rejected"}, 0, 1),
        ({"order_state": "open"}, 0, 0),
        ({"order_state": 5}, 0, 0),
        ({}, 0, 0),
        (None, 0, 0),
        (Refused(Reason.SCOPE, "13021"), 0, 0),
        (Setback(Reason.VENUE_ERROR, "10004"), 0, 0),
        (Unavailable(Reason.SILENT, "no answer"), 0, 0),
    ],
)
async def test_what_became_of_an_order_that_is_not_listed_any_more(said: Any, by_venue: int, accounted: int) -> None:
    venue = Gone({"b": said})
    assert await ask_ended(cast(Conversation, venue), {"a", "b", "c"}) == Ended(by_venue, 2 + accounted)
    assert sorted(venue.asked) == ["a", "b", "c"]


@pytest.mark.parametrize(("number", "asked", "at_once"), [(9, 9, 9), (40, 40, 10), (41, 40, 10), (300, 40, 10)])
async def test_of_many_only_so_many_are_asked_about_and_few_at_once(number: int, asked: int, at_once: int) -> None:
    venue = Gone({})
    ended = await ask_ended(cast(Conversation, venue), {f"{each:03}" for each in range(number)})
    assert (ended, len(venue.asked), venue.at_once) == (Ended(0, asked), asked, at_once)
