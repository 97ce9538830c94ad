"""What follows for an account from how its bots stand, as a decision table; and that it follows once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deadman.model.facts import Awaited, BotSeen, Cause, Disarmed, Fact, Heard, Rearmed, Tripped
from deadman.model.guard import Guard
from deadman.model.settings import Account
from deadman.model.trip import Trip
from deadman.model.watch import Hold, Watch, WatchCase, judge, may_trip
from tests.support.boards import sxbet
from tests.support.watching import deribit

NOW, BEFORE = 1000.0, 999.9

SETTING = deribit("a", "quoter", "hedger")
LEASE = sxbet("a", "quoter", "hedger")
GUARD = Guard(10.0)
BOTH = frozenset({"quoter", "hedger"})
BOUND = replace(GUARD, bots=BOTH)
HALF = replace(GUARD, bots=frozenset({"quoter"}))
DISARMED = Disarmed(900.0, "alice")


def heard(name: str, at: float) -> Watch:
    return Watch(name, 5.0).check_in(at, None)


QUOTER, HEDGER = heard("quoter", 998.0), heard("hedger", 999.0)
NO_QUOTER, NO_HEDGER = Watch("quoter", 5.0), Watch("hedger", 5.0)
GONE = replace(QUOTER, stopping_at=998.5).released()


def tripped(by: str = "quoter", cause: Cause = Cause.SILENCE, done_at: float | None = 990.0) -> Guard:
    return replace(GUARD, trip=Trip(980.0, cause, by, "", done_at=done_at))


def silence(at: float, name: str) -> Tripped:
    return Tripped(at, Cause.SILENCE, name, f"{name} is silent")


def back(name: str) -> Rearmed:
    return Rearmed(NOW, name, "checked in")


SEEN, WAITED = BotSeen(NOW, BOTH), Awaited(NOW)
Row = tuple[Account, Guard, tuple[Watch, ...], list[Fact]]

TABLE: dict[str, Row] = {
    "all live": (SETTING, GUARD, (QUOTER, HEDGER), []),
    "a setting waits for nobody": (SETTING, GUARD, (NO_QUOTER, NO_HEDGER), []),
    "silent from this instant": (SETTING, GUARD, (heard("quoter", 995.0), HEDGER), [silence(NOW, "quoter")]),
    "silent from the next": (SETTING, GUARD, (heard("quoter", 995.01), HEDGER), []),
    "silent since before": (SETTING, GUARD, (QUOTER, heard("hedger", 900.0)), [silence(BEFORE, "hedger")]),
    "the first of two": (
        SETTING,
        GUARD,
        (heard("quoter", 994.96), heard("hedger", 994.93)),
        [silence(999.93, "hedger")],
    ),
    "held": (SETTING, GUARD, (replace(heard("quoter", 900.0), hold=Hold(1001.0, "alice")), HEDGER), []),
    "said goodbye": (SETTING, GUARD, (GONE, HEDGER), []),
    "silent, observed": (replace(SETTING, observe=True), GUARD, (heard("quoter", 900.0),), []),
    "silent, trips nothing": (replace(SETTING, on_trip="none"), GUARD, (heard("quoter", 900.0),), []),
    "silent, disarmed": (SETTING, replace(GUARD, disarm=DISARMED), (heard("quoter", 900.0),), []),
    "silent, tripping": (SETTING, tripped(done_at=None), (heard("quoter", 900.0),), []),
    "silent, tripped": (SETTING, tripped(), (heard("quoter", 900.0),), []),
    "another account's silence": (SETTING, replace(GUARD, taken_on_at=999.0), (heard("quoter", 900.0), HEDGER), []),
    "one is heard": (SETTING, replace(GUARD, taken_on_at=998.5), (QUOTER, HEDGER), []),
    "one was never heard": (SETTING, replace(GUARD, taken_on_at=998.0), (QUOTER, NO_HEDGER), []),
    "both are heard": (SETTING, replace(GUARD, taken_on_at=998.0), (QUOTER, HEDGER), [Heard(NOW)]),
    "heard, and silent since": (
        SETTING,
        replace(GUARD, taken_on_at=980.0),
        (heard("quoter", 990.0), HEDGER),
        [Heard(NOW)],
    ),
    "no bot yet": (LEASE, GUARD, (NO_QUOTER, NO_HEDGER), [WAITED]),
    "one bot yet": (LEASE, GUARD, (QUOTER, NO_HEDGER), [WAITED]),
    "waited for already": (LEASE, replace(GUARD, awaited=True), (QUOTER, NO_HEDGER), []),
    "both are up": (LEASE, replace(GUARD, awaited=True), (QUOTER, HEDGER), [SEEN]),
    "both are up still": (LEASE, BOUND, (QUOTER, HEDGER), []),
    "one is gone": (LEASE, BOUND, (GONE, HEDGER), [WAITED]),
    "one added since is not up": (LEASE, HALF, (QUOTER, NO_HEDGER), []),
    "one added since comes up": (LEASE, HALF, (QUOTER, HEDGER), [SEEN]),
    "the one before is gone": (LEASE, HALF, (GONE, HEDGER), [WAITED]),
    "one is no longer named": (
        replace(LEASE, watches=("quoter",)),
        BOUND,
        (QUOTER,),
        [BotSeen(NOW, frozenset({"quoter"}))],
    ),
    "one is silent": (LEASE, BOUND, (QUOTER, heard("hedger", 990.0)), [silence(BEFORE, "hedger"), WAITED]),
    "up, for another account": (LEASE, replace(GUARD, taken_on_at=998.5), (QUOTER, HEDGER), [WAITED]),
    "up, heard since": (LEASE, replace(GUARD, taken_on_at=998.0), (QUOTER, HEDGER), [Heard(NOW), SEEN]),
    "back": (SETTING, tripped(), (QUOTER, HEDGER), [back("quoter")]),
    "back, not the one that tripped": (SETTING, tripped("hedger", done_at=999.0), (heard("quoter", 999.5), HEDGER), []),
    "back as the trip was done": (SETTING, tripped(done_at=998.0), (QUOTER, HEDGER), []),
    "back before it is done": (SETTING, tripped(done_at=None), (QUOTER, HEDGER), []),
    "back, said to stop before": (SETTING, tripped(cause=Cause.STOPPING), (QUOTER, HEDGER), [back("quoter")]),
    "back, an operator's trip": (SETTING, tripped(cause=Cause.OPERATOR), (QUOTER, HEDGER), []),
    "back, disarmed": (SETTING, replace(tripped(), disarm=DISARMED), (QUOTER, HEDGER), []),
    "back, another one dead": (SETTING, tripped(), (QUOTER, replace(heard("hedger", 900.0), died_at=905.0)), []),
    "never heard": (SETTING, tripped(), (NO_QUOTER, HEDGER), []),
    "the one that tripped is no longer named": (SETTING, tripped("other"), (QUOTER, HEDGER), [back("hedger")]),
    "nor the others heard since": (SETTING, tripped("other", done_at=999.5), (QUOTER, HEDGER), []),
    "nor ever": (SETTING, tripped("other"), (NO_QUOTER, NO_HEDGER), []),
    "nor all of them": (SETTING, tripped("other"), (QUOTER, NO_HEDGER), [back("quoter")]),
}


@pytest.mark.parametrize(("account", "guard", "watches", "news"), TABLE.values(), ids=TABLE)
def test_what_follows_for_an_account_from_how_its_bots_stand(
    account: Account, guard: Guard, watches: tuple[Watch, ...], news: list[Fact]
) -> None:
    case = WatchCase(account, guard, watches, BEFORE, NOW, lambda watch: f"{watch.name} is silent")
    assert list(judge(case)) == news


@pytest.mark.parametrize(
    ("guard", "by_silence", "by_trigger"),
    [
        (GUARD, True, True),
        (tripped(), False, True),
        (tripped(done_at=None), False, False),
        (replace(GUARD, disarm=DISARMED), False, False),
    ],
)
def test_a_trip_under_way_is_not_pulled_twice_and_one_that_is_done_only_by_a_bots_own_word(
    guard: Guard, by_silence: bool, by_trigger: bool
) -> None:
    assert may_trip(SETTING, guard, Cause.SILENCE) is by_silence
    assert may_trip(SETTING, guard, Cause.TRIGGER) is by_trigger


@pytest.mark.parametrize(
    ("account", "guard", "watches", "unmet"),
    [
        (SETTING, HALF, (QUOTER, NO_HEDGER), frozenset()),
        (LEASE, GUARD, (QUOTER, NO_HEDGER), frozenset()),
        (LEASE, HALF, (QUOTER, NO_HEDGER), frozenset({"hedger"})),
        (LEASE, HALF, (QUOTER, HEDGER), frozenset()),
        (LEASE, BOUND, (NO_QUOTER, NO_HEDGER), frozenset()),
    ],
)
def test_a_lease_is_kept_without_the_watches_that_were_added_and_never_up(
    account: Account, guard: Guard, watches: tuple[Watch, ...], unmet: frozenset[str]
) -> None:
    assert WatchCase(account, guard, watches, BEFORE, NOW, str).unmet == unmet
