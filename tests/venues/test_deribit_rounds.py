"""One round of cancelling goes through all orders: one that cannot be cancelled delays no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from deadman.model import facts
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused, Setback, Unavailable, VenueError
from deadman.model.facts import Fact
from deadman.model.settings import REPLY_TIMEOUT, Selection
from deadman.simulator.exchange import Credits
from deadman.transport.dial import Pace
from deadman.venues.deribit.conversation import Conversation
from deadman.venues.deribit.orders import AFTER_BULK, Order, Orders
from deadman.venues.deribit.session import CANCEL_BURST
from deadman.venues.deribit.settings import CANCEL_RATE, LISTING_TIMEOUT
from deadman.venues.deribit.wire import Error, failure

QUOTES = Selection(label="quotes", kind="option")
LATENCY = 0.15
TIER = (1.0, 20.0, 5.0)
"""The matching credits of Deribit's lowest tier."""

UNANSWERED = Unavailable(Reason.SILENT, "private/cancel unanswered for 5.0 s")


def refusal(code: int, message: str = "some_words") -> VenueError:
    return failure("private/cancel", Error(code, message))


@dataclass
class Book:
    """A venue with orders in it.

    `stuck`: its answers to the cancel of an order; `bulk`: to a cancel of all, which else takes what is not stuck;
    `unlisted`: to a listing in the seconds of `unlisted_at`.
    """

    orders: dict[str, Order]
    stuck: Mapping[str, VenueError] = field(default_factory=dict)
    bulk: VenueError | None = None
    takes_all: bool = True
    unlisted_at: range = range(0)
    unlisted: VenueError = UNANSWERED
    latency: float = LATENCY
    asked: list[str] = field(default_factory=list)
    told: list[Fact] = field(default_factory=list)
    clock: Clock = field(default_factory=lambda: Clock(trio.current_time, trio.current_time))
    credits: Credits = field(default_factory=lambda: Credits({"matching": TIER}))

    def post(self, fact: Fact) -> None:
        self.told.append(fact)

    async def ask(self, method: str, params: Mapping[str, Any], within: float | None = None) -> Any:
        self.asked.append(method)
        costs = method == "private/cancel" or (not method.startswith("private/get") and "currency" in params)
        if costs and not self.credits.spend("desk", "matching", trio.current_time()):
            raise refusal(10028)
        await trio.sleep(self.latency)
        if method.startswith("private/get_open_orders"):
            if int(trio.current_time()) in self.unlisted_at:
                raise self.unlisted
            return list(self.orders.values())
        if method == "private/cancel":
            return await self._cancel(params["order_id"])
        if self.bulk is not None:
            raise self.bulk
        gone = [one for one in self.orders if one not in self.stuck and self.takes_all]
        return len([self.orders.pop(one) for one in gone])

    async def _cancel(self, order_id: str) -> Any:
        error = self.stuck.get(order_id)
        if error is UNANSWERED:
            await trio.sleep(REPLY_TIMEOUT)
        if error is not None:
            raise error
        if self.orders.pop(order_id, None) is None:
            raise refusal(10004, "order_not_found")
        return {"order_id": order_id, "order_state": "cancelled"}


def quotes(number: int, **other: Order) -> dict[str, Order]:
    names = [f"quote-{each}" for each in range(number)]
    return {name: order(name) for name in names} | other


def order(name: str, label: str = "quotes", instrument: str = "BTC-27MAR26-90000-C") -> Order:
    return {"order_id": name, "instrument_name": instrument, "order_type": "limit", "label": label}


def orders(book: Book, selection: Selection = QUOTES) -> Orders:
    return Orders(selection, cast(Conversation, book), Pace(CANCEL_BURST, CANCEL_RATE, trio.current_time))


async def test_a_label_with_a_kind_is_cancelled_order_by_order_and_no_other(autojump_clock: MockClock) -> None:
    others = {"hedge": order("hedge", "hedges"), "perp": order("perp", instrument="BTC-PERPETUAL")}
    book = Book(quotes(3, **others))
    done = await orders(book).cancel()
    assert (done.cancelled, done.remaining) == (3, 0)
    assert set(book.orders) == {"hedge", "perp"}


