"""Who takes whose place, as a pure fold: what is known belongs to an account at the venue, and comes back with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadman.daemon.memory import Memory
from deadman.model import facts, succession
from deadman.model.account import Standing
from deadman.model.drill import DrillBegun, DrillEnded
from deadman.model.duty import Duty, duty
from deadman.model.errors import Reason
from deadman.model.facts import Cause, Fact
from deadman.model.guard import Guard, Phase
from deadman.model.identity import Identity
from deadman.model.proof import Coverage, Proof
from deadman.model.secret import SecretSource
from deadman.model.settings import Selection, Terms
from tests.support.boards import deribit, hand, sxbet
from tests.support.histories import OVERDUE

DESK = deribit("desk")
PLACE = "deribit testnet"
TERMS = Terms("cancel", Selection())
FIRST = facts.TakenOn(0.0, Identity(PLACE, "first"), TERMS)
SECOND = facts.TakenOn(50.0, Identity(PLACE, "second"), TERMS)
OURS = facts.Identified(1.0, "ours")
STILL_OURS = facts.Identified(60.0, "ours")
THEIRS = facts.Identified(60.0, "theirs")

WORDS: list[Callable[[float], Fact]] = [
    lambda at: facts.Tripped(at, Cause.SILENCE, "quoter"),
    lambda at: facts.Tripped(at, Cause.OPERATOR, "alice", "she said"),
    lambda at: facts.TripDone(at, presumed=False),
    lambda at: facts.Disarmed(at, "bob", "night"),
    lambda at: facts.DisarmConfirmed(at),
    lambda at: facts.Rearmed(at, "carol"),
]
KNOWN: list[Callable[[float], Fact]] = [
    *WORDS,
    lambda at: facts.Proven(at, Proof(at, 300.0, Coverage.INHERITED)),
    lambda at: facts.FoundOff(at, "off"),
    lambda at: facts.TurnedOn(at),
    lambda at: facts.BotSeen(at, frozenset({"quoter"})),
    lambda at: facts.Attempted(at, 20.0),
]


def dated(makes: Iterable[Callable[[float], Fact]], begin: float) -> list[Fact]:
    return [make(begin + place) for place, make in enumerate(makes)]


known = st.lists(st.sampled_from(KNOWN), max_size=6).map(lambda makes: dated(makes, 2.0))
meanwhile = st.lists(st.sampled_from(WORDS), max_size=4).map(lambda makes: dated(makes, 51.0))


def folded(history: Iterable[Fact], guard: Guard | None = None) -> Guard:
    return reduce(succession.fold, history, guard or Guard(OVERDUE))


def ours(history: list[Fact]) -> Guard:
    return folded([FIRST, OURS, facts.SessionOpened(1.0, can_cancel=True), *history])


def kept(guard: Guard) -> tuple[object, ...]:
    """What outlives the keeping of an account, but for its leases."""
    confirmed = guard.disarm is not None and guard.disarm_confirmed
    return guard.trip, guard.disarm, confirmed, guard.turned_on, guard.bots


def is_word_kept(guard: Guard) -> bool:
    return guard.disarm is not None or (guard.trip is not None and guard.trip.cause is Cause.OPERATOR)


@given(known)
def test_what_turns_out_to_be_the_same_account_is_known_as_before(history: list[Fact]) -> None:
    before = ours(history)
    after = folded([SECOND, STILL_OURS], before)
    assert kept(after) == kept(before)
    assert (after.proof, after.covered_since, after.can_cancel) == (before.proof, before.covered_since, True)
    assert (after.aside, after.withheld, after.stranger) == (None, False, False)
    assert after.trouble == before.trouble
    assert (after.lease_end or 0.0) >= (before.lease_end or 0.0)
    assert after.identity == Identity(PLACE, "second", "ours")


@given(known, meanwhile)
def test_what_people_say_before_the_venue_tells_is_their_later_word(history: list[Fact], said: list[Fact]) -> None:
    before = ours(history)
    unknown = folded([SECOND, *said], before)
    after = folded([STILL_OURS], unknown)
    if unknown.withheld or (unknown.disarm is None and unknown.trip is None):
        assert unknown.aside is None or kept(after) == kept(unknown.aside)
    else:
        assert (after.trip, after.disarm) == (unknown.trip, unknown.disarm)
        assert after.disarm_confirmed is unknown.disarm_confirmed


@given(known)
def test_nothing_that_is_known_of_another_account_is_claimed_or_acted_upon(history: list[Fact]) -> None:
    before = ours(history)
    after = folded([SECOND, THEIRS], before)
    assert not after.protected(60.0)
    assert (after.proof, after.trip, after.turned_on, after.bots) == (None, None, False, None)
    assert (after.session_at, after.can_cancel, after.taken_on_at) == (1.0, True, 50.0)
    assert after.withheld is is_word_kept(before)
    assert after.phase(60.0) is (Phase.DISARMED if after.withheld else Phase.ARMING)
    assert duty(after, DESK) is (Duty.REST if after.withheld else Duty.PROVE)
    assert after.aside is not None
    assert kept(after.aside) == kept(before)


def test_a_key_that_is_known_to_open_the_same_account_becomes_its_identity() -> None:
    other = Identity(PLACE, "second", "ours")
    assert folded([FIRST, OURS, facts.TakenOn(50.0, other, TERMS)]).identity == other


def test_an_account_that_waits_for_its_bots_still_waits_when_it_takes_the_place_of_another() -> None:
    waiting: list[Fact] = [FIRST, OURS, facts.SessionOpened(1.0, can_cancel=True), facts.Awaited(2.0)]
    assert folded([*waiting, SECOND, THEIRS]).phase(60.0) is Phase.WAITING
    assert folded([*waiting, facts.BotSeen(3.0), SECOND, THEIRS]).phase(60.0) is Phase.ARMING


READINGS: list[Fact] = [
    facts.SessionOpened(1.0, can_cancel=True),
    facts.SwitchRead(2.0, "account", enabled=True, timestamp=2.0),
    facts.TokenGranted(3.0, 900.0),
    facts.ClockCompared(4.0, 0.2, 0.1),
]


@pytest.mark.parametrize(("told", "is_other"), [(OURS, False), (STILL_OURS, False), (THEIRS, True)])
def test_what_was_read_of_one_account_is_never_shown_as_anothers(told: Fact, is_other: bool) -> None:
    before = stood(READINGS).tally
    after = reduce(Standing.post, [told, facts.TokenGranted(70.0, 1800.0)], stood(READINGS)).tally
    assert (before.switch_enabled, before.token_expiry_timestamp, before.opened) == ({"account": True}, 900.0, 1)
    assert (after.switch_enabled, after.clock) == (({}, None) if is_other else (before.switch_enabled, before.clock))
    assert (after.token_expiry_timestamp, after.opened) == (1800.0, 1), "what is read later holds, and counters go on"


def stood(history: list[Fact]) -> Standing:
    return reduce(Standing.post, [FIRST, OURS, *history], Standing.new(Guard(OVERDUE), 0.0))


NAMED_AGAIN = facts.TakenOn(70.0, Identity(PLACE, "first"), TERMS)


@pytest.mark.parametrize("again", [NAMED_AGAIN, facts.Identified(70.0, "ours")], ids=["config", "venue"])
@given(history=known)
def test_what_was_said_of_an_account_holds_again_when_the_config_or_the_venue_names_it_again(
    again: Fact, history: list[Fact]
) -> None:
    before = ours(history)
    back = folded([SECOND, THEIRS, again], before)
    told = folded([facts.Identified(71.0, "ours")], back)
    if before.disarm is not None or before.trip is not None or before.turned_on:
        assert kept(told) == kept(before)
    assert told.withheld is False
    assert not told.protected(71.0), "what was proven of it before is too old to be claimed"


said_by_hand = st.lists(st.sampled_from([*WORDS[:2], WORDS[3]]), max_size=2).map(lambda makes: dated(makes, 61.0))


@given(known, said_by_hand)
def test_an_operators_word_about_the_one_withholds_from_the_other(history: list[Fact], said: list[Fact]) -> None:
    before = ours(history)
    other = folded([SECOND, THEIRS, *said], before)
    back = folded([facts.TakenOn(70.0, Identity(PLACE, "first"), TERMS)], other)
    if before.disarm is None and is_word_kept(other) and not other.withheld:
        assert (back.withheld, back.disarm_confirmed, back.phase(70.0)) == (True, True, Phase.DISARMED)
        assert back.disarm is not None
        assert "said while this name stood for another key" in back.disarm.reason
    elif kept(before) != kept(ours([])):
        assert (kept(back), back.withheld) == (kept(before), False)
    assert back.identity == Identity(PLACE, "first", "ours")


@given(known)
def test_arming_lifts_a_word_that_only_withholds_and_lets_go_of_the_other_account(history: list[Fact]) -> None:
    before = folded([SECOND, THEIRS], ours(history))
    after = folded([facts.Rearmed(61.0, "carol")], before)
    assert (after.disarm, after.withheld, after.aside, after.called_at) == (None, False, None, 61.0)
    assert duty(after, DESK) is Duty.PROVE


def test_until_the_venue_has_told_whose_account_it_is_it_is_only_asked() -> None:
    pulled = facts.Tripped(5.0, Cause.SILENCE, "quoter")
    changed = folded([SECOND], ours([pulled]))
    assert (changed.stranger, duty(changed, DESK)) == (True, Duty.IDENTIFY)
    untold = folded([facts.Identified(60.0, None)], changed)
    assert (untold.untold, untold.stranger, duty(untold, DESK)) == (True, False, Duty.PROVE)
    asked_again = folded([facts.SessionOpened(61.0, can_cancel=True)], untold)
    assert asked_again.stranger


def test_an_operators_trip_is_carried_out_though_the_venue_has_not_told_whose_account_it_is() -> None:
    pulled = folded([SECOND, facts.Tripped(51.0, Cause.OPERATOR, "alice")], ours([]))
    assert (pulled.stranger, duty(pulled, DESK)) == (False, Duty.CANCEL)


def test_a_disarm_of_an_account_that_was_only_withheld_is_one_for_the_venue() -> None:
    withheld = folded([SECOND, THEIRS], ours([facts.Disarmed(5.0, "bob"), facts.DisarmConfirmed(6.0)]))
    said = folded([facts.Disarmed(61.0, "bob")], withheld)
    assert (duty(withheld, DESK), duty(said, DESK)) == (Duty.REST, Duty.DISARM)
    assert not said.withheld


def test_a_change_of_the_key_alone_is_checked_before_an_unfinished_word_is_acted_upon() -> None:
    again = facts.TakenOn(50.0, Identity(PLACE, "first"), TERMS)
    calm = folded([again], ours([]))
    pulled = folded([again], ours([facts.Tripped(5.0, Cause.SILENCE, "quoter")]))
    disarmed = folded([again], ours([facts.Disarmed(5.0, "bob")]))
    obeyed = folded([again], ours([facts.Disarmed(5.0, "bob"), facts.DisarmConfirmed(6.0)]))
    assert [guard.stranger for guard in (calm, pulled, disarmed, obeyed)] == [False, True, True, False]
    assert not folded([STILL_OURS], pulled).stranger


def test_an_account_is_nameless_until_the_venue_has_told_or_will_not() -> None:
    fresh = folded([FIRST])
    assert (fresh.nameless, folded([OURS], fresh).nameless) == (True, False)
    assert not folded([facts.Identified(1.0, None)], fresh).nameless
    assert not Guard(OVERDUE).nameless


BEGUN = DrillBegun(61.0, "d-1", "alice", 120.0)
LEFT = DrillEnded(65.0, "failed", "still listed", None, "d-1", "unanswered")
THIRD: list[Fact] = [facts.TakenOn(70.0, Identity(PLACE, "third"), TERMS), facts.Identified(80.0, "a third's")]
BACK: list[Fact] = [facts.TakenOn(70.0, Identity(PLACE, "first"), TERMS), facts.Identified(80.0, "ours")]
KEPT: dict[str, tuple[list[Fact], list[Fact], bool]] = {
    "nothing was said": ([], [], False),
    "only a word about the first": ([facts.Disarmed(5.0, "bob")], [], False),
    "disarmed": ([], [facts.Disarmed(65.0, "bob")], True),
    "disarmed besides": ([facts.Disarmed(5.0, "bob")], [facts.Disarmed(65.0, "bob")], True),
    "tripped": ([], [facts.Tripped(65.0, Cause.SILENCE, "quoter")], True),
    "turned on": ([], [facts.TurnedOn(65.0)], True),
    "a drill under way": ([], [BEGUN], True),
    "a drill that left an order": ([], [BEGUN, LEFT], True),
    "a drill that left nothing": ([], [BEGUN, replace(LEFT, left="")], False),
}


@pytest.mark.parametrize(("before", "said", "is_kept"), KEPT.values(), ids=KEPT)
def test_an_account_of_which_anything_is_to_be_remembered_is_set_aside_before_the_one_it_replaced(
    before: list[Fact], said: list[Fact], is_kept: bool
) -> None:
    other = folded([SECOND, THEIRS, *said], ours(before))
    third, back = folded(THIRD, other), folded(BACK, other)
    assert third.aside is not None
    assert third.aside.identity == Identity(PLACE, *(("second", "theirs") if is_kept else ("first", "ours")))
    assert (back.aside and back.aside.identity) == (Identity(PLACE, "second", "theirs") if is_kept else None)


SAID_MEANWHILE: list[tuple[Fact, Callable[[Guard], object], object]] = [
    (facts.TurnedOn(55.0), lambda guard: guard.turned_on, True),
    (facts.Failed(55.0, Reason.VENUE_ERROR, "late"), lambda guard: guard.trouble and guard.trouble.detail, "late"),
    (
        facts.Proven(55.0, Proof(54.0, 30.0, Coverage.INHERITED)),
        lambda guard: (guard.margin(60.0), guard.covered_since),
        (24.0, 54.0),
    ),
    (facts.Attempted(55.0, 20.0), lambda guard: guard.lease_end, 110.0),
    (facts.Awaited(55.0), lambda guard: guard.awaited, True),
    (facts.SessionOpened(55.0, can_cancel=False), lambda guard: (guard.session_at, guard.can_cancel), (55.0, False)),
]


@pytest.mark.parametrize(("said", "read", "known"), SAID_MEANWHILE, ids=lambda one: getattr(type(one), "__name__", ""))
def test_what_is_learned_before_the_venue_tells_that_it_is_the_same_account_is_known_of_it(
    said: Fact, read: Callable[[Guard], object], known: object
) -> None:
    before = ours([])
    assert read(before) != known
    assert read(folded([SECOND, said, STILL_OURS], before)) == known


def test_an_account_that_the_config_names_again_knows_what_was_asked_for_it_before() -> None:
    held = hand(sxbet("s"))
    held.post("s", facts.Attempted(held.now, 30.0, Coverage.LEASE), facts.LeaseGivenUp(held.now + 5, held.now))
    asked = held.board.guard("s").leases
    held.board.forget("s")
    held.board.leaving = {}
    assert Memory.of(held.board, last=True).under_way, "the venue may carry it out after our end"
    held.stall(10)
    held.board.add(sxbet("s"))
    leases = held.board.guard("s").leases
    assert leases.heard_until == asked.heard_until > held.now
    held.post("s", facts.Attempted(held.now, 0.0, Coverage.LEASE), facts.LeaseGranted(held.now, held.now, 0.0, 0.0))
    assert not held.board.guard("s").leases.let_go, "it may take a lease yet"


def test_an_account_that_the_config_names_again_blames_nobody_for_a_turn_off_of_ours_that_is_heard_late() -> None:
    held = hand(deribit("d"))
    held.post("d", facts.SwitchSent(held.now, False, held.now + 35))
    held.board.forget("d")
    held.board.leaving = {}
    held.stall(5)
    held.board.add(deribit("d"))
    assert held.board.guard("d").switch.contrary_until(on=True) == held.now + 30


def test_of_an_account_let_go_nothing_is_kept_for_another_nor_for_longer_than_a_lease_may_last() -> None:
    held = hand(sxbet("s"), deribit("d"))
    held.board.forget("d")
    held.board.forget("s")
    held.board.leaving = {}
    held.board.add(replace(sxbet("s"), api_key=SecretSource("env", "ANOTHER"), network="mainnet"))
    assert held.board.guard("s").leases.heard_until == held.now
    held.stall(100)
    held.board.forget("s")
    assert held.board.parted == ()
    assert not Memory.of(held.board, last=True).under_way


def test_the_longest_lease_of_the_account_before_is_presumed_of_the_one_in_its_place() -> None:
    leased: list[Fact] = [facts.Attempted(5.0, 20.0), facts.LeaseGranted(5.0, 5.0, 20.0, 20.0)]
    after = folded([SECOND, THEIRS], ours(leased))
    assert (after.leases.longest, after.lease_end) == (20.0, 70.0)
    assert folded([SECOND, THEIRS], ours([])).lease_end is None


def test_what_was_said_of_another_account_is_quoted_once_however_often_the_name_changes_hands() -> None:
    disarmed = folded([SECOND, THEIRS], ours([facts.Disarmed(5.0, "bob", "night")]))
    again = folded(THIRD, disarmed)
    words = "night; said while this name stood for another key: nothing is armed or cancelled until `arm`"
    for guard in (disarmed, again):
        assert guard.disarm == facts.Disarmed(5.0, "bob", words)
    pulled = folded([SECOND, THEIRS], ours([facts.Tripped(5.0, Cause.OPERATOR, "alice", "she said")]))
    assert pulled.disarm == facts.Disarmed(5.0, "alice", words.replace("night", "tripped; she said"))
