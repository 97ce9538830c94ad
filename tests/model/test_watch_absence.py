"""Our own absence, an operator's hold, and a reload never make a bot look dead."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deadman.model.facts import Cause
from deadman.model.guard import Phase
from deadman.model.settings import WatchConfig
from tests.support.boards import sxbet
from tests.support.watching import WatchDesk, deribit, watch_desk

LEAVER = WatchConfig("quoter", 5.0, on_stopping="release")


@pytest.fixture
def desk() -> WatchDesk:
    desk = watch_desk(deribit("a", "quoter"), sxbet("b", "quoter"))
    desk.beat("quoter")
    desk.look()
    return desk


def test_mail_that_lay_unread_through_a_stall_counts_from_when_it_came_less_what_we_were_away(desk: WatchDesk) -> None:
    desk.advance(4.5)
    desk.hand.stall(0.9)
    desk.say("quoter", "WATCHDOG=1", age=0.85)
    desk.look()
    assert desk.trip("a") is None
    assert desk.watch().silent_at() == pytest.approx(desk.hand.now + 5.0 - 0.05), "0.8 s of it we were away"


def test_after_a_stall_of_ours_a_bot_has_its_whole_timeout_again(desk: WatchDesk) -> None:
    desk.hand.stall(20.0)
    desk.advance(4.9)
    assert desk.trip("a") is None
    desk.advance(0.3)
    assert desk.trip("a") == (Cause.SILENCE, "quoter")


@pytest.mark.parametrize(("stopped", "left"), [(0.9, 1.0), (0.99, 1.0), (1.01, 5.0), (1.5, 5.0)])
def test_more_than_a_second_away_is_a_whole_timeout_and_less_is_only_not_counted(
    desk: WatchDesk, stopped: float, left: float
) -> None:
    desk.advance(4.0)
    desk.hand.stall(stopped)
    desk.look()
    silent_at = desk.watch().silent_at()
    assert silent_at is not None
    assert silent_at - desk.hand.now == pytest.approx(left, abs=0.11)


def away_and_back(desk: WatchDesk, stopped: float, awake: float, limit: float, *beating: str) -> float:
    """Our waking time, until account a is tripped or `limit` is over, while we are stopped again and again."""
    spent = 0.0
    while desk.trip("a") is None and spent < limit:
        desk.hand.stall(stopped)
        desk.look()
        desk.advance(awake, *beating)
        spent += awake
    return spent


STUTTERS = [(1.3, 1.3), (0.9, 0.3), (0.9, 0.1), (0.3, 0.1), (30.0, 2.0)]


@pytest.mark.parametrize(("stopped", "awake"), STUTTERS)
def test_however_often_we_are_stopped_a_dead_bot_is_found_within_two_timeouts_of_our_waking_time(
    desk: WatchDesk, stopped: float, awake: float
) -> None:
    assert away_and_back(desk, stopped, awake, 100.0) <= 10.0 + awake + 0.25


@pytest.mark.parametrize(("stopped", "awake"), STUTTERS)
def test_however_often_we_are_stopped_a_bot_that_is_heard_in_every_timeout_of_our_waking_time_lives(
    desk: WatchDesk, stopped: float, awake: float
) -> None:
    for _ in range(10):
        away_and_back(desk, stopped, awake, 2.2)  # to which each look after a stop may add a tenth of a second
        assert desk.trip("a") is None
        desk.beat("quoter")
        desk.look()


def test_a_sleep_grants_a_whole_timeout_once_in_a_silence(desk: WatchDesk) -> None:
    for _ in range(7):
        desk.suspended.seconds += 3600.0
        desk.advance(1.5)
    assert desk.trip("a") == (Cause.SILENCE, "quoter")


def test_a_reload_that_shortens_a_timeout_again_and_again_forgives_no_silence(desk: WatchDesk) -> None:
    for _ in range(4):
        for timeout in (6.0, 5.0):
            desk.watches.apply({"quoter": WatchConfig("quoter", timeout)})
            desk.advance(1.5)
    assert desk.trip("a") == (Cause.SILENCE, "quoter")


def test_after_a_suspend_too(desk: WatchDesk) -> None:
    desk.advance(4.5)
    desk.suspended.seconds += 3600.0
    desk.advance(4.9)
    assert desk.trip("a") is None
    desk.advance(0.3)
    assert desk.trip("a") == (Cause.SILENCE, "quoter")


def test_our_absence_brings_no_dead_bot_back(desk: WatchDesk) -> None:
    desk.advance(6.0)
    desk.finish_trip("a", "b")
    desk.hand.stall(20.0)
    desk.advance(1.0)
    assert not desk.watch().alive(desk.hand.now)
    assert desk.phase("a") is Phase.TRIPPED
    assert desk.guard("b").awaited


def test_it_is_told_that_we_were_away(desk: WatchDesk, caplog: pytest.LogCaptureFixture) -> None:
    desk.hand.stall(20.0)
    desk.look()
    assert [record.getMessage() for record in caplog.records] == [
        "we were away for 20.0 s: that counts as no bot's silence"
    ]


def test_a_held_watch_trips_nothing_and_its_leases_are_kept(desk: WatchDesk) -> None:
    desk.hold("quoter", 60.0)
    desk.advance(59.0)
    assert desk.trip("a") is None
    assert not desk.guard("b").awaited


def test_when_the_hold_ends_a_bot_that_is_not_back_trips_from_then(desk: WatchDesk) -> None:
    desk.hold("quoter", 60.0)
    desk.advance(60.2)
    trip = desk.guard("a").trip
    assert trip is not None
    assert trip.at == pytest.approx(1060.0)
    assert desk.watch().hold is None


def test_a_bot_that_is_back_before_the_hold_ends_lives_on(desk: WatchDesk) -> None:
    desk.hold("quoter", 60.0)
    desk.advance(50.0)
    desk.advance(60.0, "quoter")
    assert desk.trip("a") is None
    assert desk.watch().hold is None


def test_a_hold_that_is_released_over_a_silent_bot_trips_at_once_and_dates_it_so(desk: WatchDesk) -> None:
    desk.hold("quoter", 600.0)
    desk.advance(60.0)
    desk.hand.board.put_watch(replace(desk.watch(), hold=None))
    desk.advance(0.1)
    trip = desk.guard("a").trip
    assert trip is not None
    assert trip.at == pytest.approx(1060.0, abs=0.11)


def test_a_hold_ends_by_peoples_clocks_though_the_machine_slept(desk: WatchDesk) -> None:
    desk.hold("quoter", 900.0)
    desk.advance(60.0)
    desk.suspended.seconds += 600.0
    desk.advance(230.0)
    assert desk.trip("a") is None
    desk.advance(10.2)
    assert desk.trip("a") == (Cause.SILENCE, "quoter")


def test_a_hold_that_ends_in_our_sleep_leaves_the_bot_time_to_be_heard(desk: WatchDesk) -> None:
    desk.hold("quoter", 900.0)
    desk.advance(60.0)
    desk.suspended.seconds += 3600.0
    desk.advance(4.9)
    assert desk.watch().hold is None
    assert desk.trip("a") is None
    desk.advance(0.3)
    assert desk.trip("a") == (Cause.SILENCE, "quoter")


def test_a_hold_taken_after_a_sleep_has_its_whole_time(desk: WatchDesk) -> None:
    desk.suspended.seconds += 3600.0
    desk.hold("quoter", 60.0)
    desk.advance(59.0)
    assert desk.trip("a") is None


def test_neither_goodbye_nor_trigger_trips_while_held(desk: WatchDesk) -> None:
    desk.hold("quoter", 60.0)
    desk.say("quoter", "STOPPING=1")
    desk.advance(10.0)
    desk.say("quoter", "WATCHDOG=trigger")
    desk.advance(10.0)
    assert desk.trip("a") is None
    assert not desk.guard("b").awaited
    desk.advance(60.0, "quoter")
    assert desk.trip("a") is None, "it came back, and its goodbye is forgotten"


def test_a_goodbye_said_on_hold_trips_when_the_hold_ends(desk: WatchDesk) -> None:
    desk.hold("quoter", 60.0)
    desk.say("quoter", "STOPPING=1")
    desk.advance(60.2)
    assert desk.trip("a") == (Cause.STOPPING, "quoter")


def test_a_goodbye_said_on_hold_releases_when_the_hold_ends_where_so_configured() -> None:
    desk = watch_desk(deribit("a", "quoter"), sxbet("b", "quoter"), watches=(LEAVER,))
    desk.beat("quoter")
    desk.look()
    desk.hold("quoter", 60.0)
    desk.say("quoter", "STOPPING=1")
    desk.advance(59.0)
    assert not desk.guard("b").awaited
    desk.advance(2.0)
    assert desk.guard("b").awaited
    assert desk.trip("a") is None


def test_a_hold_takes_no_lease_for_a_bot_that_is_not_up() -> None:
    desk = watch_desk(sxbet("b", "quoter"))
    desk.hold("quoter", 60.0)
    desk.advance(1.0)
    assert desk.guard("b").awaited


def test_a_shorter_timeout_is_counted_from_the_reload(desk: WatchDesk) -> None:
    desk.advance(4.0)
    desk.watches.apply({"quoter": WatchConfig("quoter", 2.0)})
    desk.advance(1.9)
    assert desk.trip("a") is None
    desk.advance(0.3)
    assert desk.trip("a") == (Cause.SILENCE, "quoter")


def test_a_reload_that_changes_nothing_leaves_the_last_check_in(desk: WatchDesk) -> None:
    desk.advance(4.0)
    before = desk.watch()
    desk.watches.apply({"quoter": WatchConfig("quoter", 5.0), "hedger": WatchConfig("hedger", 1.0)})
    assert desk.watch() == before


def test_a_watch_that_the_config_no_longer_names_is_forgotten(desk: WatchDesk) -> None:
    desk.hand.board.add(replace(deribit("a")))
    desk.hand.board.add(sxbet("b"))
    desk.watches.apply({})
    desk.advance(60.0)
    assert desk.hand.board.watches() == {}
    assert desk.trip("a") is None


def test_odd_datagrams_are_told_once_and_counted(desk: WatchDesk, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(50):
        desk.say("quoter", "\x1b[2Jhello")
        desk.advance(0.1)
    assert desk.watch().ignored == 50
    told = [record.getMessage() for record in caplog.records if "ignored" in record.getMessage()]
    assert told == ["watch quoter: ignored, and from now on only counted: \\x1b[2Jhello"]