@pytest.mark.parametrize("finer", [{"type": "limit"}, {"kind": "option", "type": "limit"}])
async def test_a_label_with_a_type_takes_no_order_of_another(finer: dict[str, str], autojump_clock: MockClock) -> None:
    book = Book(quotes(2, stop={**order("stop"), "order_type": "stop_limit"}))
    await orders(book, Selection(label="quotes", **finer)).cancel()
    assert set(book.orders) == {"stop"}


@pytest.mark.parametrize(
    "resists",
    [refusal(code) for code in (10009, 10041, 10047, 11029, 11094, 13028, 13021, 99999)] + [UNANSWERED],
    ids=str,
)
@pytest.mark.parametrize("place", [0, 2, 5])
async def test_an_order_that_cannot_be_cancelled_delays_no_other_and_is_named(
    resists: VenueError, place: int, autojump_clock: MockClock
) -> None:
    stuck = f"quote-{place}"
    book = Book(quotes(6), {stuck: resists})
    done = await orders(book).cancel()
    assert set(book.orders) == {stuck}
    assert (done.cancelled, done.remaining, done.listed) == (5, 1, frozenset({stuck}))
    assert (done.resisting, done.words) == (1, resists.detail)


@pytest.mark.parametrize("code", [10004, 10010, 11044])
async def test_an_order_that_is_gone_already_is_neither_counted_nor_said_to_resist(
    code: int, autojump_clock: MockClock
) -> None:
    book = Book(quotes(3))
    singly = orders(book)

    async def fill() -> None:
        await trio.sleep(LATENCY + 0.01)
        del book.orders["quote-0"]
        book.stuck = {"quote-0": refusal(code)}

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fill)
        done = await singly.cancel()
    assert (done.cancelled, done.remaining, done.resisting) == (2, 0, 0)


@pytest.mark.parametrize("number", [1, 14, 40, 400])
@pytest.mark.parametrize("latency", [0.02, LATENCY, 4.9])
async def test_hundreds_of_orders_go_within_the_venues_credits_and_the_promise(
    number: int, latency: float, autojump_clock: MockClock
) -> None:
    book = Book(quotes(number), latency=latency)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(orders(book).cancel)
        await trio.sleep(LISTING_TIMEOUT + number / CANCEL_RATE + REPLY_TIMEOUT)
        assert not book.orders


@pytest.mark.parametrize(("number", "seconds"), [(15, 0.0), (16, 0.2), (20, 1.0)])
async def test_a_few_orders_go_at_once_and_a_quarter_of_the_venues_credits_is_left_to_the_bot(
    number: int, seconds: float, autojump_clock: MockClock
) -> None:
    book = Book(quotes(number), latency=0.0)
    await orders(book).cancel()
    assert trio.current_time() == pytest.approx(seconds, abs=0.01)


