"""What a trip knows of the orders it cannot end: those that resist, and those that are placed while it lasts."""

from __future__ import annotations

from deadman.model import facts
from deadman.model.facts import Cause
from deadman.model.trip import FED, Trip
from tests.support.histories import fold

SILENT = facts.Tripped(1.0, Cause.SILENCE, "quoter")
TRIGGERED = facts.Tripped(9.0, Cause.TRIGGER, "quoter")


def tripped(*history: facts.Fact) -> Trip:
    trip = fold([SILENT, *history]).trip
    assert trip is not None
    return trip


def left(at: float, *ids: str) -> facts.RoundDone:
    return facts.RoundDone(at, 1, len(ids), listed=frozenset(ids))


def test_orders_left_by_the_first_round_are_no_sign_that_something_places_them() -> None:
    trip = tripped(left(2.0, "a", "b"))
    assert (trip.placed, trip.is_fed(2.0)) == (0, False)


def test_orders_that_stay_round_after_round_are_placed_by_nobody() -> None:
    trip = tripped(*(left(2.0 + each, "a", "b") for each in range(100)))
    assert (trip.placed, trip.is_fed(102.0)) == (0, False)


def test_an_order_that_was_not_there_after_the_last_round_was_placed_since() -> None:
    trip = tripped(left(2.0, "a"), left(3.0, "a", "b"), left(4.0, "c"))
    assert (trip.placed, trip.placed_at) == (2, 4.0)
    assert trip.is_fed(4.0 + FED - 0.1)
    assert not trip.is_fed(4.0 + FED)


def test_a_round_that_could_not_be_read_is_no_sign_of_new_orders() -> None:
    unread = facts.RoundDone(3.0, 0, None)
    assert tripped(left(2.0, "a"), unread, left(4.0, "a")).placed == 0
    assert tripped(left(2.0, "a"), unread, left(4.0, "b")).placed == 1, "what was left before it is known still"


def test_where_no_ids_are_known_more_orders_than_before_were_placed() -> None:
    same = tripped(facts.RoundDone(2.0, 0, 3), facts.RoundDone(3.0, 0, 3))
    more = tripped(facts.RoundDone(2.0, 0, 3), facts.RoundDone(3.0, 0, 5))
    assert (same.placed, more.placed) == (0, 2)
    assert tripped(facts.RoundDone(2.0, 0, 3)).placed == 0


def test_what_resisted_in_the_last_round_is_named_and_forgotten_when_it_is_gone() -> None:
    resisting = facts.RoundDone(2.0, 4, 1, 1, "11029 not_now", frozenset("a"))
    assert (tripped(resisting).resisting, tripped(resisting).words) == (1, "11029 not_now")
    assert (tripped(resisting, left(3.0)).resisting, tripped(resisting, left(3.0)).words) == (0, "")


def test_a_trigger_after_a_trip_starts_anew_what_is_known_of_the_orders() -> None:
    trip = tripped(left(2.0, "a"), left(3.0), facts.TripDone(3.0, False), TRIGGERED, left(9.5, "b", "c"))
    assert (trip.placed, trip.rounds, trip.cancelled) == (0, 3, 3)
