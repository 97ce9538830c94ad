"""The form of the state in its file: nothing is lost on the way, and nothing false is believed."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deadman.daemon.memory import (
    _HEAD,
    MEMORABLE,
    AccountMemory,
    Damaged,
    Listed,
    Memory,
    Newer,
    Texts,
    WatchMemory,
    _checksum,
    decode,
    encode,
)
from deadman.model.clock import Clock, boot_id
from deadman.model.drill import DrillBegun, Drilled, Drills
from deadman.model.facts import Cause, Disarmed, TripDone, Tripped
from deadman.model.guard import Guard
from deadman.model.identity import Identity
from deadman.model.leases import HEARD_WITHIN
from deadman.model.settings import Selection, Terms
from deadman.model.succession import fold
from deadman.model.watch import Hold
from tests.support.boards import START, deribit, hand, sxbet
from tests.support.histories import OVERDUE, History, histories

NOW = 5000.0
NOON = 1_800_000_000.0

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
past = st.integers(0, int(NOW)).map(float)
to_come = st.integers(int(NOW), int(2 * NOW)).map(float)
names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,10}", fullmatch=True)
holds = st.builds(Hold, to_come, words, words)
watches = st.builds(WatchMemory, st.sampled_from([True, False, None]), st.none() | holds, st.booleans())
identities = st.builds(Identity, words, words, st.none() | words)
selections = st.builds(Selection, *(st.none() | words for _ in range(4)))
terms = st.builds(Terms, st.sampled_from(["cancel", "none", "expire", "lapse"]), selections)
trips = st.tuples(
    st.builds(Tripped, past, st.sampled_from(Cause), words, words, st.none() | terms),
    st.none() | st.builds(TripDone, past, st.booleans()),
)
disarms = st.tuples(st.builds(Disarmed, past, words, words, st.none() | to_come), st.booleans())

drilled = st.none() | st.builds(Drilled, past, st.booleans(), words, st.none() | st.floats(0.0, 60.0))

REST: dict[str, st.SearchStrategy[Any]] = {
    "turned_on": st.booleans(),
    "lease": st.floats(0.0, 3600.0),
    "cut_until": st.none() | to_come,
    "bots": st.none() | st.frozensets(names, max_size=3),
    "identity": st.none() | identities,
    "withheld": st.booleans(),
    "unheard": st.booleans(),
    "aside": st.none() | st.builds(AccountMemory, identity=identities, turned_on=st.booleans()),
    "listed": st.none() | st.builds(Listed, st.integers(1, 5000), past),
    "drills": st.none() | st.builds(Drills, left=st.builds(DrillBegun, past, words, words, to_come), last=drilled),
}
"""Every field that stands by itself."""


def _account(trip: tuple[Tripped | None, TripDone | None], disarm: tuple[Any, bool], rest: Any) -> AccountMemory:
    return AccountMemory(*trip, *disarm, **rest)


accounts = st.builds(
    _account, st.just((None, None)) | trips, st.just((None, False)) | disarms, st.fixed_dictionaries({}, optional=REST)
)
memories = st.builds(Memory, st.dictionaries(names, watches, max_size=2), st.dictionaries(names, accounts, max_size=2))


def clock(now: float = NOW, timestamp: float = NOON) -> Clock:
    return Clock(lambda: now, lambda: timestamp)


FULL = Memory(
    {
        "quoter": WatchMemory(True, Hold(NOW + 900.0, "alice", "deploy")),
        "hedger": WatchMemory(False, goodbye_at=NOW - 3.0),
    },
    {
        "a": AccountMemory(Tripped(NOW - 60.0, Cause.SILENCE, "hedger", "silent 5 s"), TripDone(NOW - 59.0, False)),
        "b": AccountMemory(disarmed=Disarmed(NOW - 10.0, "bob", "", NOW + 50.0), turned_on=True),
        "c": AccountMemory(listed=Listed(39, NOW - 30.0), lease=30.0, cut_until=NOW + 20.0),
    },
)


def test_every_field_of_an_account_is_drawn() -> None:
    paired = {"tripped", "trip_done", "disarmed", "disarm_confirmed"}
    assert REST.keys() | paired == {field.name for field in fields(AccountMemory)}


@given(memories)
def test_what_is_written_is_what_is_read(memory: Memory) -> None:
    assert decode(encode(memory, clock()), clock()) == memory


@given(accounts.filter(lambda account: not (account.tripped and account.disarmed)))
def test_what_is_put_back_is_remembered_again(account: AccountMemory) -> None:
    known = account.identity is not None
    expected = replace(
        account,
        turned_on=account.turned_on and not account.disarm_confirmed,
        lease=0.0,  # what may stand is presumed by the account's config, and so is what may yet end it
        cut_until=None,
        listed=None if account.trip_done is not None and account.trip_done.presumed else account.listed,
        withheld=account.withheld and known,
        unheard=account.unheard and known,
        aside=account.aside if known else None,
    )
    assert AccountMemory.of(account.guard(35.0, NOW)) == expected


@given(st.lists(memories, min_size=1, max_size=3), st.sampled_from([0.0, 3600.0]))
def test_what_was_written_before_is_written_again_as_if_it_were_new(each: list[Memory], step: float) -> None:
    texts: Texts = {}
    for number, memory in enumerate((*each, each[0])):
        at = clock(timestamp=NOON + number * step)
        assert encode(memory, at, texts) == encode(memory, at)


@given(histories)
def test_what_is_as_memorable_as_before_is_remembered_alike(history: History) -> None:
    guards = list(accumulate(history, fold, initial=Guard(OVERDUE)))
    for before, after in pairwise(guards):
        if MEMORABLE(before) == MEMORABLE(after):
            assert AccountMemory.of(before) == AccountMemory.of(after)


def test_instants_are_carried_by_the_wall_clock_into_the_next_run() -> None:
    read = decode(encode(FULL, clock()), clock(now=7.0, timestamp=NOON + 20.0))
    hold, trip, disarm = read.watches["quoter"].hold, read.accounts["a"].tripped, read.accounts["b"].disarmed
    done, listed = read.accounts["a"].trip_done, read.accounts["c"].listed
    assert hold is not None
    assert trip is not None
    assert disarm is not None
    assert done is not None
    assert listed is not None
    assert done.at == pytest.approx(7.0 - 59.0 - 20.0)
    assert listed.at == pytest.approx(7.0 - 30.0 - 20.0)
    assert hold.until == pytest.approx(7.0 + 900.0 - 20.0)
    assert trip.at == pytest.approx(7.0 - 60.0 - 20.0)
    assert disarm.until == pytest.approx(7.0 + 50.0 - 20.0)


@given(st.floats(min_value=0.0, max_value=NOON))
def test_a_clock_that_went_back_lengthens_no_hold_and_no_disarm(timestamp: float) -> None:
    read = decode(encode(FULL, clock()), clock(timestamp=timestamp))
    hold, trip, disarm = read.watches["quoter"].hold, read.accounts["a"].tripped, read.accounts["b"].disarmed
    assert hold is not None
    assert trip is not None
    assert disarm is not None
    assert hold.until <= NOW + 900.001
    assert (disarm.until or 0.0) <= NOW + 50.001
    assert trip.at <= NOW - 59.999


def booted(boot: str, uptime: float, timestamp: float) -> Clock:
    return Clock(lambda: NOW, lambda: timestamp, lambda: uptime, boot)


def remains(written_by: Clock, read_by: Clock) -> tuple[float, float]:
    """Seconds left of a hold of 900 s and a disarm of 50 s, as the next run reads them."""
    read = decode(encode(FULL, written_by), read_by)
    hold, disarm = read.watches["quoter"].hold, read.accounts["b"].disarmed
    assert hold is not None
    assert disarm is not None
    return hold.until - NOW, (disarm.until or 0.0) - NOW


@given(st.floats(min_value=0.0, max_value=2 * NOON))
def test_no_step_of_the_wall_clock_before_a_restart_loses_or_prolongs_a_hold_or_a_disarm(timestamp: float) -> None:
    left = remains(booted("b1", 100.0, NOON), booted("b1", 120.0, timestamp))
    assert left == pytest.approx((880.0, 30.0), abs=0.001)


def test_a_suspend_before_a_restart_counts() -> None:
    assert remains(booted("b1", 100.0, NOON), booted("b1", 130.0, NOON + 5.0))[0] == pytest.approx(870.0)


def test_across_a_reboot_the_wall_clock_tells_and_a_wrong_one_errs_to_the_shorter() -> None:
    written = booted("b1", 1e6, NOON)
    assert remains(written, booted("b2", 20.0, NOON + 300.0))[0] == pytest.approx(600.0, abs=0.001)
    assert remains(written, booted("b2", 20.0, 0.0))[0] == pytest.approx(880.0, abs=0.001), (
        "as long as it is up, at least"
    )
    assert remains(written, booted("b2", 2e6, 0.0))[0] < 0.0


def test_a_host_that_does_not_name_its_boot_goes_by_the_wall_clock() -> None:
    assert remains(booted("", 100.0, NOON), booted("", 120.0, NOON + 300.0))[0] == pytest.approx(600.0, abs=0.001)


def test_a_container_that_names_its_boot_itself_goes_by_the_wall_clock(tmp_path: Path) -> None:
    """As `trip --direct` in a container beside the daemon's sandbox, which has a /proc of its own: one kernel has two
    names for its boot there, and up for hours it must not take what was written ten seconds ago for hours old.
    """
    name = tmp_path / "boot_id"
    name.write_text("a container's\n")
    assert boot_id() == boot_id(kernel=Path("/proc/sys")) != "", "these are the kernel's own"
    assert boot_id(name) == ""
    beside = booted(boot_id(name), 34_010.0, NOON + 10.0)
    daemon = booted("the kernel's", 34_000.0, NOON)
    assert remains(daemon, beside)[0] == pytest.approx(890.0, abs=0.001)
    assert remains(beside, booted("the kernel's", 34_020.0, NOON + 20.0))[0] == pytest.approx(890.0, abs=0.001)


def test_a_file_cut_off_anywhere_is_damaged() -> None:
    data = encode(FULL, clock())
    for length in range(len(data)):
        with pytest.raises(Damaged):
            decode(data[:length], clock())


def test_a_file_with_any_byte_changed_is_damaged() -> None:
    data = encode(FULL, clock())
    for place in range(len(data)):
        for change in (0x01, 0x20, 0xFF):
            with pytest.raises(Damaged):
                decode(data[:place] + bytes([data[place] ^ change]) + data[place + 1 :], clock())


@given(st.binary(max_size=300))
def test_a_file_of_anything_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged):
        decode(data, clock())


@given(st.binary(max_size=300))
def test_nothing_may_stand_behind_the_end(tail: bytes) -> None:
    assume(tail)
    with pytest.raises(Damaged):
        decode(encode(FULL, clock()) + tail, clock())


def test_a_whole_file_of_another_making_is_not_understood() -> None:
    head, _, body = encode(FULL, clock()).partition(b"\n")
    for other in (
        b"",
        b"written = 1.0\n",
        b'written = 1.0\nwatches = 3\naccounts = ""\n',
        body.replace(b"silence", b"magic"),
    ):
        with pytest.raises(Damaged, match="not understood"):
            decode(signed(other), clock())
    assert head.startswith(b"#"), "a person who opens it is told what it is"


FIRST_FORMAT = b"""\
written = 1800000000.0
under_way = false