async def test_while_hundreds_of_orders_go_their_number_is_told(autojump_clock: MockClock) -> None:
    book = Book(quotes(200))
    await orders(book).cancel()
    counts = [fact.count for fact in book.told if isinstance(fact, facts.OrdersCounted) and fact.count is not None]
    assert len(counts) >= 3
    assert sum(isinstance(fact, facts.OrdersCounted) and fact.at <= 11.0 for fact in book.told) == 1
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize("error", [UNANSWERED, refusal(10028), refusal(13021)], ids=str)
async def test_a_listing_that_fails_while_orders_go_is_only_left_out(
    error: VenueError, autojump_clock: MockClock
) -> None:
    book = Book(quotes(200), unlisted_at=range(9, 15), unlisted=error)
    assert (await orders(book).cancel()).remaining == 0
    assert [fact.at // 10 for fact in book.told if isinstance(fact, facts.OrdersCounted)][:2] == [2.0, 3.0]


async def test_too_many_requests_end_the_round_and_the_next_is_slower(autojump_clock: MockClock) -> None:
    book = Book(quotes(60), {"quote-0": refusal(10028)})
    singly = orders(book)
    with pytest.raises(Unavailable, match="too many requests"):
        await singly.cancel()
    began_at = trio.current_time()
    book.stuck = {}
    left = len(book.orders)
    await singly.cancel()
    assert trio.current_time() - began_at > 1.5 * left / CANCEL_RATE
    assert not book.orders


@pytest.mark.parametrize("code", [13021, 13025, 13009])
async def test_a_key_that_may_cancel_nothing_is_told_as_such(code: int, autojump_clock: MockClock) -> None:
    book = Book(quotes(3), dict.fromkeys(quotes(3), refusal(code)))
    with pytest.raises((Refused, Unavailable), match=str(code)):
        await orders(book).cancel()


@pytest.mark.parametrize("error", [*map(refusal, (10041, 11029, 11094, 13028, -32601, 99999)), UNANSWERED], ids=str)
async def test_a_cancel_of_all_that_fails_over_an_empty_book_is_done(
    error: VenueError, autojump_clock: MockClock
) -> None:
    done = await orders(Book({}, bulk=error), Selection()).cancel()
    assert done.remaining == 0


@pytest.mark.parametrize(
    "error", [refusal(10028), Unavailable(Reason.CLOSED, "gone"), Unavailable(Reason.GARBLED, "?")], ids=str
)
async def test_what_ends_the_session_ends_the_round_before_anything_else_is_asked(
    error: VenueError, autojump_clock: MockClock
) -> None:
    book = Book(quotes(3), bulk=error)
    with pytest.raises(Unavailable) as raised:
        await orders(book, Selection()).cancel()
    assert raised.value is error
    assert book.asked == ["private/cancel_all"]


@pytest.mark.parametrize("error", [*map(refusal, (10041, 11029, -32601, 99999)), UNANSWERED], ids=str)
async def test_where_the_cancel_of_all_fails_orders_go_one_by_one(error: VenueError, autojump_clock: MockClock) -> None:
    book = Book(quotes(AFTER_BULK + 5), bulk=error)
    everything = orders(book, Selection())
    await everything.cancel()
    assert (await everything.cancel()).remaining == 0


async def test_a_cancel_of_all_that_fails_with_every_order_says_why_and_how_many_are_open(
    autojump_clock: MockClock,
) -> None:
    book = Book(quotes(3), dict.fromkeys(quotes(3), refusal(13028)), bulk=refusal(13028, "temporarily_unavailable"))
    with pytest.raises(Setback, match="temporarily_unavailable"):
        await orders(book, Selection()).cancel()
    assert [fact.count for fact in book.told if isinstance(fact, facts.OrdersCounted)] == [3]


async def test_what_a_cancel_of_all_leaves_is_tried_singly_and_all_of_it_in_turn(autojump_clock: MockClock) -> None:
    """Nothing is known of why they stay: the single answers tell, and one that can go does not wait for the others."""
    names = list(quotes(40))
    book = Book(quotes(40), dict.fromkeys(names[:-1], refusal(11029, "not_now")), takes_all=False)
    everything = orders(book, Selection())
    done = [await everything.cancel() for _ in range(3)]
    assert set(book.orders) == set(names[:-1])
    assert all(each.resisting == AFTER_BULK and "not_now" in each.words for each in done[:2])


async def test_rounds_after_rounds_over_orders_that_stay_never_run_the_venues_credits_dry(
    autojump_clock: MockClock,
) -> None:
    """A cancel of one currency is paid from the same credits as single ones; twice a second, as a trip's rounds are."""
    stuck = quotes(3)
    book = Book(stuck, dict.fromkeys(stuck, refusal(11044)), latency=0.0)
    of_one_currency = orders(book, Selection(currency="BTC"))
    for _ in range(60):
        done = await of_one_currency.cancel()
        assert (done.resisting, "11044" in done.words) == (3, True)
        await trio.sleep(0.5)
    assert trio.current_time() < 60.0
