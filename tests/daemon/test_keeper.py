"""A keeper before a session that does as a test says: what it asks of it, when it tries again, and what it posts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from deadman.daemon.keeper import LONGEST_PAUSE_AFTER_PROOF, LOOK_TIMEOUT, Keeper
from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused, Setback, SwitchOff, Unavailable, VenueError
from deadman.model.facts import Cause, Fact, Round
from deadman.model.proof import Coverage, Proof
from deadman.model.settings import REFUSED, REFUSED_AT_FIRST, REPAIR, STABLE, Account
from deadman.venues.venue import OpenSession
from tests.support.boards import deribit, sxbet

DESK = replace(deribit("desk"), on_trip="cancel", verify_interval=10.0)
LEASE = sxbet("desk")


class Longest(Random):
    """The longest delay each time."""

    def uniform(self, a: float, b: float) -> float:
        return b


@dataclass
class Script:
    """A session. `says`: what a method does the next times, an error to raise or a value; else it goes well."""

    board: Board
    account: Account
    says: dict[str, list[Any]] = field(default_factory=dict)
    began_at: float = 0.0
    asked: list[tuple[float, str]] = field(default_factory=list)
    posted: list[Fact] = field(default_factory=list)

    def _next(self, name: str, otherwise: Any = None) -> Any:
        self.asked.append((trio.current_time() - self.began_at, name))
        told = self.says.get(name, [])
        said = told.pop(0) if told else otherwise
        if isinstance(said, BaseException):
            raise said
        return said

    def _proof(self) -> Proof:
        lease = self.account.lease
        return Proof(trio.current_time(), lease or 25.0, Coverage.INHERITED if lease is None else Coverage.LEASE)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Script]:
        self._next("open")
        self.board.post("desk", facts.SessionOpened(trio.current_time(), can_cancel=True))
        yield self

    async def arm(self) -> Proof:
        return cast(Proof, self._next("arm", self._proof()))

    async def renew(self) -> Proof:
        return cast(Proof, self._next("renew", self._proof()))

    async def attend(self, until: float) -> None:
        self._next("attend")
        await trio.sleep_until(until)

    def recount(self) -> None:
        self._next("recount")

    async def identify(self) -> str | None:
        return cast("str | None", self._next("identify", "42"))

    async def disarm(self) -> None:
        self._next("disarm")
        now = trio.current_time()
        if self.account.lease is not None:
            self.post(facts.Attempted(now, 0.0), facts.LeaseGranted(now, now, 0.0, 0.0))

    async def cancel_orders(self, method: str) -> Round:
        return cast(Round, self._next(f"cancel by {method}", Round(0, 0)))

    def post(self, *posted: Fact) -> None:
        for fact in posted:
            self.board.post("desk", fact)

    def when(self, *names: str) -> list[float]:
        return [round(at, 3) for at, name in self.asked if name in names]

    def did(self) -> list[str]:
        return [name for _, name in self.asked if name != "attend"]


async def kept(
    account: Account,
    seconds: float,
    story: Callable[[Script], Any] = lambda script: None,
    says: dict[str, list[Any]] | None = None,
    **of: Any,
) -> Script:
    """A keeper at work for so long; `story` may be a coroutine that goes on beside it."""
    await trio.sleep(100.0)
    board = Board.new(Clock(trio.current_time, trio.current_time))
    board.add(account)
    script = Script(board, account, says or {}, trio.current_time())
    post = board.post

    def noted(name: str, fact: Fact) -> None:
        script.posted.append(replace(fact, at=fact.at - script.began_at))
        post(name, fact)

    board.post = noted  # type: ignore[method-assign, assignment]
    keeper = Keeper(account, board, cast(OpenSession, script.open), Longest(1), **of)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.run)
        told = story(script)
        if told is not None:
            await told
        await trio.sleep(seconds)
        nursery.cancel_scope.cancel()
    return script


CLOSED = Unavailable(Reason.CLOSED, "gone")
LATER = Setback(Reason.VENUE_ERROR, "later")
NO = Refused(Reason.CREDENTIALS, "13004")
OFF = SwitchOff(Reason.VENUE_ERROR, "off")
SILENT = Unavailable(Reason.SILENT, "no answer")


async def test_a_session_is_armed_once_named_and_renewed_as_often_as_the_timers_say(autojump_clock: MockClock) -> None:
    script = await kept(DESK, 35.0)
    assert script.did() == ["open", "arm", "identify", "renew", "renew", "renew"]
    assert script.when("arm", "renew") == [0.0, 10.0, 20.0, 30.0]
    assert [fact.account for fact in script.posted if isinstance(fact, facts.Identified)] == ["42"]


async def test_what_read_off_is_armed_anew_and_not_renewed(autojump_clock: MockClock) -> None:
    script = await kept(DESK, 35.0, says={"renew": [OFF]})
    assert script.did() == ["open", "arm", "identify", "renew", "arm", "renew", "renew"]


async def test_a_venue_that_will_not_tell_whose_account_it_is_keeps_us_from_nothing(autojump_clock: MockClock) -> None:
    script = await kept(DESK, 15.0, says={"identify": [NO]})
    assert script.did() == ["open", "arm", "identify", "renew"]
    assert [fact.account for fact in script.posted if isinstance(fact, facts.Identified)] == [None]


async def test_orders_that_may_be_gone_are_counted_after_the_proof(autojump_clock: MockClock) -> None:
    def doubt(script: Script) -> None:
        script.post(facts.OrdersRemembered(script.began_at, 3, 60.0))

    assert "recount" in (await kept(DESK, 1.0, doubt)).did()
    assert "recount" not in (await kept(DESK, 1.0)).did()


@pytest.mark.parametrize(("account", "readied"), [(LEASE, 1), (DESK, 1)])
async def test_what_must_outlive_us_is_on_disk_before_the_first_proof_of_a_session_alone(
    account: Account, readied: int, autojump_clock: MockClock
) -> None:
    at = list[float]()

    async def ready() -> None:
        at.append(trio.current_time())
        await trio.sleep(0.5)

    script = await kept(account, 25.0, ready=ready)
    assert at == [script.began_at] * readied
    assert script.when("arm") == [0.5]
    assert script.when("renew")


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (CLOSED, [0.0, 0.125, 0.625, 1.625, 3.625, 7.625, 12.625, 17.625, 22.625, 27.625]),
        (Unavailable(Reason.MAINTENANCE, "", 20.0), [0.0, 20.0]),
        (NO, [0.0, 1.0, 5.0, 10.0, 15.0, 20.0, 25.0]),
    ],
)
async def test_a_session_that_does_not_open_is_tried_at_the_pace_of_what_kept_it(
    error: VenueError, tries: list[float], autojump_clock: MockClock
) -> None:
    script = await kept(DESK, 28.0, says={"open": [error] * 99})
    assert script.when("open") == tries


async def test_a_no_that_lasts_is_tried_slowly_after_the_timers_patience(autojump_clock: MockClock) -> None:
    assert (REFUSED_AT_FIRST.cap, REFUSED.cap, DESK.timers.patient_after) == (5.0, 40.0, 30.0)
    script = await kept(DESK, 120.0, says={"open": [NO] * 99})
    assert script.when("open") == [0.0, 1.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 70.0, 110.0]


async def test_a_switch_that_reads_off_is_tried_over_the_same_session_and_slower_for_long(
    autojump_clock: MockClock,
) -> None:
    assert REPAIR.cap == 20.0
    script = await kept(DESK, 100.0, says={"arm": [OFF] * 99})
    assert script.when("open") == [0.0]
    assert script.when("arm") == [0.0, 1.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 50.0, 70.0, 90.0]


async def test_a_no_that_ended_counts_for_nothing_against_a_later_one(autojump_clock: MockClock) -> None:
    says: dict[str, list[Any]] = {"open": [*[NO] * 8, None, NO, NO, NO], "renew": [CLOSED]}
    script = await kept(DESK, 120.0, says=says)
    assert script.when("open")[7:] == [30.0, 70.0, 80.125, 84.125, 89.125, 94.125]


@pytest.mark.parametrize(("lasted", "pause"), [(STABLE, 0.125), (STABLE - 1.0, LONGEST_PAUSE_AFTER_PROOF)])
async def test_a_session_that_was_proven_is_opened_again_soon_and_at_once_if_it_was_stable(
    lasted: float, pause: float, autojump_clock: MockClock
) -> None:
    account = replace(DESK, verify_interval=lasted)
    script = await kept(account, 20.0, says={"renew": [CLOSED], "open": [CLOSED] * 4})
    opened, lost_at = script.when("open"), script.when("renew")[0]
    assert opened[:5] == [0.0, 0.125, 0.625, 1.625, 3.625]
    assert lost_at == 3.625 + lasted
    assert opened[5] == pytest.approx(lost_at + pause)


async def test_a_session_that_is_lost_again_and_again_after_its_proof_is_tried_within_a_second(
    autojump_clock: MockClock,
) -> None:
    script = await kept(replace(DESK, verify_interval=5.0), 60.0, says={"renew": [CLOSED] * 99})
    gaps = [later - sooner for sooner, later in zip(script.when("renew"), script.when("open")[1:], strict=False)]
    assert len(gaps) >= 9
    assert max(gaps) == pytest.approx(LONGEST_PAUSE_AFTER_PROOF)
    assert gaps[0] == pytest.approx(0.125)


async def test_a_passing_no_keeps_the_session_and_is_tried_again_on_it(autojump_clock: MockClock) -> None:
    script = await kept(DESK, 20.0, says={"renew": [LATER, LATER]})
    assert script.when("open") == [0.0]
    assert script.when("renew")[:3] == [10.0, 10.125, 10.625]
    assert [fact.detail for fact in script.posted if isinstance(fact, facts.Failed)] == ["later", "later"]


@pytest.mark.parametrize(
    ("error", "gaps"),
    [
        (CLOSED, [0.125, 0.5, 1.0, 2.0, 4.0, 5.0, 4.344, 3.258, 2.443, 1.832, 1.374, 1.031, 0.773, 0.58, 0.5, 0.5]),
        (NO, [1.0, 4.0, 5.0, 5.0, 5.0, 5.0, 3.75, 0.938, 0.5]),
    ],
)
async def test_while_a_lease_stands_tries_come_ever_nearer_to_its_end(
    error: VenueError, gaps: list[float], autojump_clock: MockClock
) -> None:
    def granted(script: Script) -> None:
        now = trio.current_time()
        script.board.post("desk", facts.Attempted(now, 30.0))
        script.board.post("desk", facts.LeaseGranted(now, now, 30.0, 30.0))

    script = await kept(LEASE, 31.0, granted, says={"open": [error] * 99})
    tried = [at - script.when("open")[0] for at in script.when("open")]
    told = [round(later - sooner, 3) for sooner, later in pairwise(tried)]
    assert told[: len(gaps)] == pytest.approx(gaps, abs=0.002)


async def test_an_operators_word_ends_a_pause_and_a_changed_secret_one_after_a_no(autojump_clock: MockClock) -> None:
    async def word(script: Script) -> None:
        await trio.sleep(40.0)
        script.board.post("desk", facts.Called(trio.current_time()))

    script = await kept(DESK, 1.0, word, says={"open": [NO] * 8})
    assert script.when("open")[-1] == 40.0

    async def changes() -> None:
        await trio.sleep(2.5)

    script = await kept(DESK, 10.0, says={"open": [NO, NO]}, secret_changed=changes)
    assert script.when("open") == [0.0, 1.0, 3.5]
    script = await kept(DESK, 10.0, says={"open": [CLOSED] * 6}, secret_changed=changes)
    assert script.when("open")[-1] == 7.625


async def test_a_word_to_a_session_that_is_fine_asks_for_nothing(autojump_clock: MockClock) -> None:
    async def word(script: Script) -> None:
        await trio.sleep(4.0)
        script.board.post("desk", facts.Called(trio.current_time()))

    assert (await kept(DESK, 4.0, word)).did() == ["open", "arm", "identify"]


async def test_a_word_long_after_a_pause_asks_for_nothing_either(autojump_clock: MockClock) -> None:
    async def word(script: Script) -> None:
        await trio.sleep(4.0)
        script.board.post("desk", facts.Called(trio.current_time()))

    script = await kept(DESK, 4.0, word, says={"open": [CLOSED], "arm": [LATER]})
    assert script.did() == ["open", "open", "arm", "arm", "identify"]


async def test_a_doubt_is_answered_with_a_proof_at_once(autojump_clock: MockClock) -> None:
    async def doubt(script: Script) -> None:
        await trio.sleep(4.0)
        script.board.post("desk", facts.Doubted(trio.current_time(), "the host slept"))

    script = await kept(DESK, 2.0, doubt)
    assert script.when("arm", "renew") == [0.0, 4.0]


@pytest.mark.parametrize(
    ("rounds", "pauses"),
    [
        ([Round(2, 0)], []),
        ([Round(2, 1), Round(1, 0)], [0.5]),
        ([Round(0, 3)] * 3 + [Round(3, 0)], [0.5, 0.5, 0.5]),
        ([LATER, Round(2, 0)], [0.125]),
    ],
)
async def test_a_trip_goes_on_until_nothing_is_listed(
    rounds: list[Any], pauses: list[float], autojump_clock: MockClock
) -> None:
    async def trip(script: Script) -> None:
        await trio.sleep(4.0)
        script.board.post("desk", facts.Tripped(trio.current_time(), Cause.OPERATOR, "alice"))

    script = await kept(DESK, 5.0, trip, says={"cancel by cancel": list(rounds)})
    at = script.when("cancel by cancel")
    assert at[0] == 4.0
    assert [round(later - sooner, 3) for sooner, later in pairwise(at)] == pauses
    done = [fact for fact in script.posted if isinstance(fact, facts.TripDone)]
    assert done == [facts.TripDone(at[-1], presumed=False)]
    assert script.when("open") == [0.0]


async def test_a_round_tells_all_that_it_knows(autojump_clock: MockClock) -> None:
    def trip(script: Script) -> None:
        script.post(facts.Tripped(script.began_at, Cause.OPERATOR, "alice"))

    told = Round(2, 1, 1, "11029", frozenset({"a"}))
    script = await kept(DESK, 0.1, trip, says={"cancel by cancel": [told]})
    assert facts.RoundDone(0.0, 2, 1, 1, "11029", frozenset({"a"})) in script.posted


async def test_a_round_whose_list_cannot_be_read_ends_the_session_and_not_the_trip(autojump_clock: MockClock) -> None:
    def trip(script: Script) -> None:
        script.post(facts.Tripped(script.began_at, Cause.OPERATOR, "alice"))

    script = await kept(DESK, 0.3, trip, says={"cancel by cancel": [Round(2, None)]})
    assert script.did()[:4] == ["open", "cancel by cancel"] * 2
    lost = [fact for fact in script.posted if isinstance(fact, facts.Lost)]
    assert [(fact.reason, fact.detail) for fact in lost] == [(Reason.VENUE_ERROR, "what is still open cannot be read")]


@pytest.mark.parametrize(("turned_on", "asked"), [(True, ["disarm"]), (False, [])])
async def test_a_disarm_turns_off_only_what_we_turned_on(
    turned_on: bool, asked: list[str], autojump_clock: MockClock
) -> None:
    async def word(script: Script) -> None:
        await trio.sleep(4.0)
        if turned_on:
            script.board.post("desk", facts.TurnedOn(trio.current_time()))
        script.board.post("desk", facts.Disarmed(trio.current_time(), "alice"))

    script = await kept(DESK, 20.0, word)
    assert script.did()[3:] == asked
    assert script.board.guard("desk").disarm_confirmed
    assert script.board.guard("desk").session_at is None, "nothing is left to be done there"


async def test_a_disarm_that_fails_is_tried_again(autojump_clock: MockClock) -> None:
    def word(script: Script) -> None:
        script.post(facts.TurnedOn(script.began_at), facts.Disarmed(script.began_at, "alice"))

    script = await kept(DESK, 20.0, word, says={"disarm": [LATER]})
    assert script.did() == ["open", "disarm", "disarm"]


async def test_at_rest_open_orders_are_counted_now_and_then_and_what_fails_is_no_news(
    autojump_clock: MockClock,
) -> None:
    looks, given = list[float](), [3, LATER, NO, "hangs", 5]

    async def count() -> int:
        looks.append(trio.current_time() - 100.0)
        said = given.pop(0) if given else 0
        if isinstance(said, VenueError):
            raise said
        if said == "hangs":
            await trio.sleep(1000.0)
        return cast(int, said)

    def rests(script: Script) -> None:
        script.post(facts.Disarmed(script.began_at, "alice"), facts.DisarmConfirmed(script.began_at))

    script = await kept(DESK, 299.0, rests, count_orders=count)
    assert looks == [0.0, 60.0, 120.0, 180.0, 240.0]
    counted = [(fact.at, fact.count) for fact in script.posted if isinstance(fact, facts.OrdersCounted)]
    assert counted == [(0.0, 3), (240.0, 5)]
    assert script.did() == []
    assert (LOOK_TIMEOUT, LONGEST_PAUSE_AFTER_PROOF, STABLE) == (15.0, 1.0, 10.0)


async def test_a_witness_stands_by_and_asks_for_nothing_but_its_name(autojump_clock: MockClock) -> None:
    script = await kept(replace(DESK, witness_of="alpha/desk"), 35.0)
    assert script.did() == ["open", "identify"]
    assert [fact.at for fact in script.posted if isinstance(fact, facts.StoodBy)] == [0.0, 10.0, 20.0, 30.0]


@pytest.mark.parametrize(
    ("heard_for", "asked"),
    [(0.0, [0.0]), (-1.0, [0.0]), (4.0, [0.0, 4.0]), (25.0, [0.0, 10.0, 20.0, 25.0])],
)
async def test_a_lease_is_let_go_once_no_earlier_request_may_take_another(
    heard_for: float, asked: list[float], autojump_clock: MockClock
) -> None:
    def word(script: Script) -> None:
        now = script.began_at
        script.post(facts.LeasePresumed(now, 30.0, now + heard_for), facts.Disarmed(now, "alice"))

    script = await kept(LEASE, 40.0, word)
    assert script.when("disarm") == asked
    confirmed = [fact.at for fact in script.posted if isinstance(fact, facts.DisarmConfirmed)]
    assert confirmed == asked[-1:]


@pytest.mark.parametrize(
    ("heard_for", "renewed"), [(None, [10.0, 20.0]), (6.0, [6.0, 16.0]), (9.9, [9.9, 19.9]), (10.0, [10.0, 20.0])]
)
async def test_a_proof_that_an_earlier_request_may_undo_is_renewed_as_soon_as_that_may_not(
    heard_for: float | None, renewed: list[float], autojump_clock: MockClock
) -> None:
    def asked_before(script: Script) -> None:
        if heard_for is not None:
            script.post(facts.LeasePresumed(script.began_at, 5.0, script.began_at + heard_for))

    script = await kept(LEASE, 20.5, asked_before)
    assert script.when("renew")[:2] == pytest.approx(renewed)


@pytest.mark.parametrize("said", [Round(0, None), SILENT, NO])
async def test_a_trip_whose_list_cannot_be_read_is_presumed_done_once_its_lease_is_over(
    said: Any, autojump_clock: MockClock
) -> None:
    def trip(script: Script) -> None:
        now = script.began_at
        script.post(facts.Attempted(now, 30.0), facts.LeaseGranted(now, now, 30.0, 30.0))
        script.post(facts.Tripped(now, Cause.SILENCE, "quoter"))

    account = replace(LEASE, on_trip="lapse")
    script = await kept(account, 60.0, trip, says={"cancel by lapse": [said] * 99, "cancel by expire": [said] * 99})
    done = [fact for fact in script.posted if isinstance(fact, facts.TripDone)]
    assert [fact.presumed for fact in done] == [True]
    assert 30.0 <= done[0].at < 36.0


async def test_what_is_open_still_once_a_lease_is_over_is_no_presumption(autojump_clock: MockClock) -> None:
    def trip(script: Script) -> None:
        now = script.began_at
        script.post(facts.Attempted(now, 30.0), facts.LeaseGranted(now, now, 30.0, 30.0))
        script.post(facts.Tripped(now, Cause.SILENCE, "quoter"))

    script = await kept(replace(LEASE, on_trip="lapse"), 34.0, trip, says={"cancel by lapse": [Round(0, 3)] * 999})
    assert not any(isinstance(fact, facts.TripDone) for fact in script.posted)
    rounds = script.when("cancel by lapse")
    assert [round(later - sooner, 3) for sooner, later in pairwise(rounds)] == [0.5] * (len(rounds) - 1)


async def test_after_a_minute_of_a_trip_rounds_come_every_five_seconds_or_as_slowly_as_they_are(
    autojump_clock: MockClock,
) -> None:
    def trip(script: Script) -> None:
        script.post(facts.Tripped(script.began_at, Cause.OPERATOR, "alice"))

    script = await kept(DESK, 75.0, trip, says={"cancel by cancel": [Round(0, 3)] * 999})
    rounds = script.when("cancel by cancel")
    assert [at for at in rounds if at >= 60.0] == [60.0, 65.0, 70.0, 75.0][: len([at for at in rounds if at >= 60.0])]
    assert len([at for at in rounds if at < 60.0]) == 120


@pytest.mark.parametrize(("enabled", "armed_at"), [(False, 4.0), (True, 0.0)])
async def test_nothing_is_proven_before_an_earlier_word_to_the_contrary_is_settled(
    enabled: bool, armed_at: float, autojump_clock: MockClock
) -> None:
    def sent_before(script: Script) -> None:
        script.post(facts.SwitchSent(script.began_at, enabled, script.began_at + 4.0))

    assert (await kept(DESK, 6.0, sent_before)).when("arm") == [armed_at]


@pytest.mark.parametrize(("enabled", "disarmed_at"), [(True, 4.0), (False, 0.0)])
async def test_nothing_is_turned_off_before_an_earlier_word_to_the_contrary_is_settled(
    enabled: bool, disarmed_at: float, autojump_clock: MockClock
) -> None:
    def word(script: Script) -> None:
        now = script.began_at
        script.post(facts.TurnedOn(now), facts.SwitchSent(now, enabled, now + 4.0), facts.Disarmed(now, "alice"))

    assert (await kept(DESK, 6.0, word)).when("disarm") == [disarmed_at]


@pytest.mark.parametrize(("stands_by_for", "pause"), [(2, 0.125), (1, LONGEST_PAUSE_AFTER_PROOF)])
async def test_a_witness_that_stood_by_for_long_enough_is_opened_again_at_once(
    stands_by_for: int, pause: float, autojump_clock: MockClock
) -> None:
    says: dict[str, list[Any]] = {"attend": [*[None] * stands_by_for, CLOSED], "open": [CLOSED] * 4}
    script = await kept(replace(DESK, witness_of="alpha/desk", verify_interval=STABLE - 1.0), 40.0, says=says)
    opened = script.when("open")
    assert opened[4] == 3.625
    assert opened[5] == pytest.approx(3.625 + stands_by_for * (STABLE - 1.0) + pause)


async def test_a_bug_is_told_as_one_and_raised(autojump_clock: MockClock) -> None:
    known: list[Script] = []
    with pytest.raises(ExceptionGroup) as raised:
        await kept(DESK, 5.0, known.append, says={"arm": [ValueError("a bug")]})
    assert raised.group_contains(ValueError, match="a bug")
    guard = known[0].board.guard("desk")
    assert (guard.trouble and guard.trouble.reason, guard.session_at) == (Reason.CRASH, None)
