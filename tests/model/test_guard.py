"""The phase table of the design, row by row, and what may be claimed in each row."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from deadman.model import facts
from deadman.model.errors import Reason
from deadman.model.facts import Cause, Fact
from deadman.model.guard import UNCLAIMABLE, UNWANTED, Guard, Phase
from deadman.model.leases import HEARD_WITHIN
from deadman.model.proof import Coverage, Proof
from tests.support.histories import OVERDUE, fold

OPENED = facts.SessionOpened(0.0, can_cancel=True)
LEASED = facts.Proven(0.25, Proof(0.0, 10.0, Coverage.LEASE))
INHERITED = facts.Proven(0.25, Proof(0.0, 10.0, Coverage.INHERITED))
NOUGHT = facts.Attempted(0.5, 0.0)
LEASED_AGAIN = facts.Proven(1.0, Proof(0.75, 10.0, Coverage.LEASE))
LOST = facts.Lost(1.0, Reason.CLOSED)
FAILED = facts.Failed(1.0, Reason.VENUE_ERROR, "settlement")
OFF = facts.FoundOff(1.0, "reads off")
AWAY = facts.TurnedAway(1.0, Reason.CREDENTIALS, "no such key")
DOUBTED = facts.Doubted(1.0, "the host slept")
AWAITED = facts.Awaited(0.0)
SEEN = facts.BotSeen(1.0)
SILENT = facts.Tripped(1.0, Cause.SILENCE, "quoter")
TRIGGERED = facts.Tripped(3.0, Cause.TRIGGER, "quoter")
PULLED = facts.Tripped(1.5, Cause.OPERATOR, "alice", "fat finger")
ROUND = facts.RoundDone(1.5, cancelled=2, remaining=1)
GONE = facts.TripDone(2.0, presumed=False)
DISARMED = facts.Disarmed(2.0, "alice")
OBEYED = facts.DisarmConfirmed(2.0)
REARMED = facts.Rearmed(2.5, "alice")

PHASES: dict[str, tuple[Phase, float, list[Fact]]] = {
    "nothing was heard yet": (Phase.CONNECTING, 0, []),
    "the first dial failed": (Phase.CONNECTING, 2, [LOST]),
    "the venue let us in": (Phase.ARMING, 0, [OPENED]),
    "what was known is in doubt": (Phase.ARMING, 2, [OPENED, INHERITED, DOUBTED]),
    "doubt while offline": (Phase.CONNECTING, 2, [OPENED, INHERITED, LOST, DOUBTED]),
    "a lease was granted": (Phase.ARMED, 1, [OPENED, LEASED]),
    "the switch was read as on": (Phase.ARMED, 1, [OPENED, INHERITED]),
    "just before the next answer is late": (Phase.ARMED, OVERDUE - 0.01, [OPENED, LEASED]),
    "the next answer is late": (Phase.DEGRADED, OVERDUE, [OPENED, LEASED]),
    "a renewal failed": (Phase.DEGRADED, 1, [OPENED, LEASED, FAILED]),
    "the session was lost": (Phase.DEGRADED, 1, [OPENED, LEASED, LOST]),
    "a new session has not renewed yet": (Phase.DEGRADED, 1, [OPENED, LEASED, LOST, OPENED]),
    "a lease ran out": (Phase.EXPIRED, 10, [OPENED, LEASED]),
    "a reading grew too old": (Phase.UNVERIFIED, 10, [OPENED, INHERITED]),
    "a lease ran out offline": (Phase.EXPIRED, 10, [OPENED, LEASED, LOST]),
    "a lease that an unanswered nought may yet end": (Phase.ARMING, 1, [OPENED, LEASED, NOUGHT, LEASED_AGAIN]),
    "no bot yet": (Phase.WAITING, 1, [AWAITED]),
    "no bot yet, though the venue is there": (Phase.WAITING, 1, [OPENED, AWAITED]),
    "the bot left and its lease stands": (Phase.ARMED, 1, [OPENED, LEASED, facts.Awaited(1.0)]),
    "the bot left and its lease ran out": (Phase.WAITING, 10, [OPENED, LEASED, facts.Awaited(1.0)]),
    "the bot came": (Phase.ARMING, 1, [AWAITED, OPENED, SEEN]),
    "the switch is off": (Phase.EXPOSED, 1, [OPENED, INHERITED, OFF]),
    "off, and then the session was lost too": (Phase.EXPOSED, 1, [OPENED, OFF, LOST]),
    "off, and then something else failed": (Phase.EXPOSED, 1, [OPENED, OFF, FAILED]),
    "off, and we are let in again": (Phase.EXPOSED, 1, [OPENED, OFF, LOST, OPENED]),
    "off, and no bot": (Phase.EXPOSED, 1, [OPENED, OFF, AWAITED]),
    "on again": (Phase.ARMED, 1, [OPENED, OFF, INHERITED]),
    "the key is rejected": (Phase.REFUSED, 1, [AWAY]),
    "rejected while a lease stands": (Phase.REFUSED, 1, [OPENED, LEASED, AWAY]),
    "rejected, then unreachable": (Phase.REFUSED, 1, [AWAY, LOST]),
    "rejected is the later word than off": (Phase.REFUSED, 1, [OPENED, OFF, AWAY]),
    "off is the later word than rejected": (Phase.EXPOSED, 1, [AWAY, OPENED, OFF]),
    "the key works again": (Phase.ARMED, 1, [AWAY, OPENED, LEASED]),
    "a silent bot": (Phase.TRIPPING, 1, [OPENED, INHERITED, SILENT]),
    "orders remain": (Phase.TRIPPING, 2, [OPENED, INHERITED, SILENT, ROUND]),
    "tripping outranks off": (Phase.TRIPPING, 2, [OPENED, SILENT, OFF]),
    "tripping outranks rejected": (Phase.TRIPPING, 2, [OPENED, SILENT, AWAY]),
    "tripping outranks a fresh proof": (Phase.TRIPPING, 2, [OPENED, SILENT, INHERITED]),
    "tripping outranks a returned bot": (Phase.TRIPPING, 2, [OPENED, SILENT, SEEN, REARMED]),
    "orders gone": (Phase.TRIPPED, 2, [OPENED, INHERITED, SILENT, ROUND, GONE]),
    "orders gone, and the switch is found off": (Phase.TRIPPED, 2, [OPENED, SILENT, GONE, OFF]),
    "re-armed after a trip": (Phase.ARMED, 2.5, [OPENED, INHERITED, SILENT, GONE, REARMED]),
    "re-armed after a trip, a lease must be taken anew": (Phase.ARMING, 2.5, [OPENED, LEASED, SILENT, GONE, REARMED]),
    "triggered again": (Phase.TRIPPING, 3, [OPENED, SILENT, GONE, TRIGGERED]),
    "an operator's trip after another": (Phase.TRIPPING, 3, [OPENED, SILENT, GONE, PULLED]),
    "silent again while tripped": (Phase.TRIPPED, 3, [OPENED, SILENT, GONE, SILENT]),
    "disarmed": (Phase.DISARMED, 2, [OPENED, INHERITED, DISARMED]),
    "disarmed outranks a trip": (Phase.DISARMED, 2, [OPENED, SILENT, DISARMED]),
    "disarmed outranks off": (Phase.DISARMED, 2, [OPENED, OFF, DISARMED]),
    "disarmed outranks a fresh proof": (Phase.DISARMED, 2, [OPENED, DISARMED, INHERITED]),
    "nobody but an operator trips a disarmed account": (Phase.DISARMED, 2, [OPENED, DISARMED, SILENT, TRIGGERED]),
    "an operator's later trip": (Phase.TRIPPING, 2, [OPENED, DISARMED, PULLED]),
    "armed again by hand": (Phase.ARMING, 2.5, [OPENED, INHERITED, DISARMED, OBEYED, REARMED]),
}


@pytest.mark.parametrize("case", PHASES)
def test_the_phase_is_the_first_row_of_the_table_that_holds(case: str) -> None:
    phase, now, history = PHASES[case]
    assert fold(history).phase(now) is phase


def test_the_cases_reach_every_phase() -> None:
    assert {phase for phase, _, _ in PHASES.values()} == set(Phase)


def test_a_claim_is_barred_in_the_four_phases_of_the_design_and_wanting_in_three() -> None:
    assert {Phase.DISARMED, Phase.TRIPPING, Phase.TRIPPED, Phase.EXPOSED} == UNCLAIMABLE
    assert {Phase.DISARMED, Phase.WAITING, Phase.TRIPPED} == UNWANTED


def test_a_standing_proof_counts_as_protected_until_its_expiry_though_refused_or_degraded() -> None:
    for worse in (AWAY, LOST, FAILED):
        guard = fold([OPENED, LEASED, worse])
        assert guard.protected(9.75)
        assert not guard.protected(10.0)


@pytest.mark.parametrize("word", [OFF, DOUBTED])
def test_a_word_against_the_proof_ends_it_for_good(word: Fact) -> None:
    guard = fold([OPENED, LEASED, word])
    assert not guard.protected(1.0)
    assert guard.margin(1.0) == 0
    assert guard.covered_since is None


def test_a_session_lost_can_cancel_nothing() -> None:
    assert fold([OPENED]).can_cancel
    assert not any(fold([OPENED, end]).can_cancel for end in (LOST, AWAY, facts.SessionClosed(1.0)))


def test_an_unanswered_renewal_puts_off_the_orders_death_though_not_the_claim() -> None:
    given_up = facts.LeaseGivenUp(8.0, 5.0)
    guard = fold([OPENED, LEASED, facts.Attempted(5.0, 10.0), given_up])
    assert guard.lease_end == 8.0 + HEARD_WITHIN + 10.0
    assert guard.margin(5.0) == 5.0


def test_a_cut_that_nobody_answered_does_not_bring_the_orders_death_nearer() -> None:
    renewal: list[Fact] = [facts.Attempted(5.0, 10.0), facts.LeaseGivenUp(6.0, 5.0)]
    guard = fold([OPENED, LEASED, *renewal, facts.Attempted(6.0, 1.0), facts.LeaseGivenUp(7.0, 6.0)])
    assert guard.lease_end == 6.0 + HEARD_WITHIN + 10.0


def test_a_confirmed_cut_brings_the_orders_death_nearer_but_not_before_a_renewal_that_may_come_after_it() -> None:
    renewed = facts.Proven(5.5, Proof(5.0, 10.0, Coverage.LEASE))
    cut: list[Fact] = [facts.Attempted(6.0, 1.0), facts.LeaseGranted(6.0, 6.0, 1.0, 1.0)]
    assert fold([OPENED, LEASED, facts.Attempted(5.0, 10.0), renewed, *cut]).lease_end == 7.0
    unanswered: list[Fact] = [facts.Attempted(5.0, 10.0), facts.LeaseGivenUp(6.0, 5.0)]
    assert fold([OPENED, LEASED, *unanswered, *cut]).lease_end == 6.0 + HEARD_WITHIN + 10.0


def test_a_shorter_lease_that_nobody_answered_may_stand_and_so_caps_the_claim() -> None:
    cut = facts.Attempted(5.0, 1.0)
    assert fold([OPENED, LEASED, cut]).margin(5.0) == 1.0
    assert fold([OPENED, INHERITED, cut]).margin(5.0) == 5.0
    assert fold([OPENED, cut]).margin(5.0) == 0.0


def test_the_changes_foretold_are_the_late_answer_and_the_end_of_the_proof() -> None:
    guard = fold([OPENED, LEASED])
    assert [guard.next_change(after) for after in (0.25, OVERDUE, 10.0)] == [OVERDUE, 10.0, inf]


def test_the_venue_may_have_dated_a_lease_from_as_late_as_its_answer() -> None:
    slow = facts.Proven(4.0, Proof(0.0, 10.0, Coverage.LEASE))
    guard = fold([OPENED, slow])
    assert guard.margin(4.0) == 6.0
    assert guard.lease_end == 14.0


def test_trouble_is_dated_from_the_first_loss_in_a_row() -> None:
    guard = fold([OPENED, LEASED, LOST, facts.Lost(5.0, Reason.DNS)])
    assert guard.trouble is not None
    assert (guard.trouble.at, guard.trouble.reason) == (1.0, Reason.DNS)


def test_a_proof_ends_all_trouble() -> None:
    assert fold([OPENED, OFF, LOST, OPENED, INHERITED]).trouble is None


def test_coverage_dates_from_the_first_of_the_proofs_that_overlap() -> None:
    later = facts.Proven(9.25, Proof(9.0, 10.0, Coverage.INHERITED))
    assert fold([OPENED, INHERITED, later]).covered_since == 0.0
    too_late = facts.Proven(11.25, Proof(11.0, 10.0, Coverage.INHERITED))
    assert fold([OPENED, INHERITED, too_late]).covered_since == 11.0


def test_rounds_add_up_what_was_cancelled_and_tell_what_remains() -> None:
    trip = fold([OPENED, SILENT, ROUND, replace(ROUND, at=2.0, cancelled=1, remaining=0)]).trip
    assert trip is not None
    assert (trip.rounds, trip.cancelled, trip.remaining) == (2, 3, 0)


def test_a_trip_by_an_operator_takes_over_from_a_silence_and_stays_his() -> None:
    guard = fold([OPENED, SILENT, PULLED, TRIGGERED, SILENT])
    assert guard.trip is not None
    assert (guard.trip.cause, guard.trip.by, guard.trip.reason) == (Cause.OPERATOR, "alice", "fat finger")


def test_a_trip_pulled_again_counts_from_the_second_pull() -> None:
    trip = fold([OPENED, SILENT, ROUND, GONE, TRIGGERED]).trip
    assert trip is not None
    assert (trip.at, trip.done_at, trip.remaining) == (3.0, None, None)


def test_only_what_we_turned_on_is_ours_to_turn_off() -> None:
    assert not fold([OPENED, INHERITED]).turned_on
    turned_on = fold([OPENED, facts.TurnedOn(0.0), INHERITED, LOST, OPENED])
    assert turned_on.turned_on
    assert not turned_on.post(DISARMED).post(OBEYED).turned_on


READ_OFF = facts.SwitchRead(1.0, "account", False, 0.0)
TURNING_OFF = facts.SwitchSent(2.0, enabled=False, until=12.0)


def test_a_switch_read_as_off_is_exposed_only_where_it_was_proven_on_and_not_turned_off_by_us() -> None:
    assert fold([OPENED, READ_OFF]).phase(1.0) is Phase.ARMING
    assert fold([OPENED, INHERITED, READ_OFF]).phase(1.0) is Phase.EXPOSED
    bare_connection = replace(READ_OFF, scope="connection")
    assert fold([OPENED, INHERITED, LOST, OPENED, bare_connection]).phase(1.0) is Phase.EXPOSED
    sequences: tuple[list[Fact], ...] = ([DISARMED, TURNING_OFF, OBEYED], [DISARMED, TURNING_OFF], [DISARMED, OBEYED])
    for turned_off in sequences:
        guard = fold([OPENED, INHERITED, *turned_off, REARMED, replace(READ_OFF, at=3.0)])
        assert guard.phase(3.0) is Phase.ARMING
        assert not guard.protected(3.0)


def test_a_disarm_that_reached_nobody_hides_no_drift() -> None:
    assert fold([OPENED, INHERITED, LOST, DISARMED, REARMED, OPENED, READ_OFF]).phase(3.0) is Phase.EXPOSED


@pytest.mark.parametrize("trouble", [LOST, FAILED, AWAY], ids=lambda fact: type(fact).__name__)
@pytest.mark.parametrize("letting_go", [[TURNING_OFF], [OBEYED], [TURNING_OFF, OBEYED]], ids=len)
def test_letting_go_of_the_switch_mends_no_other_trouble(trouble: Fact, letting_go: list[Fact]) -> None:
    before = fold([OPENED, INHERITED, trouble, DISARMED])
    after = fold([OPENED, INHERITED, trouble, DISARMED, *letting_go])
    assert before.trouble is not None
    assert after.trouble == before.trouble
    assert after.proof is None


def test_a_switch_that_was_off_is_not_exposed_any_more_once_we_turn_it_off_ourselves() -> None:
    for off in (READ_OFF, OFF):
        guard = fold([OPENED, INHERITED, off, DISARMED, TURNING_OFF, OBEYED, REARMED])
        assert guard.phase(3.0) is Phase.ARMING
        assert guard.trouble is None


def test_a_request_to_turn_it_off_ends_the_claim_before_it_leaves() -> None:
    guard = fold([OPENED, INHERITED, TURNING_OFF])
    assert not guard.protected(2.0)
    assert guard.covered_since is None


def test_a_request_that_was_not_answered_may_be_carried_out_until_its_time_is_over() -> None:
    guard = fold([OPENED, TURNING_OFF])
    assert (guard.switch.contrary_until(on=True), guard.switch.contrary_until(on=False)) == (12.0, -inf)
    again = guard.post(facts.SwitchSent(5.0, enabled=False, until=15.0))
    assert again.switch.contrary_until(on=True) == 15.0
    assert again.post(facts.SwitchAnswered(5.5, 15.0)).switch.contrary_until(on=True) == 12.0, "the first is still out"
    assert again.post(facts.SwitchSent(13.0, enabled=True, until=23.0)).switch.unsettled == {
        (False, 15.0),
        (True, 23.0),
    }


def test_a_disarm_leaves_nothing_of_a_trip_behind() -> None:
    assert fold([OPENED, SILENT, DISARMED, OBEYED, REARMED]) == fold([OPENED])


def test_a_confirmation_that_comes_after_the_arming_confirms_nothing() -> None:
    late = fold([OPENED, DISARMED, REARMED, OBEYED])
    assert late == fold([OPENED])
    assert not late.post(DISARMED).disarm_confirmed


def test_the_wheel_of_disarming_turns_anew_for_a_second_disarm() -> None:
    again = fold([OPENED, DISARMED, OBEYED, REARMED, DISARMED])
    assert again.disarm is not None
    assert not again.disarm_confirmed


def test_a_confirmed_disarm_leaves_no_lease() -> None:
    assert fold([OPENED, LEASED, DISARMED, OBEYED]).lease_end is None


def test_nothing_is_assumed_before_the_first_word() -> None:
    fresh = Guard(OVERDUE)
    assert fresh == Guard(OVERDUE, can_cancel=False, turned_on=False, awaited=False, disarm_confirmed=False)
    trip = fresh.post(SILENT).trip
    assert trip is not None
    assert not trip.presumed


def test_a_lease_standing_through_a_disarm_is_not_claimed_afterwards() -> None:
    guard = fold([OPENED, LEASED, DISARMED, REARMED])
    assert not guard.protected(2.5)


def test_a_guard_of_an_account_that_only_waits_tells_no_lease_end() -> None:
    assert Guard(OVERDUE).lease_end is None
    assert Guard(OVERDUE).next_change(0.0) == inf


def test_what_read_off_is_not_claimed_though_the_key_is_refused_later() -> None:
    proven = facts.Proven(1.0, Proof(1.0, 60.0, Coverage.INHERITED))
    off = facts.SwitchRead(2.0, "account", False, 0.0)
    refused = facts.TurnedAway(3.0, Reason.CREDENTIALS, "13004")
    guard = fold([facts.SessionOpened(0.0, can_cancel=True), proven, off, refused])
    assert guard.phase(4.0) is Phase.REFUSED
    assert not guard.protected(4.0)


def test_a_proof_of_a_lease_that_may_be_ended_yet_covers_nothing_and_ends_all_trouble() -> None:
    guard = fold([OPENED, LEASED, FAILED, NOUGHT, LEASED_AGAIN])
    assert (guard.proof, guard.covered_since, guard.trouble) == (None, None, None)
    assert guard.leases.held is not None
