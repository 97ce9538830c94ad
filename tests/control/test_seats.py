"""Nobody's questions fill the loop."""

from __future__ import annotations

from deadman.control.server import ANSWER_PAUSE, FOR_READERS, PER_USER, SHARE, Seats
from deadman.transport.peers import Peer


def test_what_takes_the_loop_long_is_asked_for_less_often() -> None:
    clock, seats = iter([10.0, 10.018, 20.0, 20.0001]), Seats()
    with seats.charged(lambda: next(clock)):
        pass
    assert seats.rest == SHARE * (10.018 - 10.0)
    with seats.charged(lambda: next(clock)):
        pass
    assert seats.rest == ANSWER_PAUSE


def test_all_seats_of_readers_together_leave_the_loop_half_free() -> None:
    cost, seats = 0.018, Seats()
    clock = iter([0.0, cost])
    with seats.charged(lambda: next(clock)):
        pass
    assert FOR_READERS * cost / (cost + seats.rest) <= 0.5
    assert PER_USER * cost / (cost + seats.rest) <= 0.125
    with seats.seat(Peer(1, 1), is_operator=False):
        assert seats.readers == 1
