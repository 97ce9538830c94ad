"""What a bot's silence, its words, and its return do to the accounts that hang on it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deadman.model import facts
from deadman.model.facts import Cause
from deadman.model.guard import Guard, Phase
from deadman.model.settings import Account, WatchConfig
from deadman.model.watch import Watch, WatchCase, judge
from tests.support.boards import sxbet
from tests.support.watching import WatchDesk, deribit, watch_desk

QUOTER = WatchConfig("quoter", 5.0)
HEDGER = WatchConfig("hedger", 5.0)
LEAVER = WatchConfig("quoter", 5.0, on_stopping="release")


def desk_of(*accounts: Account, watches: tuple[WatchConfig, ...] = (QUOTER,)) -> WatchDesk:
    """Every bot up, every account armed."""
    desk = watch_desk(*accounts, watches=watches)
    desk.beat(*(config.name for config in watches))
    desk.look()
    for account in accounts:
        desk.hand.arm(account.name, ttl=1e6)
    return desk


def test_silence_for_the_timeout_trips_every_account_on_the_watch_and_no_other() -> None:
    desk = desk_of(deribit("a", "quoter"), sxbet("b", "quoter"), deribit("c"), sxbet("d"))
    desk.advance(4.9)
    assert [desk.trip(name) for name in "abcd"] == [None] * 4
    desk.advance(0.2)
    assert [desk.trip(name) for name in "abcd"] == [(Cause.SILENCE, "quoter")] * 2 + [None] * 2
    trip = desk.guard("a").trip
    assert trip is not None
    assert trip.at == pytest.approx(1005.0)
    assert trip.reason == "silent 5 s, pid 4123 gone"


def test_it_trips_once() -> None:
    desk = desk_of(deribit("a", "quoter"))
    desk.advance(60.0)
    desk.finish_trip("a")
    desk.advance(60.0)
    assert desk.hand.board.standing("a").tally.trips == {Cause.SILENCE: 1}


@pytest.mark.parametrize("on_trip", ["cancel", "expire", "lapse"])
def test_whatever_a_trip_does_the_silence_is_the_same(on_trip: str) -> None:
    desk = desk_of(replace(sxbet("a", "quoter"), on_trip=on_trip))  # type: ignore[arg-type]
    desk.advance(5.1)
    assert desk.phase("a") is Phase.TRIPPING


def test_a_bot_that_never_came_up_trips_nothing() -> None:
    desk = watch_desk(deribit("a", "quoter"))
    desk.advance(3600.0)
    assert desk.trip("a") is None


def test_an_account_that_is_not_to_be_tripped_is_not_and_an_sx_lease_still_ends() -> None:
    desk = desk_of(replace(deribit("a", "quoter"), on_trip="none"), replace(sxbet("b", "quoter"), on_trip="none"))
    desk.advance(5.1)
    assert [desk.trip(name) for name in "ab"] == [None, None]
    assert [desk.guard(name).awaited for name in "ab"] == [False, True]


def test_an_observed_account_is_only_talked_about(caplog: pytest.LogCaptureFixture) -> None:
    desk = desk_of(replace(deribit("a", "quoter"), observe=True))
    desk.advance(10.0)
    desk.say("quoter", "WATCHDOG=trigger")
    desk.look()
    assert desk.trip("a") is None
    told = [record.getMessage() for record in caplog.records if "would have tripped" in record.getMessage()]
    assert len(told) == 2
    assert "silent 5 s" in told[0]
    assert "WATCHDOG=trigger from pid 4123" in told[1]


def test_any_of_several_bots_trips_and_all_must_be_back() -> None:
    desk = desk_of(sxbet("a", "quoter", "hedger"), watches=(QUOTER, HEDGER))
    desk.advance(6.0, "hedger")
    assert desk.trip("a") == (Cause.SILENCE, "quoter")
    desk.finish_trip("a")
    desk.advance(10.0)
    desk.beat("quoter")
    desk.advance(1.0)
    assert desk.phase("a") is Phase.TRIPPED, "hedger has died meanwhile"
    desk.beat("hedger")
    desk.advance(0.1)
    assert desk.trip("a") is None
    assert not desk.guard("a").awaited


def test_another_bots_check_ins_do_not_rearm_what_a_trigger_tripped() -> None:
    desk = desk_of(deribit("a", "quoter", "hedger"), watches=(replace(QUOTER, timeout=60.0), HEDGER))
    desk.say("quoter", "WATCHDOG=trigger")
    desk.look()
    desk.finish_trip("a")
    desk.advance(10.0, "hedger")
    assert desk.phase("a") is Phase.TRIPPED
    desk.beat("quoter")
    desk.advance(0.1, "hedger")
    assert desk.trip("a") is None


def test_a_check_in_during_a_trip_does_not_cut_it_short_and_the_next_one_after_it_rearms() -> None:
    desk = desk_of(deribit("a", "quoter"))
    desk.advance(6.0)
    desk.beat("quoter")
    desk.advance(2.0)
    assert desk.phase("a") is Phase.TRIPPING
    desk.finish_trip("a")
    desk.advance(1.0)
    assert desk.phase("a") is Phase.TRIPPED
    desk.beat("quoter")
    desk.advance(0.1)
    assert desk.phase("a") is not Phase.TRIPPED


def test_an_operators_trip_outlasts_every_check_in() -> None:
    desk = desk_of(deribit("a", "quoter"))
    desk.hand.post("a", facts.Tripped(desk.hand.now, Cause.OPERATOR, "alice"))
    desk.finish_trip("a")
    desk.advance(30.0, "quoter")
    assert desk.phase("a") is Phase.TRIPPED


def test_a_disarmed_account_is_neither_tripped_nor_rearmed_and_a_dead_bots_orders_go_when_it_ends() -> None:
    desk = desk_of(deribit("a", "quoter"))
    desk.hand.post("a", facts.Disarmed(desk.hand.now, "alice"))
    desk.advance(30.0)
    desk.say("quoter", "WATCHDOG=trigger")
    desk.say("quoter", "STOPPING=1")
    desk.advance(1.0)
    desk.beat("quoter")
    desk.advance(30.0)
    assert desk.phase("a") is Phase.DISARMED
    assert desk.hand.board.standing("a").tally.trips == {}
    armed_at = desk.hand.now
    desk.hand.post("a", facts.Rearmed(armed_at, "alice"))
    desk.advance(0.1)
    trip = desk.guard("a").trip
    assert trip is not None
    assert trip.at == pytest.approx(armed_at, abs=0.1), "dated when it became true, not when the bot fell silent"


def test_an_account_taken_up_while_its_bot_is_dead_is_tripped() -> None:
    desk = desk_of(deribit("a", "quoter"))
    desk.advance(60.0)
    desk.hand.board.add(deribit("b", "quoter"))
    desk.look()
    assert desk.trip("b") == (Cause.SILENCE, "quoter")


def test_a_reload_of_a_tripped_account_leaves_it_tripped() -> None:
    desk = desk_of(deribit("a", "quoter"))
    desk.advance(6.0)
    desk.hand.board.add(replace(deribit("a", "quoter"), verify_interval=10.0))
    desk.advance(1.0)
    assert desk.trip("a") == (Cause.SILENCE, "quoter")
    assert desk.hand.board.standing("a").tally.trips == {Cause.SILENCE: 1}


def test_a_trigger_trips_at_once_and_a_later_check_in_rearms() -> None:
    desk = desk_of(deribit("a", "quoter"), sxbet("b", "quoter"))
    desk.say("quoter", "WATCHDOG=trigger")
    desk.look()
    assert [desk.trip(name) for name in "ab"] == [(Cause.TRIGGER, "quoter")] * 2
    desk.finish_trip("a", "b")
    desk.advance(0.1)
    desk.beat("quoter")
    desk.advance(0.1)
    assert [desk.trip(name) for name in "ab"] == [None, None]


def test_a_trigger_trips_again_what_is_already_tripped_but_no_more_than_once_a_second() -> None:
    desk = desk_of(deribit("a", "quoter"))
    for _ in range(30):
        desk.say("quoter", "WATCHDOG=trigger")
        desk.advance(0.1)
        desk.finish_trip("a")
    assert desk.hand.board.standing("a").tally.trips == {Cause.TRIGGER: 3}


def test_a_goodbye_trips_where_so_configured() -> None:
    desk = desk_of(deribit("a", "quoter"), sxbet("b", "quoter"))
    desk.say("quoter", "STOPPING=1")
    desk.look()
    assert [desk.trip(name) for name in "ab"] == [(Cause.STOPPING, "quoter")] * 2
    assert not desk.watch().alive(desk.hand.now)
    desk.advance(0.1)
    desk.finish_trip("a", "b")
    desk.advance(60.0)
    desk.say("quoter", "READY=1")
    desk.advance(0.1)
    assert [desk.trip(name) for name in "ab"] == [None, None]


def test_a_goodbye_releases_where_so_configured() -> None:
    desk = desk_of(deribit("a", "quoter"), sxbet("b", "quoter"), watches=(LEAVER,))
    desk.say("quoter", "STOPPING=1")
    desk.advance(600.0)
    assert [desk.trip(name) for name in "ab"] == [None, None]
    assert [desk.guard(name).awaited for name in "ab"] == [False, True]
    desk.beat("quoter")
    desk.advance(0.1)
    assert not desk.guard("b").awaited


@pytest.mark.parametrize("watch", [QUOTER, LEAVER], ids=lambda config: config.on_stopping)
def test_a_goodbye_is_told_once_also_beside_a_check_in_before_it(
    watch: WatchConfig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    desk = desk_of(deribit("a", "quoter"), watches=(watch,))
    desk.say("quoter", "WATCHDOG=1", age=0.02)
    desk.say("quoter", "STOPPING=1", age=0.01)
    desk.advance(1.0)
    told = [record.getMessage() for record in caplog.records if getattr(record, "event", "") == "watch_stopping"]
    assert told == [f"watch quoter: said STOPPING=1; on_stopping is {watch.on_stopping}"]


def test_a_bot_back_from_its_goodbye_within_one_look_has_still_been_away() -> None:
    desk = desk_of(deribit("a", "quoter"))
    desk.say("quoter", "STOPPING=1", age=0.02)
    desk.say("quoter", "READY=1", age=0.01)
    desk.look()
    assert desk.trip("a") == (Cause.STOPPING, "quoter")
    assert desk.watch().alive(desk.hand.now)


def test_a_check_in_just_before_the_goodbye_does_not_undo_it() -> None:
    desk = desk_of(sxbet("b", "quoter"), watches=(LEAVER,))
    desk.say("quoter", "WATCHDOG=1", age=0.02)
    desk.say("quoter", "STOPPING=1", age=0.01)
    desk.look()
    assert not desk.watch().alive(desk.hand.now)
    desk.advance(60.0)
    assert desk.trip("b") is None


def test_a_bot_that_said_goodbye_does_not_keep_another_ones_trip_from_ending() -> None:
    desk = desk_of(deribit("a", "quoter", "hedger"), watches=(LEAVER, HEDGER))
    desk.say("quoter", "STOPPING=1")
    desk.advance(6.0)
    assert desk.trip("a") == (Cause.SILENCE, "hedger")
    desk.finish_trip("a")
    desk.advance(0.1)
    desk.beat("hedger")
    desk.advance(0.1)
    assert desk.trip("a") is None


def test_no_lease_is_taken_until_every_bot_has_checked_in() -> None:
    desk = watch_desk(sxbet("b", "quoter", "hedger"), deribit("a", "quoter"), watches=(QUOTER, HEDGER))
    assert desk.phase("b") is Phase.WAITING
    assert not desk.guard("a").awaited
    desk.beat("quoter")
    desk.look()
    assert desk.phase("b") is Phase.WAITING
    desk.beat("hedger")
    desk.look()
    assert desk.phase("b") is Phase.CONNECTING


def test_an_account_that_no_longer_hangs_on_a_watch_waits_no_more() -> None:
    desk = watch_desk(sxbet("b", "quoter"))
    assert desk.phase("b") is Phase.WAITING
    desk.hand.board.add(sxbet("b"))
    desk.look()
    assert desk.phase("b") is Phase.CONNECTING


def test_a_return_passes_through_no_other_phase() -> None:
    desk = desk_of(sxbet("b", "quoter"))
    desk.advance(6.0)
    desk.finish_trip("b")
    desk.advance(1.0)
    seen: list[Phase] = []
    desk.hand.board.listen(lambda name, before, after: seen.append(after.phase))
    desk.beat("quoter")
    desk.look()
    assert Phase.WAITING not in seen
    assert seen[-1] is Phase.ARMING


def test_a_goodbye_that_should_trip_is_not_forgotten_over_a_disarm() -> None:
    desk = desk_of(deribit("a", "quoter"))
    desk.hand.post("a", facts.Disarmed(desk.hand.now, "alice"))
    desk.say("quoter", "STOPPING=1")
    desk.advance(30.0)
    desk.hand.post("a", facts.Rearmed(desk.hand.now, "alice"))
    desk.advance(0.1)
    assert desk.trip("a") == (Cause.SILENCE, "quoter"), "its bot is gone, and its orders must not stay"


def joined(desk: WatchDesk, *watches: str) -> None:
    """A reload that makes account b hang on these."""
    desk.hand.board.add(sxbet("b", *watches))
    desk.watches.apply({name: WatchConfig(name, 5.0) for name in ("quoter", *watches)})
    desk.look()


@pytest.mark.parametrize("before", [("quoter",), ()])
def test_a_watch_that_a_reload_adds_takes_no_lease_before_it_first_checks_in(
    before: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    desk = watch_desk(sxbet("b", *before))
    desk.advance(2.0, "quoter")
    desk.hand.arm("b")
    joined(desk, *before, "hedger")
    desk.advance(60.0, "quoter")
    assert not desk.guard("b").awaited, "renewed as before, and wanted"
    assert desk.trip("b") is None
    told = [record.getMessage() for record in caplog.records if "hedger" in record.getMessage()]
    assert told == [
        "b: stays armed without hedger, which has not checked in yet: its silence trips nothing before it does"
    ]
    desk.advance(5.0, "quoter", "hedger")
    desk.advance(5.2, "quoter")
    assert desk.trip("b") == (Cause.SILENCE, "hedger")
    assert desk.guard("b").awaited


def test_one_that_has_said_goodbye_elsewhere_takes_none_either() -> None:
    desk = watch_desk(
        sxbet("b", "quoter"), sxbet("other", "hedger"), watches=(QUOTER, replace(HEDGER, on_stopping="release"))
    )
    desk.advance(2.0, "quoter", "hedger")
    desk.say("hedger", "STOPPING=1")
    desk.advance(1.0, "quoter")
    desk.hand.board.add(sxbet("b", "quoter", "hedger"))
    desk.advance(20.0, "quoter")
    assert [desk.guard(name).awaited for name in ("b", "other")] == [False, True]


def test_beside_a_watch_that_never_was_up_the_one_that_lives_still_trips() -> None:
    desk = watch_desk(sxbet("b", "quoter"))
    desk.advance(2.0, "quoter")
    joined(desk, "quoter", "hedger")
    desk.advance(6.2)
    assert desk.trip("b") == (Cause.SILENCE, "quoter")
    assert desk.guard("b").awaited


def test_an_account_that_stands_unarmed_waits_for_every_watch() -> None:
    desk = watch_desk(sxbet("b", "quoter"))
    joined(desk, "quoter", "hedger")
    desk.advance(2.0, "quoter")
    assert desk.guard("b").awaited
    desk.advance(2.0, "quoter", "hedger")
    assert not desk.guard("b").awaited


@pytest.mark.parametrize(
    ("taken_on_at", "living"),
    [(None, {"early", "on time", "late"}), (50.0, {"on time", "late"}), (61.0, set()), (90.0, set())],
)
def test_only_who_was_heard_since_an_account_took_the_place_of_another_counts_as_living_for_it(
    taken_on_at: float | None, living: set[str]
) -> None:
    heard = {"early": 49.0, "on time": 50.0, "late": 60.0}
    up = [Watch(name, 30.0).check_in(at, None) for name, at in heard.items()]
    dead = [Watch("slow", 5.0).check_in(58.0, None), Watch("never", 30.0), Watch("back", 30.0).resumed(60.0)]
    guard = replace(Guard(5.0), taken_on_at=taken_on_at)
    case = WatchCase(sxbet("a"), guard, [*up, *dead], 59.0, 70.0, lambda watch: "silent")
    assert case.living == living | ({"back"} if taken_on_at is None else set())


@pytest.mark.parametrize(
    ("heard", "judged_at", "by", "at"),
    [
        ((10.0, 8.0), 0.0, "hedger", 13.0),
        ((8.0, 10.0), 0.0, "quoter", 13.0),
        ((8.0, 8.0), 0.0, "quoter", 13.0),
        ((10.0, 8.0), 14.0, "hedger", 14.0),
        ((10.0, 18.0), 0.0, "quoter", 15.0),
        ((15.0, 18.0), 0.0, "quoter", 20.0),
    ],
)
def test_of_several_silent_bots_the_one_that_fell_silent_first_trips(
    heard: tuple[float, float], judged_at: float, by: str, at: float
) -> None:
    watches = [Watch(name, 5.0).check_in(last, None) for name, last in zip(("quoter", "hedger"), heard, strict=True)]
    told = list(judge(WatchCase(deribit("a"), Guard(5.0), watches, judged_at, 20.0, lambda watch: watch.name)))
    assert told == [facts.Tripped(at, Cause.SILENCE, by, by)]


def test_a_silence_before_a_goodbye_that_was_put_off_is_all_that_is_told_of_the_bot() -> None:
    desk = desk_of(deribit("a", "quoter"))
    desk.beat("quoter")
    desk.look()
    desk.hand.board.put_watch(replace(desk.watch(), stopping_at=desk.hand.now + 60.0))
    desk.advance(6.0)
    assert desk.trip("a") == (Cause.SILENCE, "quoter")
    assert (desk.watch().stopping_at, desk.watch().goodbye_at) == (None, None)
    desk.advance(60.0)
    assert desk.watch().goodbye_at is None
