"""Orders that vanish while nobody looks are missed; what a bot, an operator or a trip does is not called that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deadman.model import facts
from deadman.model.errors import Reason
from deadman.model.facts import Cause, Fact
from deadman.model.guard import Guard
from deadman.model.proof import Coverage, Proof
from deadman.model.sight import Sight
from deadman.model.trip import LAG, Book, Gone, Trip
from tests.support.histories import fold

OPENED = facts.SessionOpened(0.0, can_cancel=True)
ON = facts.Proven(0.5, Proof(0.0, 65.0, Coverage.INHERITED))
LEASED = facts.Proven(0.5, Proof(0.0, 10.0, Coverage.LEASE))
LEASED_AGAIN = facts.Proven(20.5, Proof(20.0, 10.0, Coverage.LEASE))
MANY = facts.OrdersCounted(5.0, 39)
NONE = facts.OrdersCounted(21.0, 0)
FEWER = facts.OrdersCounted(21.0, 30)
LOST = facts.Lost(6.0, Reason.CLOSED)
BACK = facts.SessionOpened(20.0, can_cancel=True)
SILENT = facts.Tripped(7.0, Cause.SILENCE, "quoter")


def gone(*history: Fact) -> Gone | None:
    return fold(history).book.gone


def test_orders_that_are_all_gone_after_a_lost_session_are_missed() -> None:
    assert gone(OPENED, ON, MANY, LOST, BACK, NONE) == Gone(21.0, 39, 5.0, lapsed=False)


@pytest.mark.parametrize("end", [facts.SessionClosed(6.0), facts.TurnedAway(6.0, Reason.CREDENTIALS, "")])
def test_whatever_ended_the_session(end: Fact) -> None:
    assert gone(OPENED, ON, MANY, end, BACK, NONE) == Gone(21.0, 39, 5.0, lapsed=False)


def test_orders_that_are_gone_after_our_own_absence_are_missed() -> None:
    assert gone(facts.OrdersRemembered(1.0, 39, -50.0), OPENED, ON, NONE) == Gone(21.0, 39, -50.0, lapsed=False)
    assert gone(OPENED, ON, MANY, facts.Doubted(6.0, "the host slept"), NONE) == Gone(21.0, 39, 5.0, lapsed=False)


@pytest.mark.parametrize("count", [0, 30])
def test_orders_that_went_with_a_lease_that_ran_out_are_missed_though_some_were_placed_since(count: int) -> None:
    missed = Gone(21.0, 39 - count, 5.0, lapsed=True)
    assert gone(OPENED, LEASED, MANY, replace(NONE, count=count)) == missed
    assert gone(OPENED, LEASED, MANY, LEASED_AGAIN, replace(NONE, count=count)) == missed


def test_a_venue_that_is_slow_to_cancel_after_a_lease_is_waited_for() -> None:
    late = facts.OrdersCounted(29.0, 0)
    listed = facts.OrdersCounted(24.0, 39)
    assert gone(OPENED, LEASED, MANY, LEASED_AGAIN, listed, late) == Gone(29.0, 39, listed.at, lapsed=True)
    assert gone(OPENED, LEASED, MANY, LEASED_AGAIN, replace(listed, at=25.0), late) is None


def test_orders_that_may_have_gone_unseen_are_to_be_listed_at_once() -> None:
    def unsure(*history: Fact) -> bool:
        return fold(history).book.is_unsure

    doubted = facts.Doubted(6.0, "the host slept")
    assert not unsure(OPENED, ON, MANY)
    assert unsure(OPENED, ON, MANY, LOST, BACK)
    assert unsure(OPENED, ON, MANY, doubted)
    assert unsure(OPENED, ON, MANY, doubted, facts.OrdersCounted(7.0, None))
    assert not unsure(OPENED, ON, MANY, doubted, FEWER)
    assert not unsure(OPENED, ON, replace(MANY, count=0), doubted)
    assert unsure(OPENED, LEASED, MANY, LEASED_AGAIN)
    assert unsure(OPENED, LEASED, MANY, LEASED_AGAIN, replace(MANY, at=10.0 + LAG - 1.0))
    assert not unsure(OPENED, LEASED, MANY, LEASED_AGAIN, replace(MANY, at=10.0 + LAG))


def test_orders_that_go_while_we_watch_are_the_bots_own_affair() -> None:
    assert gone(OPENED, ON, MANY, NONE) is None
    assert gone(OPENED, LEASED, MANY, facts.OrdersCounted(9.0, 0)) is None


def test_a_lease_hangs_on_no_session() -> None:
    assert gone(OPENED, LEASED, MANY, LOST, facts.OrdersCounted(9.0, 0)) is None


def test_fewer_orders_after_a_lost_session_are_no_news_of_themselves() -> None:
    assert gone(OPENED, ON, MANY, LOST, BACK, FEWER) is None


def test_orders_that_the_venue_says_it_cancelled_by_itself_are_missed_though_others_stay() -> None:
    missed = gone(OPENED, ON, MANY, LOST, BACK, replace(FEWER, by_venue=7, accounted=2))
    assert missed == Gone(21.0, 7, 5.0, lapsed=False)


def test_orders_that_were_filled_or_cancelled_by_request_are_not_missed() -> None:
    assert gone(OPENED, ON, MANY, LOST, BACK, replace(NONE, accounted=9)) == Gone(21.0, 30, 5.0, lapsed=False)
    assert gone(OPENED, ON, MANY, LOST, BACK, replace(NONE, accounted=39)) is None


def test_orders_that_the_venue_told_of_cancelling_are_not_unseen() -> None:
    assert gone(OPENED, ON, MANY, facts.VenueFired(5.5, 39), LOST, BACK, NONE) is None
    assert gone(OPENED, ON, MANY, facts.VenueFired(5.5, 30), LOST, BACK, NONE) == Gone(21.0, 9, 5.0, lapsed=False)


KNOWN: list[tuple[Fact, ...]] = [
    (SILENT,),
    (SILENT, facts.RoundDone(8.0, 39, 0), facts.TripDone(8.0, presumed=False)),
    (facts.Disarmed(7.0, "alice"),),
]


@pytest.mark.parametrize("words", KNOWN)
@pytest.mark.parametrize("proof", [ON, LEASED])
def test_a_trip_and_a_disarm_take_orders_that_nobody_misses(words: tuple[Fact, ...], proof: Fact) -> None:
    assert gone(OPENED, proof, MANY, LOST, *words, BACK, NONE) is None


def test_what_a_trip_has_cancelled_is_not_missed_when_it_is_over() -> None:
    done = (facts.RoundDone(8.0, 39, 0), facts.TripDone(8.0, presumed=False), facts.Rearmed(9.0, "quoter"))
    assert gone(OPENED, ON, MANY, SILENT, *done, facts.Lost(10.0, Reason.CLOSED), BACK, NONE) is None
    presumed = (facts.TripDone(12.0, presumed=True), facts.Rearmed(13.0, "quoter"))
    assert gone(OPENED, LEASED, MANY, SILENT, *presumed, LEASED_AGAIN, NONE) is None


def test_a_lease_that_was_let_go_takes_orders_that_nobody_misses() -> None:
    assert gone(OPENED, LEASED, MANY, facts.Awaited(6.0), NONE) is None
    assert gone(OPENED, LEASED, MANY, facts.Awaited(6.0), facts.BotSeen(19.0), LEASED_AGAIN, NONE) is None


def test_a_listing_that_cannot_be_read_is_waited_for() -> None:
    unread = replace(NONE, count=None)
    assert gone(OPENED, ON, MANY, LOST, BACK, unread) is None
    assert gone(OPENED, ON, MANY, LOST, BACK, unread, replace(NONE, at=50.0)) == Gone(50.0, 39, 5.0, lapsed=False)


def test_what_is_missed_is_missed_once() -> None:
    guard: Guard = fold([OPENED, ON, MANY, LOST, BACK, NONE, LOST, BACK, replace(NONE, at=40.0)])
    assert guard.book.gone == Gone(21.0, 39, 5.0, lapsed=False)


@pytest.mark.parametrize(
    ("book", "count", "by_venue", "accounted", "orders", "lapsed"),
    [
        (Book(5, 10.0, unwatched=True), 0, 0, 0, 5, False),
        (Book(5, 10.0, unwatched=True), 1, 0, 0, 0, False),
        (Book(5, 10.0, unwatched=True), 1, 3, 0, 3, False),
        (Book(5, 10.0, unwatched=True), 3, 9, 0, 2, False),
        (Book(5, 10.0, unwatched=True), 0, 3, 2, 3, False),
        (Book(5, 10.0, unwatched=True), 0, 0, 9, 0, False),
        (Book(5, 10.0), 0, 5, 0, 0, False),
        (Book(5, 10.0), 7, 0, 0, 0, False),
        (Book(None, 10.0, unwatched=True), 3, 0, 0, 0, False),
        (Book(5, 10.0, lapsed_at=10.5), 2, 0, 0, 3, True),
        (Book(5, 10.0, lapsed_at=10.0), 2, 0, 0, 0, False),
        (Book(5, 10.0, lapsed_at=9.0), 2, 0, 0, 0, False),
        (Book(5, 10.0, lapsed_at=9.0), 0, 0, 0, 5, True),
        (Book(5, 24.0, lapsed_at=9.0), 0, 0, 0, 0, False),
        (Book(5, 23.9, lapsed_at=9.0), 0, 0, 1, 4, True),
    ],
)
def test_how_many_went_unseen_by_one_more_listing(
    book: Book, count: int, by_venue: int, accounted: int, orders: int, lapsed: bool
) -> None:
    before = Gone(1.0, 1, 0.0, lapsed=False)
    after = replace(book, gone=before).listed(count, 50.0, by_venue, accounted)
    missed = Gone(50.0, orders, book.listed_at, lapsed) if orders else before
    assert after == Book(count, 50.0, lapsed_at=book.lapsed_at, gone=missed)


def test_a_count_that_we_had_a_hand_in_is_only_compared_with() -> None:
    missed = Gone(1.0, 1, 0.0, lapsed=False)
    known = Book(5, 10.0, unwatched=True, lapsed_at=9.0, gone=missed).known(2, 20.0)
    assert known == Book(2, 20.0, gone=missed)


TRIP = Trip(10.0, Cause.OPERATOR, "alice", "")


@pytest.mark.parametrize(
    ("rounds", "placed", "placed_at"),
    [
        ([facts.RoundDone(11.0, 2, 3)], 0, None),
        ([facts.RoundDone(11.0, 2, 3), facts.RoundDone(12.0, 2, 5)], 2, 12.0),
        ([facts.RoundDone(11.0, 2, 3), facts.RoundDone(12.0, 2, 1)], 0, None),
        ([facts.RoundDone(11.0, 2, 3), facts.RoundDone(12.0, 2, None)], 0, None),
        ([facts.RoundDone(11.0, 2, None), facts.RoundDone(12.0, 2, 5)], 0, None),
        (
            [facts.RoundDone(11.0, 2, 1, listed=frozenset("a")), facts.RoundDone(12.0, 2, 1, listed=frozenset("b"))],
            1,
            12.0,
        ),
        (
            [
                facts.RoundDone(11.0, 2, 1, listed=frozenset("a")),
                facts.RoundDone(12.0, 2, 1),
                facts.RoundDone(13.0, 0, 1),
            ],
            0,
            None,
        ),
        (
            [
                facts.RoundDone(11.0, 2, 1, listed=frozenset("a")),
                facts.RoundDone(12.0, 2, 2, listed=frozenset("ab")),
                facts.RoundDone(13.0, 2, 2, listed=frozenset("ab")),
            ],
            1,
            12.0,
        ),
    ],
)
def test_what_is_listed_after_a_round_and_was_not_before_it_was_placed_meanwhile(
    rounds: list[facts.RoundDone], placed: int, placed_at: float | None
) -> None:
    trip = TRIP
    for done in rounds:
        trip = trip.after(done)
    assert (trip.placed, trip.placed_at) == (placed, placed_at)
    assert (trip.rounds, trip.cancelled) == (len(rounds), sum(done.cancelled for done in rounds))
    assert trip.is_fed(12.0 + 29.9) is (placed_at is not None)
    assert not trip.is_fed(12.0 + 30.0)


def test_a_round_is_told_by_the_last_and_what_it_left_by_the_last_that_was_listed() -> None:
    trip = TRIP.after(facts.RoundDone(11.0, 2, 1, 1, "11029", frozenset("a"))).after(facts.RoundDone(12.0, 0, None))
    assert (trip.remaining, trip.resisting, trip.words, trip.left) == (None, 0, "", frozenset("a"))
    assert trip.under_way
    assert not replace(trip, done_at=13.0).under_way


def test_a_witness_misses_no_orders_which_are_the_desks_to_miss() -> None:
    witness: list[Fact] = [facts.Sighted(0.0, Sight("alpha", 15.0, 0.0)), OPENED, MANY, LOST, BACK, NONE]
    assert gone(*witness) is None
    assert fold(witness).open_orders == 0
