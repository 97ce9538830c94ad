"""A session with Deribit over a conversation that answers as a test says: what is asked of the venue, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from deadman.model import facts
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused, Setback, Unavailable, VenueError
from deadman.model.facts import Fact
from deadman.model.secret import Secret
from deadman.venues.deribit.conversation import Conversation, Grant
from deadman.venues.deribit.orders import Orders
from deadman.venues.deribit.session import FIRED_CHANNEL, DeribitSession
from deadman.venues.deribit.switch import Switch
from tests.support.boards import deribit

DESK = deribit("desk")
SCOPES = frozenset({"account:read_write", "trade:read_write"})
GRANT = Grant(Secret("at"), Secret("rt"), 900.0, SCOPES)
LISTING_ONLY = frozenset({"account:read_write", "trade:read"})

SUBSCRIBE, LIST, LOGIN, STATE = "private/subscribe", "private/get_open_orders", "public/auth", "private/get_order_state"
LATER = Setback(Reason.VENUE_ERROR, "10041")
TOO_MANY = Unavailable(Reason.RATE_LIMITED, "10028", 15.0)
SILENT = Unavailable(Reason.SILENT, "no answer")
NO = Refused(Reason.SCOPE, "13021")


@dataclass
class Venue:
    """A conversation. `says`: what a method is answered, an error to raise or a value; `book`: the open orders."""

    book: list[str] = field(default_factory=list)
    says: dict[str, Any] = field(default_factory=dict)
    takes: float = 0.0
    asked: list[tuple[float, str]] = field(default_factory=list)
    params: list[Mapping[str, Any]] = field(default_factory=list)
    within: list[float | None] = field(default_factory=list)
    told: list[Fact] = field(default_factory=list)
    stirred: trio.Event = field(default_factory=trio.Event)
    token: Mapping[str, str] = field(default_factory=dict)
    logins: int = 0
    granted: Grant = GRANT
    clock: Clock = field(default_factory=lambda: Clock(trio.current_time, lambda: 1e9 + trio.current_time()))
    timers = DESK.timers

    def post(self, fact: Fact) -> None:
        self.told.append(fact)

    async def ask(self, method: str, params: Mapping[str, Any], within: float | None = None) -> Any:
        method = LIST if method.startswith(LIST) else method
        self.asked.append((trio.current_time(), method))
        self.params.append(params)
        self.within.append(within)
        await trio.sleep(self.takes)
        said = self.says.get(method)
        if isinstance(said, VenueError):
            raise said
        if method == LIST:
            return [{"order_id": name, "instrument_name": "BTC-PERPETUAL", "order_type": "limit"} for name in self.book]
        return said

    async def log_in(self) -> Grant:
        self.logins += 1
        return self.granted

    def session(self, grant: Grant = GRANT, listed: set[str] | None = None) -> DeribitSession:
        conversation = cast(Conversation, self)
        orders = Orders(DESK.cancel, conversation, cast(Any, None))
        return DeribitSession(
            DESK, conversation, grant, self.log_in, cast(Switch, None), orders, set() if listed is None else listed
        )

    def when(self, method: str) -> list[float]:
        return [at for at, one in self.asked if one == method]

    def counts(self) -> list[tuple[float, int | None]]:
        return [(fact.at, fact.count) for fact in self.told if isinstance(fact, facts.OrdersCounted)]


async def test_a_session_subscribes_once_and_counts_three_times_a_minute(autojump_clock: MockClock) -> None:
    venue = Venue(["a", "b"])
    session = venue.session()
    await session.attend(70.0)
    await session.attend(100.0)
    assert venue.when(SUBSCRIBE) == [0.0]
    assert venue.params[0] == {"channels": [FIRED_CHANNEL]}
    assert venue.counts() == [(0.0, 2), (20.0, 2), (40.0, 2), (60.0, 2), (80.0, 2)]
    assert trio.current_time() == 100.0
    assert session.listed == {"a", "b"}


async def test_what_would_not_end_in_time_is_left_to_the_next_wait(autojump_clock: MockClock) -> None:
    venue = Venue()
    session = venue.session()
    await session.attend(27.9)
    assert venue.when(LIST) == [0.0]
    await session.attend(28.1)
    assert venue.when(LIST) == [0.0, 27.9]
    venue = Venue()
    await venue.session().attend(trio.current_time() + 28.1)
    assert [round(at - 28.1, 3) for at in venue.when(LIST)] == [0.0, 20.0]


async def test_while_orders_come_and_go_they_are_counted_every_five_seconds(autojump_clock: MockClock) -> None:
    venue = Venue()
    session = venue.session()

    async def stir() -> None:
        for _ in range(60):
            venue.stirred.set()
            await trio.sleep(0.5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(stir)
        await session.attend(40.0)
    assert venue.when(LIST) == [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0]


async def test_a_stir_soon_after_a_count_waits_and_one_long_after_it_does_not(autojump_clock: MockClock) -> None:
    venue = Venue()
    session = venue.session()

    async def stir() -> None:
        await trio.sleep(2.0)
        venue.stirred.set()
        await trio.sleep(10.0)
        venue.stirred.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(stir)
        await session.attend(40.0)
    assert venue.when(LIST) == [0.0, 5.0, 12.0]
    await session.attend(40.1)
    assert venue.when(LIST)[3:] == [40.0]


async def test_a_short_wait_counts_what_was_stirred_or_is_old_and_nothing_else(autojump_clock: MockClock) -> None:
    venue = Venue()
    session = venue.session()
    for until in (1.0, 6.0, 6.5):
        await session.attend(until)
    assert venue.when(LIST) == [0.0]
    venue.stirred.set()
    await session.attend(7.0)
    await session.attend(7.5)
    assert venue.when(LIST) == [0.0, 6.5]
    session.recount()
    await session.attend(8.0)
    assert venue.when(LIST) == [0.0, 6.5, 7.5]


@pytest.mark.parametrize("scopes", [frozenset({"account:read_write"}), LISTING_ONLY])
async def test_a_key_that_may_not_list_is_not_asked_to(scopes: frozenset[str], autojump_clock: MockClock) -> None:
    venue = Venue()
    session = venue.session(replace(GRANT, scopes=scopes))
    await session.attend(50.0)
    lists = scopes == LISTING_ONLY
    assert (venue.when(SUBSCRIBE) == [0.0], len(venue.when(LIST)) > 0) == (lists, lists)
    assert trio.current_time() == 50.0


@pytest.mark.parametrize("error", [LATER, NO, SILENT, Setback(Reason.RATE_LIMITED, "too many")])
@pytest.mark.parametrize("method", [SUBSCRIBE, LIST])
async def test_what_is_asked_for_people_costs_nothing(
    error: VenueError, method: str, autojump_clock: MockClock
) -> None:
    venue = Venue(["a"], {method: error})
    await venue.session().attend(25.0)
    assert venue.counts() == [(0.0, None if method == LIST else 1)]
    assert venue.when(SUBSCRIBE) == [0.0]


@pytest.mark.parametrize("method", [SUBSCRIBE, LIST])
async def test_but_for_too_many_requests(method: str, autojump_clock: MockClock) -> None:
    with pytest.raises(Unavailable) as raised:
        await Venue(says={method: TOO_MANY}).session().attend(25.0)
    assert raised.value is TOO_MANY


@pytest.mark.parametrize(
    ("listed", "book", "asked"),
    [
        (set(), ["a"], 0),
        ({"a"}, ["a"], 0),
        ({"a", "b"}, ["a"], 1),
        ({"a", "b"}, ["c"], 2),
        ({"a"}, ["b"], 0),
        ({"a", "b", "c"}, [], 3),
    ],
)
async def test_only_the_first_listing_asks_what_became_of_orders_that_are_fewer(
    listed: set[str], book: list[str], asked: int, autojump_clock: MockClock
) -> None:
    venue = Venue(book, {STATE: {"order_state": "cancelled", "cancel_reason": "user_request"}})
    session = venue.session(listed=listed)
    await session.attend(10.0)
    assert len(venue.when(STATE)) == asked
    assert session.listed == set(book)
    venue.book = []
    session.recount()
    await session.attend(20.0)
    assert len(venue.when(STATE)) == asked
    assert session.listed == set()


TOKEN = {"access_token": "new", "refresh_token": "rt2", "expires_in": 900, "scope": " ".join(SCOPES)}


async def test_a_token_is_renewed_in_band_when_four_fifths_of_its_life_are_over(autojump_clock: MockClock) -> None:
    venue = Venue(says={LOGIN: TOKEN})
    session = venue.session()
    assert session.refresh_at == 720.0
    await session.attend(719.9)
    assert venue.when(LOGIN) == []
    await session.attend(800.0)
    assert (venue.when(LOGIN), trio.current_time(), venue.logins) == ([720.0], 720.0, 0)
    assert venue.params[venue.asked.index((720.0, LOGIN))] == {"grant_type": "refresh_token", "refresh_token": "rt"}
    assert (session.refresh_at, session.grant.refresh_token) == (1440.0, Secret("rt2"))
    assert venue.token == {"access_token": "new"}
    assert facts.TokenGranted(720.0, 1e9 + 720.0 + 900.0) in venue.told


@pytest.mark.parametrize("until", [720.0, 800.0])
async def test_a_wait_to_the_very_instant_renews_it(until: float, autojump_clock: MockClock) -> None:
    venue = Venue(says={LOGIN: TOKEN})
    await venue.session().attend(until)
    assert venue.when(LOGIN) == [720.0]


@pytest.mark.parametrize(("error", "logins"), [(NO, 1), (None, 1), (LATER, 0)])
async def test_a_refresh_that_is_refused_or_that_there_is_no_token_for_is_a_login(
    error: VenueError | None, logins: int, autojump_clock: MockClock
) -> None:
    grant = GRANT if error else replace(GRANT, refresh_token=None)
    venue = Venue(says={LOGIN: error or TOKEN})
    session = venue.session(grant)
    if error is LATER:
        with pytest.raises(Setback):
            await session.attend(800.0)
        assert session.refresh_at == 720.0 + 45.0, "another try, soon"
    else:
        await session.attend(800.0)
        assert session.refresh_at == 1440.0
    assert venue.logins == logins


@pytest.mark.parametrize(("before", "after"), [(SCOPES, LISTING_ONLY), (LISTING_ONLY, SCOPES)])
async def test_a_key_that_may_cancel_no_more_or_anew_is_for_a_new_session(
    before: frozenset[str], after: frozenset[str], autojump_clock: MockClock
) -> None:
    venue = Venue(granted=replace(GRANT, scopes=after))
    session = venue.session(replace(GRANT, scopes=before, refresh_token=None))
    with pytest.raises(Unavailable, match="permission to cancel has changed") as raised:
        await session.attend(800.0)
    assert raised.value.reason is Reason.SCOPE


async def test_a_session_asks_for_its_account_once_and_not_for_long(autojump_clock: MockClock) -> None:
    venue = Venue(says={"private/get_account_summary": {"id": 42}})
    assert await venue.session().identify() == "42"
    assert (venue.params, venue.within) == ([{"currency": "BTC", "extended": True}], [2.0])
