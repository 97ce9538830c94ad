"""What each of Deribit's error codes asks of us: the table of the protocol notes, row by row."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadman.model.errors import Reason, Refused, Setback, SwitchOff, Unavailable, VenueError
from deadman.venues.deribit.wire import LOGIN, LONGEST_PAUSE, TURN_OFF, TURN_ON, Error, failure
from tests.support import garbage

METHOD = "private/get_cancel_on_disconnect"

ASK_AGAIN = (10001, 10040, 10041, 10047, 10050, 10066, 11052, 11056, 11094, 13028, 13503, 13888)
"""The session lives: the same question may be answered the next time."""

OPEN_ANEW = (10000, 10028, 10048, 11051, 13009)
"""The session is over, or as good as over."""

TELL_A_HUMAN = (
    *(10030, 11029, 11042, 11049, 11050, 11098, 12003, 12005, 12998, 13004, 13012, 13021, 13025, 13031, 13403, 13668),
    *(13904, -32000, -32600, -32601, -32602, -32700),
)
"""Asked again slowly, for ever."""

NOT_PROTECTED = (10049,)
"""Drift: the venue says that the switch is off."""

NOT_OURS = (13042, 13043, 13778)
"""Answers to requests that we never send: nothing is concluded from them."""

KINDS: dict[int, type[VenueError]] = {
    **dict.fromkeys((*ASK_AGAIN, *NOT_OURS), Setback),
    **dict.fromkeys(OPEN_ANEW, Unavailable),
    **dict.fromkeys(TELL_A_HUMAN, Refused),
    **dict.fromkeys(NOT_PROTECTED, SwitchOff),
}


@pytest.mark.parametrize("code", KINDS)
def test_each_code_has_one_consequence(code: int) -> None:
    assert type(failure(METHOD, Error(code, "words"))) is KINDS[code]


@pytest.mark.parametrize("code", KINDS)
def test_a_failure_names_the_method_the_code_and_the_venues_own_words(code: int) -> None:
    detail = failure(METHOD, Error(code, "the_venues_words")).detail
    assert METHOD in detail
    assert str(code) in detail
    assert "the_venues_words" in detail


RESTS = {10028: 15, 11051: 5, 12003: 30, 12998: 30} | dict.fromkeys((10041, 10047, 10048, 10049, 10066), 2)
"""Seconds to leave the venue alone where it asks for none itself; after the other codes our own pace is enough."""


@pytest.mark.parametrize("code", KINDS)
def test_a_rest_follows_only_what_passes_with_time(code: int) -> None:
    assert failure(METHOD, Error(code, "words")).pause == RESTS.get(code, 0)


@pytest.mark.parametrize("code", sorted(KINDS.keys() - {10000, 10049, 13009}))
def test_a_code_means_the_same_at_a_login(code: int) -> None:
    assert type(failure(LOGIN, Error(code, "words"))) is KINDS[code]


@given(st.integers(), garbage.values)
def test_a_code_nobody_knows_may_be_better_next_time(code: int, data: Any) -> None:
    error = failure(METHOD, Error(code, "", data))
    assert type(error) is KINDS.get(code, Setback)


@given(st.sampled_from(sorted(KINDS)), garbage.objects("retry_after", "retry_after_ms", "wait") | garbage.values)
def test_no_answer_makes_us_wait_longer_than_a_minute(code: int, data: Any) -> None:
    assert 0.0 <= failure(METHOD, Error(code, "", data)).pause <= LONGEST_PAUSE == 60.0


@pytest.mark.parametrize(
    ("data", "pause"),
    [
        ({"retry_after": 7}, 7.0),
        ({"retry_after_ms": 1500}, 1.5),
        ({"wait": 3}, 3.0),
        ({"retry_after": garbage.HUGE}, 60.0),
        ({"retry_after_ms": garbage.HUGE}, 60.0),
        ({"retry_after": float("nan")}, 0.0),
        ({"retry_after": "soon"}, 0.0),
        ("later", 0.0),
        (None, 0.0),
    ],
)
def test_a_pause_the_venue_asks_for_is_kept(data: Any, pause: float) -> None:
    assert failure(METHOD, Error(10040, "retry", data)).pause == pause


def test_too_many_requests_are_followed_by_a_rest_longer_than_the_credits_take_to_come_back() -> None:
    error = failure(METHOD, Error(10028, "too_many_requests"))
    assert error.pause >= 5.0  # 50,000 credits at 10,000 a second
    assert error.reason is Reason.RATE_LIMITED


@pytest.mark.parametrize("code", [10000, 13009])
def test_a_token_that_ran_out_means_log_in_again_but_at_a_login_that_the_key_is_no_good(code: int) -> None:
    assert type(failure(METHOD, Error(code, "unauthorized"))) is Unavailable
    at_login = failure(LOGIN, Error(code, "unauthorized"))
    assert type(at_login) is Refused
    assert at_login.reason is Reason.CREDENTIALS


def test_a_rejected_key_is_told_with_every_cause_it_may_have() -> None:
    detail = failure(LOGIN, Error(13004, "invalid_credentials")).detail
    for cause in ("secret", "network", "clock", "address", "ban"):
        assert cause in detail


def test_too_many_failed_logins_are_left_alone_for_long() -> None:
    assert failure(LOGIN, Error(12003, "login_over_limit")).pause >= 30.0


def test_a_missing_permission_names_the_ones_needed() -> None:
    assert "account:read_write" in failure(METHOD, Error(13021, "forbidden")).detail


@pytest.mark.parametrize(("offset", "told"), [(300.0, "300 s behind"), (-90.4, "90 s ahead of"), (5.0, None)])
def test_a_login_that_fails_while_the_clocks_disagree_names_the_clock(offset: float, told: str | None) -> None:
    detail = failure(LOGIN, Error(13009, "unauthorized"), offset).detail
    assert ("this host's clock is" in detail) == (told is not None)
    assert (told or "") in detail


def test_a_clock_is_not_blamed_for_what_is_no_login() -> None:
    assert "this host's clock" not in failure(METHOD, Error(13004, "invalid_credentials"), 300.0).detail
    assert "this host's clock" not in failure(LOGIN, Error(11051, "system_maintenance"), 300.0).detail


@pytest.mark.parametrize(
    "method", ["private/cancel_all", "private/subscribe", "private/get_open_orders", LOGIN, TURN_OFF]
)
def test_only_an_answer_about_the_switch_says_that_it_is_off(method: str) -> None:
    assert type(failure(TURN_ON, Error(10049, ""))) is SwitchOff
    assert type(failure(method, Error(10049, ""))) is Setback
