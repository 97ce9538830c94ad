"""What a venue's failure may carry along."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deadman.model.errors import LONGEST_DETAIL, Reason, Unavailable


@given(st.text())
def test_whatever_a_venue_says_becomes_one_printable_line(words: str) -> None:
    error = Unavailable(Reason.GARBLED, words)
    assert all(sign.isprintable() for sign in error.detail + str(error))


def test_a_message_of_megabytes_ends_in_no_log_page_or_webhook() -> None:
    assert len(Unavailable(Reason.GARBLED, "no! " * 1_000_000).detail) == LONGEST_DETAIL
    assert len(Unavailable(Reason.GARBLED, "\x1b" * 1_000_000).detail) == LONGEST_DETAIL


def test_what_fits_is_told_as_it_is() -> None:
    assert Unavailable(Reason.GARBLED, "no, and why – see 5.2").detail == "no, and why – see 5.2"
