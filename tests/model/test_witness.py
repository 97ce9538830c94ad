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
from deadman.model.watch import Hold, Watch
from deadman.model.witness import Look, WitnessCase, after_look, judge
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
        look = Look(self.now, self.beat, moved, present, self.is_blind)
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
        """Look without a beat for so long; when it tripped."""
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
