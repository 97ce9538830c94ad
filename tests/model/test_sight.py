"""What a host and its witnesses know of each other: for how long it is believed, and what is kept of the register."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deadman.model.identity import Identity
from deadman.model.sight import Line, Sight, Witness, beat_interval, false_alarm_after, holder_of, noticed_within

BRAVO = Witness("bravo", 100.0, 15.0, can_cancel=True)


def test_the_bounds_of_a_pair_follow_from_the_hosts_timeout() -> None:
    assert beat_interval(15.0) == 3.0
    assert noticed_within(15.0) == 15.0 + 2 * 1.0 + 2 * 1.5
    assert false_alarm_after(15.0) == 15.0 - 3.0 - 1.0 - 1.5


@pytest.mark.parametrize(
    ("witness", "now", "heard", "proven"),
    [
        (BRAVO, 100.0, True, True),
        (BRAVO, 114.9, True, True),
        (BRAVO, 115.0, False, False),
        (replace(BRAVO, can_cancel=False), 100.0, True, False),
        (replace(BRAVO, stopped=True), 100.0, False, False),
        (replace(BRAVO, echoed_at=None), 0.0, False, False),
    ],
)
def test_a_witness_is_believed_for_as_long_as_our_own_word_echoed_is_fresh(
    witness: Witness, now: float, heard: bool, proven: bool
) -> None:
    assert (witness.is_heard(now), witness.proven(now)) == (heard, proven)


def test_a_sight_is_blind_from_the_first_look_that_failed() -> None:
    assert not Sight("alpha", 15.0, 99.0).is_blind
    assert Sight("alpha", 15.0, 99.0, blind_since=0.0).is_blind


def test_words_to_the_register_are_counted_and_a_failure_is_dated_by_the_first_of_its_row() -> None:
    line = Line(foreign_at=5.0).went_wrong(10.0, "refused").went_wrong(20.0, "no answer")
    assert line == Line(0, 2, 0.0, 10.0, "no answer", 5.0)
    well = line.went_through(1_800_000_000.0)
    assert well == Line(1, 2, 1_800_000_000.0, None, "", 5.0)
    assert well.went_through(1_800_000_001.0).went_wrong(30.0, "gone") == Line(2, 3, 1_800_000_001.0, 30.0, "gone", 5.0)


def test_an_accounts_fingerprint_is_the_same_on_every_host_and_by_every_key_and_empty_until_the_venue_tells() -> None:
    told = Identity("deribit testnet", "0123456789abcdef", "42")
    assert holder_of(None) == ""
    assert holder_of(replace(told, account=None)) == ""
    assert holder_of(told) == holder_of(replace(told, credential="ff")) != ""
    others = {holder_of(replace(told, account="43")), holder_of(replace(told, place="deribit mainnet"))}
    assert len(others | {holder_of(told)}) == 3
    assert holder_of(told) == "e7ced843b51beb09", "another release on the other host must find the same"
