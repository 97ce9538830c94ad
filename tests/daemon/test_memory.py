"""What is remembered of each bot and account, and how the next run goes on with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deadman.daemon.memory import AccountMemory, Memory, WatchMemory
from deadman.model import facts
from deadman.model.drill import DrillBegun, Drills
from deadman.model.facts import Cause, Disarmed, TripDone, Tripped
from deadman.model.identity import Identity, identity_of
from deadman.model.leases import HEARD_WITHIN
from deadman.model.settings import Account, OnTrip
from deadman.model.watch import Hold, Watch
from tests.support.boards import START, deribit, hand, sxbet

NOW = START
HOLD = Hold(1200.0, "alice", "deploy")
NEVER = Watch("quoter", 5.0)
UP = NEVER.check_in(990.0, None)


@pytest.mark.parametrize(
    ("watch", "memory"),
    [
        (NEVER, WatchMemory()),
        (replace(NEVER, hold=HOLD), WatchMemory(hold=HOLD)),
        (UP, WatchMemory(True)),
        (replace(UP, hold=HOLD, stopping_at=995.0), WatchMemory(True, HOLD, stopping=True)),
        (replace(UP, died_at=995.0, hold=HOLD), WatchMemory(False, HOLD)),
        (UP.stopped(992.0), WatchMemory(False, goodbye_at=992.0)),
        (replace(UP, stopping_at=991.0).released(), WatchMemory()),
    ],
)
def test_what_is_remembered_of_a_bot(watch: Watch, memory: WatchMemory) -> None:
    assert WatchMemory.of(watch) == memory


def dead(died_at: float, goodbye_at: float | None = None) -> Watch:
    return replace(NEVER, counted_from=died_at, unheard=True, died_at=died_at, goodbye_at=goodbye_at)


@pytest.mark.parametrize(
    ("memory", "watch"),
    [
        (WatchMemory(), NEVER),
        (WatchMemory(hold=HOLD), replace(NEVER, hold=HOLD)),
        (WatchMemory(True), replace(NEVER, counted_from=NOW, unheard=True)),
        (WatchMemory(False), dead(NOW - 5.0)),
        (WatchMemory(False, goodbye_at=NOW - 3.0), dead(NOW - 3.0, NOW - 3.0)),
        (WatchMemory(False, goodbye_at=NOW - 60.0), dead(NOW - 5.0, NOW - 60.0)),
        (WatchMemory(False, goodbye_at=NOW + 9.0), dead(NOW, NOW + 9.0)),
        (
            WatchMemory(True, HOLD, stopping=True),
            replace(NEVER, counted_from=NOW, unheard=True, stopping_at=NOW + 5.0, hold=HOLD),
        ),
        (WatchMemory(None, HOLD, stopping=True), replace(NEVER, stopping_at=NOW, hold=HOLD)),
    ],
)
def test_how_a_later_run_goes_on_with_a_bot(memory: WatchMemory, watch: Watch) -> None:
    assert memory.put_back(NEVER, NOW) == watch


def test_a_later_run_takes_no_hold_for_one_that_was_not_remembered() -> None:
    assert WatchMemory().put_back(replace(NEVER, hold=HOLD), NOW).hold is None


TRIP, DISARM = Tripped(900.0, Cause.SILENCE, "quoter"), Disarmed(950.0, "alice")
OTHER = Identity("elsewhere", "ff")


def remembered(account: Account, **fields: object) -> AccountMemory:
    return AccountMemory(**{"tripped": TRIP, "identity": identity_of(account), **fields})  # type: ignore[arg-type]


def test_an_account_goes_on_under_its_name_or_under_a_new_one_and_no_other_does() -> None:
    old, new = deribit("old"), replace(deribit("new"), client_id="id-old")
    held = hand(replace(deribit("kept"), client_id="id-kept"), new, replace(deribit("else"), client_id="id-else"))
    of_old = remembered(replace(old, client_id="id-old"))
    Memory({}, {"old": of_old, "kept": AccountMemory(TRIP)}).put_back(held.board)
    guards = held.board.guards()
    assert {name for name, guard in guards.items() if guard.trip is not None} == {"new", "kept"}
    assert guards["new"].identity == of_old.identity


def test_a_name_that_is_known_is_nobody_elses_though_the_account_is_the_same() -> None:
    kept = replace(deribit("kept"), client_id="id")
    held = hand(kept)
    Memory({}, {"old": remembered(kept), "kept": AccountMemory(disarmed=DISARM)}).put_back(held.board)
    assert held.board.guard("kept").trip is None
    assert held.board.guard("kept").disarm == DISARM


def test_what_a_nameless_memory_holds_of_an_account_that_is_gone_is_dropped() -> None:
    held = hand(deribit("new"))
    Memory({"gone": WatchMemory(True)}, {"old": AccountMemory(TRIP)}).put_back(held.board)
    assert held.board.guard("new").trip is None
    assert held.board.watches() == {}


def test_a_new_desk_presumes_no_lease() -> None:
    held = hand(sxbet("b"))
    before = held.board.guard("b")
    Memory().put_back(held.board)
    assert held.board.guard("b") is before


@pytest.mark.parametrize(
    ("lease", "under_way", "ends_after"),
    [(0.0, True, 30.0 + HEARD_WITHIN), (0.0, False, 30.0), (60.0, False, 60.0), (10.0, False, 30.0)],
)
def test_the_longest_lease_that_may_have_been_taken_is_presumed(
    lease: float, under_way: bool, ends_after: float
) -> None:
    held = hand(sxbet("b"))
    Memory({}, {"b": AccountMemory(TRIP, lease=lease)}, under_way=under_way).put_back(held.board)
    assert held.board.guard("b").lease_end == pytest.approx(START + ends_after)


LAPSING = DrillBegun(990.0, "d-1", "alice", 1050.0, lapses=True)


@pytest.mark.parametrize(
    ("account", "on_trip", "doubted", "under_way", "cut"),
    [
        (AccountMemory(TRIP), "expire", False, True, True),
        (AccountMemory(TRIP), "expire", False, False, False),
        (AccountMemory(TRIP), "cancel", False, True, False),
        (AccountMemory(replace(TRIP, cause=Cause.OPERATOR)), "expire", False, True, False),
        (AccountMemory(TRIP), "cancel", True, False, True),
        (AccountMemory(TRIP, TripDone(901.0, presumed=False)), "expire", False, True, False),
        (AccountMemory(turned_on=True), "expire", False, True, False),
        (AccountMemory(drills=Drills(under_way=LAPSING)), "cancel", False, True, True),
        (AccountMemory(drills=Drills(under_way=LAPSING)), "cancel", False, False, False),
        (AccountMemory(drills=Drills(under_way=replace(LAPSING, lapses=False))), "cancel", False, True, False),
        (AccountMemory(TRIP, disarmed=DISARM, disarm_confirmed=True), "expire", False, True, False),
        (AccountMemory(TRIP, disarmed=DISARM), "cancel", False, True, True),
    ],
)
def test_a_lease_may_be_cut_yet_where_a_request_to_end_it_may_be_under_way(
    account: AccountMemory, on_trip: OnTrip, doubted: bool, under_way: bool, cut: bool
) -> None:
    held = hand(replace(sxbet("b"), on_trip=on_trip))
    Memory({}, {"b": account}, under_way, doubted).put_back(held.board)
    assert held.board.guard("b").leases.cut_until == (START + (HEARD_WITHIN if under_way else 0.0) if cut else None)


def test_what_is_kept_of_a_board_leaves_out_what_says_nothing() -> None:
    held = hand(deribit("a"), deribit("b"))
    held.board.put_watch(NEVER)
    held.board.put_watch(replace(UP, name="hedger"))
    held.post("b", TRIP)
    kept = Memory.of(held.board)
    assert kept.watches == {"hedger": WatchMemory(True)}
    assert kept.accounts["b"].tripped == replace(TRIP, terms=held.board.configs["b"].terms)


@pytest.mark.parametrize(
    ("after", "last", "under_way"),
    [(0.0, True, True), (0.0, False, True), (3600.0, True, False), (3600.0, False, True)],
)
def test_only_what_a_run_writes_last_says_that_no_request_for_a_lease_is_under_way(
    after: float, last: bool, under_way: bool
) -> None:
    held = hand(sxbet("b"))
    held.post("b", facts.Attempted(held.now, 30.0), facts.LeaseGivenUp(held.now, held.now))
    held.stall(after)
    assert Memory.of(held.board, last=last).under_way is under_way
