"""When a trip's book may be called empty still, whose silence counts, and how long their orders may stay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deadman.model import facts
from deadman.model.drill import Drilled, Drills
from deadman.model.facts import Cause, Fact
from deadman.model.fate import Case, Fate, rounded_up
from deadman.model.guard import Guard
from deadman.model.settings import Account, Selection
from deadman.model.text import Times
from deadman.model.watch import Hold, Watch
from tests.support.boards import deribit, sxbet
from tests.support.histories import fold

NOW = 100.0
DESK = replace(deribit("desk", "quoter"), on_trip="cancel")
TRIPPED = (facts.SessionOpened(10.0, True), facts.Tripped(80.0, Cause.SILENCE, "quoter"))
LISTED = (facts.RoundDone(90.0, 3, 0), facts.TripDone(90.0, presumed=False))
PRESUMED = (facts.TripDone(90.0, presumed=True),)
QUIET = Watch("quoter", 5.0).check_in(75.0, None)


def case_of(watches: dict[str, Watch], *history: Fact, account: Account = DESK, now: float = NOW) -> Case:
    return Case(account, fold(history, Guard(1000.0)), watches, Times(now, 0.0))


@pytest.mark.parametrize(
    ("watch", "history", "cleared"),
    [
        (QUIET, LISTED, True),
        (QUIET, PRESUMED, True),
        (QUIET, (), False),
        (QUIET, (*LISTED, facts.OrdersCounted(95.0, 1)), False),
        (QUIET, (*LISTED, facts.OrdersCounted(95.0, 0)), True),
        (QUIET, (*LISTED, facts.Rearmed(95.0, "alice")), False),
        (QUIET.check_in(85.0, None), LISTED, True),
        (QUIET.check_in(85.1, None), LISTED, False),
        (QUIET.check_in(85.1, None), (*LISTED, facts.OrdersCounted(90.0, 0)), False),
        (QUIET.check_in(85.1, None), (*LISTED, facts.OrdersCounted(90.1, 0)), True),
        (replace(QUIET.check_in(89.0, None), goodbye_at=89.5, counted_from=None), LISTED, True),
        (QUIET.check_in(75.1, None), PRESUMED, False),
        (replace(QUIET.check_in(85.0, None), timeout=60.0), (*LISTED, facts.OrdersCounted(99.0, 0)), False),
        (Watch("quoter", 5.0), LISTED, True),
        (Watch("quoter", 5.0).resumed(60.0), LISTED, False),
        (replace(Watch("quoter", 5.0).resumed(60.0), died_at=60.0), LISTED, True),
        (replace(Watch("quoter", 5.0).resumed(60.0), died_at=65.0), LISTED, False),
        (QUIET, (*LISTED, facts.LeasePresumed(90.0, 30.0, 90.0)), False),
        (QUIET, (*LISTED, facts.LeasePresumed(89.9, 30.0, 90.0)), True),
        (QUIET, (*LISTED, facts.LeasePresumed(90.0, 5.0, 90.0)), True),
    ],
)
def test_a_book_is_called_empty_only_while_nobody_may_have_placed_anything_since(
    watch: Watch, history: tuple[Fact, ...], cleared: bool
) -> None:
    assert case_of({"quoter": watch}, *TRIPPED, *history).cleared is cleared


def test_a_bot_that_is_not_silent_speaks_for_all_and_without_bots_nobody_vouches() -> None:
    lively = replace(QUIET.check_in(99.0, None), name="hedger")
    assert not case_of({"quoter": QUIET, "hedger": lively}, *TRIPPED, *LISTED).cleared
    assert not case_of({"hedger": lively, "quoter": QUIET}, *TRIPPED, *LISTED).cleared
    assert not case_of({}, *TRIPPED, *LISTED).cleared


BOTH = replace(sxbet("desk", "quoter", "hedger"), on_trip="cancel")
UP = {"quoter": QUIET, "hedger": replace(QUIET, name="hedger")}
ONE_UP = {"quoter": QUIET, "hedger": Watch("hedger", 5.0)}
BOUND = (facts.BotSeen(20.0, frozenset({"quoter"})),)


@pytest.mark.parametrize(
    ("account", "watches", "history", "unmet", "bots", "trips"),
    [
        (BOTH, UP, (), (), ("quoter", "hedger"), True),
        (BOTH, ONE_UP, (), (), ("quoter", "hedger"), False),
        (BOTH, ONE_UP, BOUND, ("hedger",), ("quoter",), True),
        (BOTH, UP, BOUND, (), ("quoter", "hedger"), True),
        (BOTH, {"quoter": QUIET}, BOUND, ("hedger",), ("quoter",), True),
        (BOTH, {"hedger": UP["hedger"]}, BOUND, (), ("quoter", "hedger"), False),
        (BOTH, ONE_UP, (facts.BotSeen(20.0, frozenset()),), ("hedger",), ("quoter",), True),
        (replace(BOTH, watches=()), {}, BOUND, (), (), False),
        (replace(BOTH, on_trip="none"), UP, (), (), ("quoter", "hedger"), False),
        (replace(BOTH, observe=True), UP, (), (), ("quoter", "hedger"), False),
    ],
)
def test_a_trip_acts_where_all_whose_silence_counts_are_up(
    account: Account,
    watches: dict[str, Watch],
    history: tuple[Fact, ...],
    unmet: tuple[str, ...],
    bots: tuple[str, ...],
    trips: bool,
) -> None:
    case = case_of(watches, *history, account=account)
    assert (case.unmet, case.bots, case.trips, case.names) == (unmet, bots, trips, " or ".join(bots))


@pytest.mark.parametrize(
    ("account", "watch", "orders", "bound"),
    [
        (DESK, QUIET, None, 10.25),
        (DESK, replace(QUIET, timeout=9.0), None, 14.25),
        (DESK, replace(QUIET, hold=Hold(NOW + 60.0, "alice")), None, 65.25),
        (DESK, replace(QUIET, hold=Hold(NOW + 1.0, "alice")), None, 10.25),
        (DESK, replace(QUIET, hold=Hold(NOW + 60.0001, "alice")), None, 65.251),
        (replace(DESK, cancel=Selection(label="q", kind="option")), QUIET, None, None),
        (replace(DESK, cancel=Selection(label="q", kind="option")), QUIET, 10, 20.25),
    ],
)
def test_a_bots_death_is_bounded_by_its_watch_its_hold_and_the_orders_that_go_one_by_one(
    account: Account, watch: Watch, orders: int | None, bound: float | None
) -> None:
    counted = () if orders is None else (facts.OrdersCounted(99.0, orders),)
    told = case_of({"quoter": watch}, *counted, account=account).bound()
    assert told == (None if bound is None else pytest.approx(bound, abs=1e-6))


def test_a_bound_by_another_method_is_that_of_the_method() -> None:
    case = case_of(UP, account=BOTH)
    assert case.bound() == 10.25
    assert case.bound("lapse") == 35.25
    assert case.bound("expire") == 11.25


@pytest.mark.parametrize(("seconds", "told"), [(1.0, 1.0), (1.0001, 1.001), (1.0000001, 1.0), (0.0, 0.0)])
def test_seconds_to_a_death_are_rounded_up_but_not_by_what_a_float_adds(seconds: float, told: float) -> None:
    assert rounded_up(seconds) == told


GONE = Fate("gone", 25.0, "SX Bet cancels.")


@pytest.mark.parametrize(
    ("drills", "fate"),
    [
        (Drills(), GONE),
        (Drills(last=Drilled(50.0, True, "seen")), GONE),
        (
            Drills(last=Drilled(50.0, False, "not seen"), passed=Drilled(40.0, True, "seen")),
            Fate("unknown", None, "SX Bet cancels. That was not seen in the drill of 00:00:50Z."),
        ),
    ],
)
def test_what_rests_on_a_switch_that_was_not_seen_to_fire_is_unknown(drills: Drills, fate: Fate) -> None:
    case = case_of(UP, account=BOTH)
    assert replace(case, guard=replace(case.guard, drills=drills)).as_drilled(GONE) == fate