[watches.quoter]
alive = true
stopping = true
hold = { until = 1800000900.0, by = "alice", reason = "deploy" }

[watches.hedger]
alive = false
goodbye = 1799999997.0

[accounts.a]
bots = [ "hedger", "quoter" ]
listed = { orders = 39, at = 1799999970.0 }
identity = { place = "deribit testnet", credential = "0123456789abcdef", account = "7" }

[accounts.a.trip]
cause = "silence"
by = "hedger"
reason = "silent 5 s"
since = 1799999940.0
done = 1799999941.0
presumed = false
terms = { on_trip = "cancel", cancel = { currency = "BTC" } }

[accounts.b]
turned_on = true
lease = 30.0
cut = 1800000020.0
withheld = true
unheard = true
disarm = { by = "bob", reason = "deploy", since = 1799999990.0, until = 1800000050.0, confirmed = true }
identity = { place = "sx", credential = "ff" }

[accounts.b.aside]
disarm = { by = "eve", reason = "", since = 1799999980.0, confirmed = false }
identity = { place = "sx", credential = "ee" }

[accounts.c]
trip = { cause = "operator", by = "carol", reason = "", since = 1799999995.0 }
"""
"""As the first format had it, before it had a number, with every key there was."""


def signed(body: bytes) -> bytes:
    return _HEAD + _checksum(body) + b"\n" + body


def test_a_state_of_the_first_format_is_read_and_nothing_of_it_is_forgotten() -> None:
    terms = Terms("cancel", Selection(currency="BTC"))
    assert decode(signed(FIRST_FORMAT), clock()) == Memory(
        {
            "quoter": WatchMemory(True, Hold(NOW + 900.0, "alice", "deploy"), stopping=True),
            "hedger": WatchMemory(False, goodbye_at=NOW - 3.0),
        },
        {
            "a": AccountMemory(
                Tripped(NOW - 60.0, Cause.SILENCE, "hedger", "silent 5 s", terms),
                TripDone(NOW - 59.0, False),
                bots=frozenset({"hedger", "quoter"}),
                identity=Identity("deribit testnet", "0123456789abcdef", "7"),
                listed=Listed(39, NOW - 30.0),
            ),
            "b": AccountMemory(
                disarmed=Disarmed(NOW - 10.0, "bob", "deploy", NOW + 50.0),
                disarm_confirmed=True,
                turned_on=True,
                lease=30.0,
                cut_until=NOW + 20.0,
                identity=Identity("sx", "ff"),
                withheld=True,
                unheard=True,
                aside=AccountMemory(disarmed=Disarmed(NOW - 20.0, "eve"), identity=Identity("sx", "ee")),
            ),
            "c": AccountMemory(Tripped(NOW - 5.0, Cause.OPERATOR, "carol")),
        },
    )


def test_a_state_without_a_number_that_has_todays_keys_is_read_as_well() -> None:
    _, _, body = encode(FULL, clock()).partition(b"\n")
    assert body.startswith(b"format = 2\n")
    assert decode(signed(body.partition(b"\n")[2]), clock()) == replace(FULL, under_way=False)


def test_a_state_of_a_later_format_is_refused_in_words_and_not_called_damaged() -> None:
    _, _, body = encode(FULL, clock()).partition(b"\n")
    with pytest.raises(Newer, match=r"format 3, which a later deadman wrote; this one reads up to 2"):
        decode(signed(body.replace(b"format = 2", b"format = 3\nwhatever = true")), clock())


@pytest.mark.parametrize(
    ("line", "under_way"), [(b"under_way = false\n", False), (b"under_way = true\n", True), (b"", True)]
)
def test_a_request_may_be_under_way_unless_the_file_says_no(line: bytes, under_way: bool) -> None:
    _, _, body = encode(replace(FULL, under_way=False), clock()).partition(b"\n")
    assert b"under_way = false\n" in body
    changed = body.replace(b"under_way = false\n", line)
    assert decode(signed(changed), clock()).under_way is under_way


def test_a_reason_that_utf8_cannot_hold_is_written_as_well_as_may_be() -> None:
    memory = Memory(accounts={"a": AccountMemory(disarmed=Disarmed(NOW, "alice", "half a pair: \ud83d"))})
    disarmed = decode(encode(memory, clock()), clock()).accounts["a"].disarmed
    assert disarmed is not None
    assert disarmed.reason == "half a pair: ?"


@pytest.mark.parametrize(("data", "words"), [(b"", "it is empty"), (b"state = 1", "its checksum does not match")])
def test_a_damaged_file_is_told_by_what_is_wrong_with_it(data: bytes, words: str) -> None:
    with pytest.raises(Damaged, match=words):
        decode(data, clock())


def test_a_lease_is_presumed_of_every_account_that_takes_one_and_of_no_other() -> None:
    held = hand(deribit("a"), sxbet("b"), replace(sxbet("c"), observe=True), sxbet("d"))
    Memory({"quoter": WatchMemory(True)}, under_way=True).put_back(held.board)
    ends = {name: guard.lease_end for name, guard in held.board.guards().items()}
    latest = held.now + HEARD_WITHIN + 30.0
    assert ends == {"a": None, "b": latest, "c": None, "d": latest}


TRIPPED = Tripped(START - 60.0, Cause.SILENCE, "quoter")


@pytest.mark.parametrize(
    ("account", "under_way", "cut_for"),
    [
        (AccountMemory(), True, None),
        (AccountMemory(cut_until=START + 20.0), False, 20.0),
        (AccountMemory(cut_until=START - 1.0), False, None),
        (AccountMemory(disarmed=Disarmed(START - 10.0, "bob")), True, HEARD_WITHIN),
        (AccountMemory(disarmed=Disarmed(START - 10.0, "bob"), cut_until=START + 20.0), False, 20.0),
        (AccountMemory(disarmed=Disarmed(START - 10.0, "bob"), disarm_confirmed=True), True, None),
        (AccountMemory(TRIPPED), True, HEARD_WITHIN),
        (AccountMemory(TRIPPED, TripDone(START - 1.0, presumed=False)), True, None),
    ],
)
def test_a_request_that_ends_a_lease_may_be_carried_out_yet_where_one_may_have_been_sent(
    account: AccountMemory, under_way: bool, cut_for: float | None
) -> None:
    held = hand(replace(sxbet("b", "quoter"), on_trip="expire"))
    Memory({}, {"b": account}, under_way=under_way).put_back(held.board)
    cut_until = held.board.guard("b").leases.cut_until
    assert cut_until == (None if cut_for is None else START + cut_for)
