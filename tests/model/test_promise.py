"""The published promise: the bounds with the defaults, and their reasons for every legal config."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deadman.model.promise import NOTICE, promise, start_length
from deadman.model.settings import REPLY_TIMEOUT, OnTrip, Selection, WatchConfig
from deadman.venues.deribit.settings import CANCEL_RATE, LISTING_TIMEOUT, DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount
from tests.model.test_backoff import Loaded, tries_within
from tests.support.boards import deribit, sxbet

WATCHES = {"quoter": WatchConfig("quoter", 5.0), "hedger": WatchConfig("hedger", 8.0)}
DESK = replace(deribit("desk", "quoter"), on_trip="cancel")
MAKER = sxbet("maker", "quoter")

VENUE_LIMIT = 500
"""Requests a minute that SX Bet takes of an account (its API documentation, heartbeat)."""

Network = Literal["mainnet", "testnet", "coinbase"]

GRACE = 10.0
"""Seconds Deribit waits at least for the answer to a test_request, when it was seen doing so (observed)."""

leases = st.integers(5, 3600).flatmap(lambda lease: st.tuples(st.just(lease), st.floats(0.2, min(1200.0, lease / 3))))
"""Every pair of timeout_seconds and renew_interval that a config may hold."""


def leased(pair: tuple[int, float]) -> SxBetAccount:
    return replace(MAKER, timeout_seconds=pair[0], renew_interval=pair[1])


def test_with_the_defaults_deribit_is_found_dead_within_eight_seconds_and_proven_within_three() -> None:
    promised = promise(DESK, WATCHES)
    assert promised.detect <= 8.0
    assert promised.rearm <= 3.0


@pytest.mark.parametrize("heartbeat", [10, 60])
def test_an_answer_four_and_a_half_seconds_late_is_no_death(heartbeat: int) -> None:
    assert promise(replace(DESK, heartbeat_interval=heartbeat), WATCHES).false_alarm > 4.5


def test_with_the_defaults_sxbet_is_renewed_three_times_inside_every_lease() -> None:
    pace = MAKER.timers
    assert pace.vouch >= 3 * pace.renew_interval


@given(leases)
@example((5, 5 / 3))
@example((5, 0.2))
@example((3600, 1200.0))
def test_three_whole_tries_fit_between_a_renewals_due_time_and_the_leases_end(pair: tuple[int, float]) -> None:
    pace = leased(pair).timers
    waits = sum(pace.retry.delay(failures, Loaded(1.0)) for failures in (1, 2))
    assert pace.renew_interval + 3 * pace.reply_timeout + waits <= pace.vouch


@given(leases)
@example((5, 0.2))
def test_no_outage_makes_us_ask_sxbet_more_often_than_it_allows(pair: tuple[int, float]) -> None:
    pace = leased(pair).timers
    assert tries_within(60.0, pace.retry, Loaded(0.0), 0) <= VENUE_LIMIT


@given(leases)
def test_a_lease_is_believed_for_exactly_what_the_venue_was_asked_for(pair: tuple[int, float]) -> None:
    pace = leased(pair).timers
    assert pace.vouch == pair[0]
    assert 0 < pace.reply_timeout <= REPLY_TIMEOUT
    assert pace.overdue_after < pace.vouch


networks: st.SearchStrategy[Network] = st.sampled_from(["mainnet", "testnet", "coinbase"])


@given(st.integers(10, 3600), st.floats(1, 3600), networks)
def test_deribits_death_is_known_to_us_before_deribit_would_hang_up(
    heartbeat: int, verify: float, network: Network
) -> None:
    account = replace(DESK, heartbeat_interval=heartbeat, verify_interval=verify, network=network)
    pace = account.timers
    assert promise(account, WATCHES).detect < heartbeat + GRACE
    assert pace.vouch == 2 * verify + REPLY_TIMEOUT
    assert pace.overdue_after <= pace.vouch


def test_coinbase_hears_from_us_often_enough_not_to_hang_up() -> None:
    pace = replace(DESK, network="coinbase", heartbeat_interval=3600).timers
    assert pace.probe_interval + pace.probe_timeout < 15.0


@pytest.mark.parametrize("names", [("quoter",), ("quoter", "hedger")])
def test_a_bots_death_is_bounded_by_its_slowest_watch_the_notice_and_one_answer(names: tuple[str, ...]) -> None:
    slowest = max(WATCHES[name].timeout for name in names)
    bound = promise(replace(DESK, watches=names), WATCHES).bot
    assert bound == slowest + NOTICE + REPLY_TIMEOUT


@pytest.mark.parametrize(
    ("on_trip", "bound"),
    [("cancel", 5.0 + NOTICE + 5.0), ("expire", 5.0 + NOTICE + 5.0 + 1.0), ("lapse", 5.0 + NOTICE + 30.0)],
)
def test_a_leased_bots_death_is_bounded_by_how_the_account_trips(on_trip: OnTrip, bound: float) -> None:
    assert promise(replace(MAKER, on_trip=on_trip), WATCHES).bot == bound


@pytest.mark.parametrize(
    "account",
    [
        deribit("desk"),
        replace(DESK, on_trip="none"),
        replace(DESK, observe=True),
        sxbet("maker"),
        replace(MAKER, observe=True),
    ],
)
def test_nothing_is_promised_of_a_bot_that_trips_nothing(account: DeribitAccount | SxBetAccount) -> None:
    promised = promise(account, WATCHES)
    assert promised.bot is None
    assert any("stay" in sentence for sentence in promised.sentences())


def test_the_hosts_death_is_bounded_by_the_lease_where_there_is_one() -> None:
    assert promise(MAKER, WATCHES).host == 30.0
    assert promise(DESK, WATCHES).host is None
    assert promise(replace(MAKER, observe=True), WATCHES).host is None


@pytest.mark.parametrize(("via", "words"), [(("rest",), "REST"), (("websocket", "fix"), "FIX")])
def test_what_no_switch_covers_is_named(via: tuple[str, ...], words: str) -> None:
    assert words in promise(replace(DESK, orders_via=via), WATCHES).sentences()[-1]
    assert words not in promise(DESK, WATCHES).sentences()[-1]


def test_the_promise_is_told_in_five_sentences() -> None:
    assert promise(MAKER, WATCHES).sentences() == (
        "detects a dead or silent venue within 15.0 s",
        "re-armed and proven within 5.0 s of a successful dial, tried at least every 5.0 s; "
        "after the venue's no every 5.0 s for 300 s, then every 40.0 s, unless it asks for longer",
        "raises a false alarm only when delays exceed 5.0 s",
        "from a bot's last check-in to its orders gone within 10.3 s; "
        "if the venue carries out each request within 5.0 s",
        "from the host's death to the orders gone within 30.0 s; a renewal that the venue carries out late adds up to "
        "35.0 s, and its own delay in cancelling is not documented",
    )


ONE_BY_ONE = replace(DESK, cancel=Selection(label="quotes", kind="option"))


@pytest.mark.parametrize(
    "cancel",
    [Selection(), Selection(label="quotes"), Selection(kind="option"), Selection(label="quotes", type="all")],
)
def test_where_one_method_cancels_all_of_them_the_number_of_orders_does_not_matter(cancel: Selection) -> None:
    promised = promise(replace(DESK, cancel=cancel), WATCHES)
    assert promised.gone_within(None) == promised.gone_within(400) == promised.bot == 5.0 + NOTICE + REPLY_TIMEOUT


def test_where_orders_go_one_by_one_the_bound_grows_with_them_and_without_their_number_there_is_none() -> None:
    promised = promise(ONE_BY_ONE, WATCHES)
    base = 5.0 + NOTICE + LISTING_TIMEOUT + REPLY_TIMEOUT
    assert promised.gone_within(0) == base
    assert promised.gone_within(400) == pytest.approx(base + 400 / CANCEL_RATE)
    assert promised.gone_within(None) is None
    assert promised.sentences()[3] == (
        "from a bot's last check-in to its orders gone within 18.3 s and 0.2 s more for each open order; "
        "if the venue carries out each request within 5.0 s, and takes 5 cancels a second of this account"
    )


def test_where_no_bot_trips_anything_no_number_of_orders_is_bounded() -> None:
    assert promise(replace(ONE_BY_ONE, on_trip="none"), WATCHES).gone_within(3) is None


def test_a_lapse_is_bounded_by_the_venues_own_cancel() -> None:
    assert "its own delay is not documented" in promise(replace(MAKER, on_trip="lapse"), WATCHES).sentences()[3]


def test_an_observed_lease_is_promised_to_be_none() -> None:
    told = promise(replace(MAKER, observe=True), WATCHES).sentences()[-1]
    assert told == "from the host's death: deadman only observes and holds no lease; its orders stay"


@given(leases)
def test_a_venue_is_tried_again_within_five_seconds_whatever_the_lease(pair: tuple[int, float]) -> None:
    assert promise(leased(pair), WATCHES).redial <= 5.0


@given(leases)
def test_a_renewal_is_late_once_its_answer_might_have_come(pair: tuple[int, float]) -> None:
    pace = leased(pair).timers
    assert pace.overdue_after == pace.renew_interval + pace.reply_timeout


@given(st.floats(1, 3600))
def test_a_reading_is_late_once_its_answer_might_have_come(verify: float) -> None:
    assert replace(DESK, verify_interval=verify).timers.overdue_after == verify + REPLY_TIMEOUT


@given(st.integers(10, 3600), networks)
def test_signs_of_life_are_asked_for_often_enough_and_never_in_a_burst(heartbeat: int, network: Network) -> None:
    account = replace(DESK, heartbeat_interval=heartbeat, network=network)
    pace = account.timers
    assert 1.0 <= pace.probe_interval <= 10.0
    assert promise(account, WATCHES).detect == pace.probe_interval + pace.probe_timeout


def test_a_patient_desk_is_asked_no_more_often_than_every_ten_seconds() -> None:
    assert replace(DESK, heartbeat_interval=3600).timers.probe_interval == 10.0


def test_a_lost_deribit_is_dialled_at_least_every_five_seconds() -> None:
    assert promise(DESK, WATCHES).redial == 5.0
    assert DESK.timers.retry.first == 0.5


def test_a_start_of_many_is_as_long_as_the_address_of_the_venue_allows() -> None:
    many = [replace(DESK, name=f"desk-{number}") for number in range(1000)]
    seconds, words = start_length(many)
    assert seconds == pytest.approx((2 * 1000 - 80) / 15)
    assert "15 times a second" in words
    assert start_length(many[:20]) == (0.0, "")
    assert start_length(replace(one, url=f"{one.url}/{one.name}") for one in many) == (0.0, "")
    assert start_length([MAKER] * 1000) == (0.0, "")


def test_who_asks_for_it_learns_of_a_dead_venue_within_four_seconds() -> None:
    asked = promise(replace(DESK, probe_interval=1.0), WATCHES)
    assert asked.detect <= 4.0
    assert asked.false_alarm == 2.5
    assert promise(DESK, WATCHES).detect > asked.detect
