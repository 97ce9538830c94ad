"""Spans as people type them, and how instants and spans are told to them."""

from __future__ import annotations

import argparse

import pytest

from deadman.cli.parser import span, span_or_zero
from deadman.model import text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("1h30m", 5400),
        ("1h1m1s", 3661),
        ("45", 45),
        ("0.5", 0.5),
        ("1.5s", 1.5),
        ("2h", 7200),
    ],
)
def test_spans_read_as_people_write_them(text: str, seconds: float) -> None:
    assert span(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "m", "15 m", "1h30", "30m1h", "-5", "1e3", "nan", "15min", "0", "0s", "٣s", "9" * 20]
)
def test_what_is_no_span_is_refused_in_words(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no span"):
        span(text)


def test_a_wait_may_be_zero_and_no_less() -> None:
    assert span_or_zero("0") == 0
    for refused in ("-1", "now"):
        with pytest.raises(argparse.ArgumentTypeError):
            span_or_zero(refused)


@pytest.mark.parametrize(
    ("seconds", "bound", "rest"),
    [
        (0.0, "0 s", "0 s"),
        (9.2, "10 s", "9 s"),
        (119.5, "120 s", "119 s"),
        (121, "3 min", "2 min"),
        (7201, "3 h", "2 h"),
    ],
)
def test_bounds_are_told_too_long_and_what_is_left_too_short(seconds: float, bound: str, rest: str) -> None:
    assert (text.span(seconds), text.left(seconds)) == (bound, rest)


def test_an_instant_has_its_date_once_it_is_of_another_day() -> None:
    now = 1_763_449_920.0
    assert text.instant(now - 60, now) == "07:11:00Z"
    assert text.instant(now - 86400, now) == "17 Nov 07:12Z"
    assert text.instant(now + 86400 * 30, now) == "18 Dec 07:12Z"


@pytest.mark.parametrize("sign", ["\x1b", "\n", "\x00", "\x9b", "\u202e", "\ud800", "\u200b", "\x7f"])
def test_nothing_unprintable_is_told_as_it_is(sign: str) -> None:
    told = text.plain(f"a{sign}b")
    assert told.isprintable()
    assert told.isascii()
    assert text.plain("plain ü – text") == "plain ü – text"
