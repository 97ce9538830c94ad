"""A round of cancelling on SX Bet: only the venue's list says that nothing is open, whatever became of the request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, cast

import pytest
import trio
from trio.testing import MockClock

from deadman.model import facts
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused, Setback, Unavailable, VenueError
from deadman.model.facts import Fact, Round
from deadman.model.settings import OnTrip
from deadman.venues.sxbet.conversation import Conversation
from deadman.venues.sxbet.orders import Orders
from deadman.venues.sxbet.session import COUNT_INTERVAL, TWO_TRIES, VENUE_LAG, Marks, SxBetSession
from deadman.venues.sxbet.settings import CUT
from deadman.venues.sxbet.switch import Switch
from tests.support.boards import sxbet

Kind = TypeVar("Kind")

SILENT = Unavailable(Reason.SILENT, "no answer")
BROKEN = Unavailable(Reason.VENUE_ERROR, "500")
GARBLED = Unavailable(Reason.GARBLED, "a page")
LIMITED = Unavailable(Reason.RATE_LIMITED, "429", 20.0)
RETIRED = Refused(Reason.RETIRED, "404")
FORBIDDEN = Refused(Reason.FORBIDDEN, "403")
OTHERWISE = Setback(Reason.GARBLED, "another number")

MAKER = sxbet("maker")


@dataclass
class Venue:
    """Its list, what it says to a cancel, and to a cut: each a result, or an error to raise."""

    listed: int | VenueError = 0
    cancelled: tuple[int, int | None] | VenueError = (0, 0)
    cut_by: VenueError | None = None
    done: list[str] = field(default_factory=list)
    told: list[Fact] = field(default_factory=list)
    clock: Clock = field(default_factory=lambda: Clock(trio.current_time, trio.current_time))
    account = MAKER
    reply_timeout = MAKER.timers.reply_timeout

    def post(self, fact: Fact) -> None:
        self.told.append(fact)

    async def count(self) -> int:
        self.done.append("list")
        return _given(self.listed)

    async def look(self) -> tuple[str, int | None]:
        self.done.append("look")
        return "0xabc", None if isinstance(self.listed, VenueError) else self.listed

    async def cancel(self) -> tuple[int, int | None]:
        self.done.append("cancel")
        return _given(self.cancelled)

    async def end(self, within: int) -> None:
        assert within == CUT
        self.done.append("cut")
        _given(self.cut_by)

    @property
    def session(self) -> SxBetSession:
        return SxBetSession(cast(Conversation, self), cast(Switch, self), cast(Orders, self), Marks())


def _given(what: Kind | VenueError) -> Kind:
    if isinstance(what, VenueError):
        raise what
    return what


@pytest.mark.parametrize(
    ("means", "venue", "done"),
    [
        ("cancel", Venue(0, (3, 0)), Round(3, 0)),
        ("cancel", Venue(2, (3, 0)), Round(3, 2)),
        ("cancel", Venue(FORBIDDEN, (3, 0)), Round(3, 0)),
        ("cancel", Venue(FORBIDDEN, (3, 1)), Round(3, 1)),
        ("cancel", Venue(FORBIDDEN, (3, None)), Round(3, None)),
        ("cancel", Venue(GARBLED, (3, 0)), Round(3, 0)),
        ("cancel", Venue(SILENT, (3, 0)), Round(3, None)),
        ("cancel", Venue(0, RETIRED), Round(0, 0)),
        ("cancel", Venue(0, SILENT), Round(0, 0)),
        ("cancel", Venue(0, FORBIDDEN), Round(0, 0)),
        ("cancel", Venue(2, BROKEN), Round(0, 2)),
        ("cancel", Venue(2, RETIRED), Round(0, 2)),
        ("cancel", Venue(2, GARBLED), Round(0, 2)),
        ("expire", Venue(0), Round(0, 0)),
        ("expire", Venue(2), Round(0, 2)),
        ("expire", Venue(SILENT), Round(0, None)),
        ("expire", Venue(0, cut_by=SILENT), Round(0, 0)),
        ("expire", Venue(2, cut_by=OTHERWISE), Round(0, 2)),
        ("lapse", Venue(2), Round(0, 2)),
        ("lapse", Venue(SILENT), Round(0, None)),
        ("lapse", Venue(FORBIDDEN), Round(0, None)),
    ],
)
async def test_a_round_ends_with_what_the_list_says_or_what_the_cancel_said_where_there_is_none(
    means: OnTrip, venue: Venue, done: Round, autojump_clock: MockClock
) -> None:
    assert await venue.session.cancel_orders(means) == done
    assert venue.done == {"cancel": ["cancel", "list"], "expire": ["cut", "list"], "lapse": ["list"]}[means]


@pytest.mark.parametrize(
    ("means", "venue", "error", "pause"),
    [
        ("cancel", Venue(SILENT, SILENT), SILENT, TWO_TRIES),
        ("cancel", Venue(SILENT, RETIRED), RETIRED, TWO_TRIES),
        ("cancel", Venue(SILENT, LIMITED), LIMITED, 20.0),
        ("cancel", Venue(2, FORBIDDEN), FORBIDDEN, 0.0),
        ("cancel", Venue(2, SILENT), SILENT, 0.0),
        ("expire", Venue(FORBIDDEN, cut_by=BROKEN), BROKEN, TWO_TRIES),
    ],
)
async def test_a_round_fails_where_orders_are_left_or_may_be_and_the_keeper_must_hear_why(
    means: OnTrip, venue: Venue, error: VenueError, pause: float, autojump_clock: MockClock
) -> None:
    error.pause = 20.0 if error is LIMITED else 0.0
    with pytest.raises(type(error)) as raised:
        await venue.session.cancel_orders(means)
    assert (raised.value.reason, raised.value.pause) == (error.reason, pause)


async def test_what_the_next_round_may_do_better_is_told_as_a_failure(autojump_clock: MockClock) -> None:
    left, none = Venue(2, BROKEN), Venue(0, BROKEN)
    await left.session.cancel_orders("cancel")
    await none.session.cancel_orders("cancel")
    assert left.told == [facts.Failed(0.0, Reason.VENUE_ERROR, "500")]
    assert none.told == []


async def test_a_cut_lease_is_given_the_time_to_end_before_the_list_is_read(autojump_clock: MockClock) -> None:
    await Venue().session.cancel_orders("expire")
    assert trio.current_time() == CUT + VENUE_LAG


async def test_while_it_waits_a_session_counts_and_leaves_the_last_count_to_the_next_wait(
    autojump_clock: MockClock,
) -> None:
    venue = Venue(4)
    session = venue.session
    await session.attend(3 * COUNT_INTERVAL + MAKER.timers.reply_timeout)
    counts = [fact.at for fact in venue.told if isinstance(fact, facts.OrdersCounted)]
    assert counts == [0.0, 20.0, 40.0]
    assert trio.current_time() == 3 * COUNT_INTERVAL + MAKER.timers.reply_timeout
    await session.attend(trio.current_time() + 1.0)
    await session.attend(trio.current_time() + 1.0)
    assert venue.done == ["list"] * 4, "never twice on a venue that is slow to tell"


async def test_a_session_identifies_its_account_by_the_wallet_of_its_orders_and_counts_them_in_the_same_look(
    autojump_clock: MockClock,
) -> None:
    venue = Venue(4)
    session = venue.session
    assert await session.identify() == "0xabc"
    await session.attend(1.0)
    assert [fact.count for fact in venue.told if isinstance(fact, facts.OrdersCounted)] == [4]
    assert venue.done == ["look"]


async def test_a_book_of_several_pages_is_counted_by_a_look_of_its_own(autojump_clock: MockClock) -> None:
    venue = Venue(SILENT)
    session = venue.session
    await session.identify()
    await session.attend(1.0)
    assert venue.done == ["look", "list"]
