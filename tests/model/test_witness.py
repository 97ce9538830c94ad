"""What a witness makes of what it sees: only silence that was seen kills a host, and a dead one is found in time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadman.model import facts
from deadman.model.facts import Cause, Fact
from deadman.model.guard import Guard, Phase
from deadman.model.identity import Identity
from deadman.model.settings import Selection, Terms
from deadman.model.sight import (
    CONTINUOUS,
    LOOK_INTERVAL,
    AccountTold,
    BotTold,
    DeskBeat,
    Sight,
    beat_interval,
    false_alarm_after,
    holder_of,
    noticed_within,
)
from deadman.model.trip import Trip
from deadman.model.watch import Hold, Watch
from deadman.model.witness import Sighting, WitnessCase, after_look, judge, unheard
from tests.swarm.world.accounts import deribit_account

TIMEOUT = 15.0
BTC = Selection(currency="BTC")
ACCOUNT = deribit_account("alpha-options", witness_of="alpha/options-desk", on_trip="cancel")


def beat(number: int = 1, *, stopped: bool = False, bot: str = "alive", **account: object) -> DeskBeat:
    told = AccountTold(**{"watches": ("quoter",), "terms": Terms("cancel", BTC), **account})  # type: ignore[arg-type]
    bots = {"quoter": BotTold(bot, 0.2)}  # type: ignore[arg-type]
    return DeskBeat("run", number, TIMEOUT, stopped, "theirs", bots, {"options-desk": told})


@dataclass
class Witnessing:
    """A witness that looks, and an account that hears what follows. `seen`: seconds of sight since the last beat."""

    host: Watch = field(default_factory=lambda: Watch("alpha", TIMEOUT, seen_until=0.0))
    guard: Guard = field(default_factory=lambda: Guard(35.0).post(facts.Sighted(0.0, Sight("alpha"))))
    beat: DeskBeat | None = None
    now: float = 0.0
    is_blind: bool = False
    posted: list[Fact] = field(default_factory=list)

    def online(self) -> Witnessing:
        self.guard = self.guard.post(facts.SessionOpened(self.now, can_cancel=True)).post(facts.StoodBy(self.now))
        return self

    def look(self, moved: bool = False, after: float = LOOK_INTERVAL, present: bool = True) -> list[Fact]:
        self.now += after
        look = Sighting(self.now, self.beat, moved, present, self.is_blind)
        self.host, self.is_blind = after_look(self.host, look), False
        news = list(judge(WitnessCase(ACCOUNT, self.guard, self.host, look, "ours")))
        for fact in news:
            self.guard = self.guard.post(fact)
        self.posted += news
        return news

    def blind(self, after: float = LOOK_INTERVAL) -> None:
        self.now += after
        self.is_blind = True
        assert self.guard.sight is not None
        sight = replace(self.guard.sight, blind_since=self.guard.sight.blind_since or self.now, blind_because="etcd")
        self.guard = self.guard.post(facts.Sighted(self.now, sight))

    def hear(self, told: DeskBeat | None = None) -> list[Fact]:
        self.beat = told or beat()
        return self.look(moved=True)

    def look_for(self, seconds: float) -> float | None:
        """Sighting without a beat for so long; when it tripped."""
        until = self.now + seconds
        while self.now < until and self.trip is None:
            self.look()
        return None if self.trip is None else self.now

    @property
    def trip(self) -> facts.Tripped | None:
        return next((fact for fact in self.posted if isinstance(fact, facts.Tripped)), None)

    def phase(self) -> Phase:
        return self.guard.phase(self.now)


def heard(**account: object) -> Witnessing:
    one = Witnessing().online()
    one.hear(beat(**account))  # type: ignore[arg-type]
    one.hear(beat(2, **account))  # type: ignore[arg-type]
    return one


looks = st.lists(
    st.one_of(
        st.tuples(st.just("look"), st.floats(0.1, 3.0)),
        st.tuples(st.just("look"), st.floats(3.1, 60.0)),
        st.tuples(st.just("blind"), st.floats(0.1, 30.0)),
        st.tuples(st.just("beat"), st.floats(0.1, 3.0)),
    ),
    max_size=60,
)


@given(looks)
def test_a_host_is_dead_only_after_its_timeout_of_silence_that_was_seen(story: list[tuple[str, float]]) -> None:
    one, sighted, blind = heard(), 0.0, False
    for what, seconds in story:
        if one.trip is not None:
            break
        if what == "blind":
            one.blind(seconds)
            blind = True
            continue
        one.look(moved=what == "beat", after=seconds)
        sighted = 0.0 if what == "beat" else sighted + (0.0 if blind or seconds > CONTINUOUS else seconds)
        blind = False
    if one.trip is not None:
        assert sighted >= TIMEOUT - 1e-6


@given(looks)
def test_a_dead_host_is_found_within_two_timeouts_of_sight_however_often_we_were_blind(
    story: list[tuple[str, float]],
) -> None:
    one, sighted, blind = heard(), 0.0, False
    for what, seconds in story:
        if what == "blind":
            one.blind(seconds)
            blind = True
        else:
            one.look(after=seconds)
            sighted, blind = sighted + (0.0 if blind or seconds > CONTINUOUS else seconds), False
        if sighted >= 2 * TIMEOUT:
            assert one.trip is not None


@given(st.lists(st.floats(0.0, false_alarm_after(TIMEOUT)), min_size=1, max_size=30))
def test_no_living_host_is_called_dead_while_its_beats_are_late_by_less_than_promised(delays: list[float]) -> None:
    one = heard()
    for late in delays:
        until = one.now + beat_interval(TIMEOUT) + late
        while one.now + LOOK_INTERVAL <= until:
            one.look()
        one.look(moved=True)
    assert one.trip is None


def test_a_dead_host_is_noticed_within_the_printed_bound() -> None:
    one = heard()
    died_at = one.now
    assert one.look_for(60.0) is not None
    assert one.now - died_at <= noticed_within(TIMEOUT)
    assert one.trip is not None
    assert one.trip == facts.Tripped(one.trip.at, Cause.HOST, "alpha", "not heard for 15 s", Terms("cancel", BTC))


def test_blindness_cancels_nothing_and_says_so() -> None:
    one = heard()
    for _ in range(600):
        one.blind()
    assert (one.trip, one.phase()) == (None, Phase.DEGRADED)
    assert not one.guard.protected(one.now)
    one.look()
    assert (one.trip, one.phase()) == (None, Phase.ARMED), "a living desk gets time to be heard"


def test_a_witness_that_starts_after_the_death_cancels_one_timeout_later() -> None:
    one = Witnessing(beat=beat()).online()
    one.look()
    assert one.phase() is Phase.WAITING, "it has not heard the desk"
    tripped_at = one.look_for(60.0)
    assert tripped_at is not None
    assert TIMEOUT <= tripped_at <= TIMEOUT + 2 * LOOK_INTERVAL


def test_a_desk_that_was_stopped_is_not_dead() -> None:
    one = heard()
    one.hear(beat(3, stopped=True))
    assert one.look_for(600.0) is None
    assert one.phase() is Phase.WAITING
    assert one.guard.sight is not None
    assert "was stopped" in one.guard.sight.awaits
    one.hear(beat(1))
    assert one.phase() is Phase.ARMED
    assert one.look_for(60.0) is not None


@pytest.mark.parametrize("word", ["disarmed", "only observed"])
def test_an_account_that_its_desk_leaves_alone_is_left_alone(word: str) -> None:
    one = heard(left_alone=word)
    assert one.look_for(60.0) is None
    assert one.phase() is Phase.WAITING


def test_an_account_that_the_desk_does_not_have_is_left_alone() -> None:
    one = Witnessing().online()
    one.hear(DeskBeat("run", 1, TIMEOUT))
    assert one.look_for(60.0) is None
    assert one.phase() is Phase.WAITING


def test_a_key_of_another_account_cancels_nothing() -> None:
    """Another account's orders would go, and the desk's would stay."""
    one = heard(holder="0123456789abcdef")
    one.guard = one.guard.post(facts.Sighted(one.now, one.guard.sight))
    identity = facts.TakenOn(one.now, identity_with_account(), Terms("cancel", Selection()))
    one.guard = replace(one.guard, identity=identity.identity)
    assert one.look_for(60.0) is None
    assert one.guard.sight is not None
    assert "of another account" in one.guard.sight.awaits
    told = holder_of(identity.identity)
    same = heard(holder=told)
    same.guard = replace(same.guard, identity=identity.identity)
    assert same.look_for(60.0) is not None


def identity_with_account() -> Identity:
    return Identity("venue testnet", "credential", "42")


def test_a_bot_that_its_desk_says_is_dead_counts_at_once() -> None:
    """The desk may die while it cancels."""
    one = heard()
    news = one.hear(beat(3, bot="dead"))
    assert facts.Tripped(one.now, Cause.SILENCE, "alpha/quoter", "as alpha says", Terms("cancel", BTC)) in news


def test_a_dead_bot_whose_silence_cancels_nothing_at_its_desk_cancels_nothing_here() -> None:
    one = heard(terms=Terms("none", BTC))
    one.hear(beat(3, bot="dead", terms=Terms("none", BTC)))
    assert one.trip is None
    assert one.look_for(60.0) is not None, "the death of its host cancels whatever its on_trip"


def test_a_host_on_hold_trips_nothing_before_the_hold_is_over() -> None:
    one = heard()
    one.host = replace(one.host, hold=Hold(one.now + 130.0, "alice"))
    assert one.look_for(119.0) is None
    one.hear(beat(3, bot="dead"))
    assert one.trip is None
    one.host = replace(one.host, hold=None)
    assert one.look_for(60.0) is not None


def tripped() -> Witnessing:
    one = heard()
    one.look_for(60.0)
    one.guard = one.guard.post(facts.TripDone(one.now, presumed=False))
    one.posted.clear()
    return one


def test_it_stands_by_again_once_a_bot_of_the_desk_checks_in() -> None:
    one = tripped()
    one.look_for(30.0)
    assert one.phase() is Phase.TRIPPED, "and it trips no second time"
    late = replace(beat(9), bots={"quoter": BotTold("alive", 600.0)})
    one.hear(late)
    assert one.phase() is Phase.TRIPPED, "the desk is back, but no bot has checked in since"
    one.hear(beat(10, bot="dead"))
    assert one.phase() is Phase.TRIPPED
    one.hear(beat(11))
    assert one.phase() is Phase.ARMED


def test_without_a_bot_the_next_beat_is_enough() -> None:
    one = heard(watches=())
    one.look_for(60.0)
    one.guard = one.guard.post(facts.TripDone(one.now, presumed=False))
    one.hear(beat(10, watches=()))
    assert one.phase() is Phase.ARMED


def test_an_operators_trip_stays_whoever_is_heard() -> None:
    one = heard()
    one.guard = one.guard.post(facts.Tripped(one.now, Cause.OPERATOR, "alice"))
    assert one.guard.trip is not None
    assert one.guard.trip.terms == Terms("cancel", BTC), "the desk's own selection"
    one.guard = one.guard.post(facts.TripDone(one.now, presumed=False))
    one.hear(beat(10))
    assert one.phase() is Phase.TRIPPED


def test_a_witness_without_a_session_does_not_say_that_it_stands_by() -> None:
    one = heard()
    assert (one.phase(), one.guard.protected(one.now)) == (Phase.ARMED, True)
    one.guard = one.guard.post(facts.SessionClosed(one.now))
    assert one.phase() is Phase.DEGRADED
    one.now += TIMEOUT
    assert not one.guard.protected(one.now)


def test_a_backup_that_is_restored_is_life_and_a_key_that_is_gone_is_none() -> None:
    one = heard()
    one.look(moved=True)
    assert one.trip is None
    while one.trip is None:
        one.look(present=False)
    assert one.trip.cause is Cause.HOST


NOT_YET = Watch("alpha", TIMEOUT)
UP = Watch("alpha", TIMEOUT, seen_until=90.0).check_in(88.0, None)
DEAD = replace(UP, died_at=103.0)
SAID = beat()
SHORTER, LONGER = replace(SAID, timeout=5.0), replace(SAID, timeout=60.0)


@pytest.mark.parametrize(
    ("before", "look", "after"),
    [
        (NOT_YET, Sighting(100.0, None, moved=False, present=False), replace(NOT_YET, seen_until=100.0)),
        (
            NOT_YET,
            Sighting(100.0, SAID, moved=False, present=True),
            replace(NOT_YET, counted_from=100.0, unheard=True, seen_until=100.0),
        ),
        (
            UP,
            Sighting(91.0, SAID, moved=True, present=True),
            replace(UP, counted_from=91.0, last_check_in_at=91.0, check_ins=2, seen_until=91.0),
        ),
        (UP, Sighting(93.0, SAID, moved=False, present=True), replace(UP, seen_until=93.0)),
        (UP, Sighting(91.0, None, moved=False, present=False), replace(UP, seen_until=91.0)),
        (
            UP,
            Sighting(93.1, SAID, moved=False, present=True),
            replace(UP, counted_from=93.1, unheard=True, seen_until=93.1),
        ),
        (
            UP,
            Sighting(91.0, SAID, moved=False, present=True, was_blind=True),
            replace(UP, counted_from=91.0, unheard=True, seen_until=91.0),
        ),
        (
            replace(UP, unheard=True),
            Sighting(94.0, SAID, moved=False, present=True),
            replace(UP, counted_from=92.0, unheard=True, seen_until=94.0),
        ),
        (
            replace(UP, seen_until=None, unheard=True),
            Sighting(100.0, SAID, moved=False, present=True, was_blind=True),
            replace(UP, unheard=True, seen_until=100.0),
        ),
        (
            UP,
            Sighting(91.0, SHORTER, moved=False, present=True),
            replace(UP, timeout=5.0, counted_from=91.0, unheard=True, seen_until=91.0),
        ),
        (UP, Sighting(91.0, LONGER, moved=False, present=True), replace(UP, timeout=60.0, seen_until=91.0)),
        (
            UP,
            Sighting(91.0, beat(stopped=True), moved=True, present=True),
            replace(UP, counted_from=None, last_check_in_at=91.0, check_ins=2, seen_until=91.0, goodbye_at=91.0),
        ),
        (
            UP,
            Sighting(91.0, beat(stopped=True), moved=False, present=True, unreadable="no JSON"),
            replace(UP, seen_until=91.0),
        ),
        (
            replace(UP, seen_until=101.0),
            Sighting(103.0, SAID, moved=False, present=True),
            replace(UP, seen_until=103.0, died_at=103.0),
        ),
        (replace(UP, seen_until=101.0), Sighting(102.9, SAID, False, True), replace(UP, seen_until=102.9)),
        (replace(DEAD, seen_until=104.0), Sighting(105.0, SAID, False, True), replace(DEAD, seen_until=105.0)),
        (
            replace(DEAD, died_at=102.0, seen_until=104.0),
            Sighting(105.0, SAID, False, True),
            replace(DEAD, died_at=102.0, seen_until=105.0),
        ),
    ],
)
def test_a_host_after_one_more_look(before: Watch, look: Sighting, after: Watch) -> None:
    assert after_look(before, look) == after


OURS, OTHERS = Identity("venue testnet", "ours", "42"), Identity("venue testnet", "ours", "43")


def case_of(told: DeskBeat | None, host: Watch = UP, guard: Guard | None = None, unreadable: str = "") -> WitnessCase:
    look = Sighting(91.0, told, moved=False, present=True, unreadable=unreadable)
    return WitnessCase(ACCOUNT, guard or Guard(35.0, identity=OURS), host, look, "ours")


@pytest.mark.parametrize(
    ("told", "barred"),
    [
        (None, "alpha has not been heard of"),
        (beat(stopped=True), "the daemon on alpha was stopped by somebody: nothing is cancelled before it runs again"),
        (replace(SAID, accounts={}), "alpha has no account options-desk"),
        (beat(left_alone="disarmed"), "options-desk is disarmed at alpha: it is left alone"),
        (
            beat(holder=holder_of(OTHERS)),
            "this API key is of another account than that of alpha/options-desk: nothing is cancelled",
        ),
        (beat(holder=holder_of(OURS)), ""),
        (SAID, ""),
    ],
)
def test_why_nothing_of_the_desks_may_be_cancelled_is_said_in_words(told: DeskBeat | None, barred: str) -> None:
    case = case_of(told)
    assert (case.barred, case.awaits) == (barred, barred)
    assert replace(case, host=replace(UP, last_check_in_at=None)).awaits == (
        barred or "alpha has not been heard since this witness started"
    )


def test_a_venue_that_has_not_told_us_whose_account_it_is_bars_nothing() -> None:
    assert case_of(beat(holder=holder_of(OURS)), guard=Guard(35.0)).barred == ""


@pytest.mark.parametrize(
    ("told", "unreadable", "machine", "faults"),
    [
        (SAID, "", "ours", []),
        (None, "no JSON", "ours", ["what stands under the name of alpha cannot be read and is skipped: no JSON"]),
        (replace(SAID, machine="ours"), "", "ours", ["alpha runs on this very machine, and dies with it"]),
        (replace(SAID, machine=""), "", "", []),
        (beat(key="ours"), "", "ours", ["the desk logs in with the same API key: give the witness one of its own"]),
        (beat(key="other"), "", "ours", []),
    ],
)
def test_what_makes_a_pair_weaker_than_it_looks_is_said_and_bars_nothing(
    told: DeskBeat | None, unreadable: str, machine: str, faults: list[str]
) -> None:
    case = replace(case_of(told, unreadable=unreadable), machine=machine)
    assert list(case.faults) == faults
    assert case.sight() == Sight(
        "alpha",
        TIMEOUT,
        seen_at=91.0,
        heard_at=88.0,
        awaits="" if told else "alpha has not been heard of",
        faults=tuple(faults),
        terms=Terms("cancel", BTC) if told else None,
    )


DONE = Trip(80.0, Cause.HOST, "alpha", "", done_at=85.0)
BACK = Guard(35.0, trip=DONE, identity=OURS)


def bots(**states: tuple[str, float | None]) -> DeskBeat:
    told = {name: BotTold(state, heard) for name, (state, heard) in states.items()}  # type: ignore[arg-type]
    account = AccountTold(("quoter", "hedger"), Terms("cancel", BTC))
    return DeskBeat("run", 9, TIMEOUT, machine="theirs", bots=told, accounts={"options-desk": account})


ALIVE, QUIET = ("alive", 5.9), ("alive", 6.0)
"""Heard after the trip was done, at 85 s, and just then; it is 91 s now."""


@pytest.mark.parametrize(
    ("told", "host", "guard", "by"),
    [
        (bots(quoter=ALIVE, hedger=ALIVE), UP, BACK, "alpha/quoter"),
        (bots(quoter=QUIET, hedger=ALIVE), UP, BACK, "alpha/hedger"),
        (bots(quoter=QUIET), UP, BACK, None),
        (bots(quoter=("held", 1.0)), UP, BACK, None),
        (bots(quoter=("alive", None)), UP, BACK, None),
        (bots(quoter=ALIVE, hedger=("dead", 60.0)), UP, BACK, None),
        (bots(other=("dead", 60.0), quoter=ALIVE), UP, BACK, "alpha/quoter"),
        (bots(), UP, BACK, None),
        (beat(watches=()), UP, BACK, "alpha"),
        (beat(watches=()), replace(UP, last_check_in_at=85.0), BACK, None),
        (beat(watches=()), replace(UP, last_check_in_at=85.1), BACK, "alpha"),
        (beat(watches=()), replace(UP, last_check_in_at=None), BACK, None),
        (beat(watches=()), replace(UP, died_at=90.0), BACK, None),
        (beat(watches=()), UP, replace(BACK, trip=replace(DONE, done_at=None)), None),
        (beat(watches=()), UP, replace(BACK, trip=replace(DONE, cause=Cause.OPERATOR)), None),
        (beat(watches=()), UP, replace(BACK, disarm=facts.Disarmed(86.0, "alice")), None),
        (beat(watches=()), UP, replace(BACK, trip=None), None),
        (replace(beat(watches=()), accounts={}), UP, BACK, None),
        (None, UP, BACK, None),
    ],
)
def test_it_stands_by_again_once_the_host_and_then_a_bot_was_heard_after_the_trip_was_done(
    told: DeskBeat | None, host: Watch, guard: Guard, by: str | None
) -> None:
    back = [fact for fact in judge(case_of(told, host, guard)) if isinstance(fact, facts.Rearmed)]
    words = "it is heard again" if by == "alpha" else "checked in"
    assert back == ([] if by is None else [facts.Rearmed(91.0, by, words)])


SILENT = replace(UP, counted_from=76.0, last_check_in_at=76.0, seen_until=91.0)
"""Its timeout is over at this very instant."""


@pytest.mark.parametrize(
    ("told", "host", "trip"),
    [
        (SAID, SILENT, ("alpha", Cause.HOST, "not heard for 15 s")),
        (SAID, replace(SILENT, counted_from=76.1), None),
        (SAID, replace(SILENT, hold=Hold(91.5, "alice")), None),
        (
            SAID,
            replace(SILENT, last_check_in_at=None, counted_from=70.0),
            ("alpha", Cause.HOST, "not heard for 21 s, since this witness looks"),
        ),
        (bots(quoter=("dead", 9.0)), UP, ("alpha/quoter", Cause.SILENCE, "as alpha says")),
        (bots(quoter=ALIVE, hedger=("dead", 9.0)), UP, ("alpha/hedger", Cause.SILENCE, "as alpha says")),
        (bots(quoter=("dead", 9.0)), SILENT, ("alpha", Cause.HOST, "not heard for 15 s")),
        (bots(quoter=("dead", 9.0)), replace(UP, hold=Hold(91.5, "alice")), None),
        (bots(other=("dead", 9.0)), UP, None),
        (bots(quoter=("released", 9.0)), UP, None),
        (beat(bot="dead", left_alone="disarmed"), SILENT, None),
        (beat(bot="dead", terms=Terms("none", BTC)), UP, None),
    ],
)
def test_a_host_that_is_silent_or_says_that_a_bot_is_dead_pulls_the_switch(
    told: DeskBeat, host: Watch, trip: tuple[str, Cause, str] | None
) -> None:
    pulled = [fact for fact in judge(case_of(told, host)) if isinstance(fact, facts.Tripped)]
    if trip is None:
        assert pulled == []
    else:
        by, cause, words = trip
        at = host.silent_at() if cause is Cause.HOST else 91.0
        assert pulled == [facts.Tripped(at or 0.0, cause, by, words, Terms("cancel", BTC))]


def test_a_host_that_was_never_heard_nor_counted_is_unheard_for_no_time() -> None:
    assert unheard(NOT_YET, 91.0) == "not heard for 0 s, since this witness looks"


def test_where_two_daemons_have_one_name_nothing_is_cancelled_whatever_they_write() -> None:
    words = "two daemons beat as alpha: whose host is dead cannot be told, and nothing is cancelled"
    for told in (SAID, beat(stopped=True)):
        case = case_of(told, SILENT)
        case = replace(case, look=replace(case.look, twins=True))
        assert case.barred == words
        assert not any(isinstance(fact, facts.Tripped) for fact in judge(case))
