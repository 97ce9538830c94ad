"""What stands in the register, whoever wrote it: it is a beat of ours, or it is told why it is none."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deadman.cluster.beats import Unreadable, decode_desk, decode_witness, encode_desk, encode_witness
from deadman.cluster.wire import read_answer
from deadman.model.errors import VenueError
from deadman.model.settings import Selection, Terms
from deadman.model.sight import AccountTold, BotTold, DeskBeat, WitnessBeat, WitnessTold
from tests.support.garbage import HUGE, objects, values

DESK = DeskBeat(
    run="0a1b",
    number=7,
    timeout=15.0,
    machine="m",
    bots={"quoter": BotTold("alive", 0.5)},
    accounts={
        "desk": AccountTold(("quoter",), Terms("cancel", Selection("BTC", "future", "limit", "mm 1")), "", "k", "h")
    },
)
WITNESS = WitnessBeat(
    "0c2d", 9, "0a1b", 7, False, "n", {"desk": WitnessTold(True, "tripped", 3, "not heard", "k", "h")}
)


def test_a_beat_is_read_as_it_was_written() -> None:
    assert decode_desk(encode_desk(DESK)) == DESK
    assert decode_witness(encode_witness(WITNESS)) == WITNESS


accounts = objects(
    "watches", "on_trip", "cancel", "left_alone", "key", "holder", "can", "phase", "cancelled", "because"
)
named = st.dictionaries(
    st.sampled_from(["desk", "quoter", "A b"]), accounts | objects("state", "heard") | values, max_size=2
)
beats = st.fixed_dictionaries(
    {"v": st.just(1), "run": st.just("r") | values},
    optional={
        "beat": values | st.just(1),
        "timeout": values | st.just(15),
        "echo": objects("run", "beat") | values,
        "stopped": values,
        "machine": values,
        "watches": named | values,
        "accounts": named | values,
    },
)


@given(beats)
@example({"v": 1, "run": "r", "beat": HUGE, "timeout": 15})
@example({"v": 1, "run": "r", "beat": 1, "timeout": HUGE})
@example({"v": 1, "run": "r", "beat": 1, "echo": {"run": "s", "beat": HUGE}})
def test_nothing_that_stands_there_raises_anything_else(beat: dict[str, Any]) -> None:
    for decode in (decode_desk, decode_witness):
        with suppress(Unreadable):
            decode(json.dumps(beat).encode())


@pytest.mark.parametrize(
    "account",
    [
        {"on_trip": "cancel", "cancel": {"label": "two\nlines"}},
        {"on_trip": "cancel", "cancel": {"kind": "swap"}},
        {"on_trip": "cancel", "cancel": {"colour": "red"}},
        {"on_trip": "cancel", "cancel": {"currency": 7}},
        {"on_trip": "sell"},
        {"on_trip": "cancel", "watches": ["\x1b[2Jquoter"]},
    ],
)
def test_what_the_desks_config_could_not_say_is_no_beat(account: dict[str, Any]) -> None:
    beat = json.loads(encode_desk(DESK)) | {"accounts": {"desk": account}}
    with pytest.raises(Unreadable):
        decode_desk(json.dumps(beat).encode())


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"", b"\xff", b"null", b"1e999"])
def test_an_answer_that_is_no_answer_of_a_member_is_a_failure(body: bytes) -> None:
    with pytest.raises(VenueError):
        read_answer(200, body)
