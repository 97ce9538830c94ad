"""Laws over any story of two bots, three accounts and an operator."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from deadman.model import facts
from deadman.model.facts import Cause
from deadman.model.guard import Guard
from deadman.model.settings import WatchConfig
from deadman.model.trip import Trip
from tests.support.boards import sxbet
from tests.support.watching import WatchDesk, deribit, watch_desk

ACCOUNTS = ("a", "b", "c")
bots = st.sampled_from(["quoter", "hedger"])
names = st.sampled_from(ACCOUNTS)


class Desk(RuleBasedStateMachine):
    desk: WatchDesk
    before: dict[str, Guard]

    @initialize()
    def open(self) -> None:
        watches = (WatchConfig("quoter", 2.0), WatchConfig("hedger", 3.0, on_stopping="release"))
        accounts = (deribit("a", "quoter"), deribit("b", "quoter", "hedger"), sxbet("c", "quoter", "hedger"))
        self.desk = watch_desk(*accounts, watches=watches)
        self.before = {}

    @rule(bot=bots)
    def check_in(self, bot: str) -> None:
        self.desk.beat(bot)

    @rule(bot=bots, word=st.sampled_from(["STOPPING=1", "WATCHDOG=trigger", "garbage"]))
    def say(self, bot: str, word: str) -> None:
        self.desk.say(bot, word)

    @rule(bot=bots, seconds=st.sampled_from([0.5, 4.0]))
    def hold(self, bot: str, seconds: float) -> None:
        self.desk.hold(bot, seconds)

    @rule(bot=bots)
    def release(self, bot: str) -> None:
        self.desk.hand.board.put_watch(replace(self.desk.watch(bot), hold=None))

    @rule(seconds=st.sampled_from([0.1, 0.3, 1.0, 2.2, 5.0]), beating=st.sets(bots))
    def pass_time(self, seconds: float, beating: set[str]) -> None:
        self.desk.advance(seconds, *beating)

    @rule(seconds=st.sampled_from([0.9, 1.5, 60.0]))
    def stall(self, seconds: float) -> None:
        self.desk.hand.stall(seconds)

    @rule(account=names)
    def finish(self, account: str) -> None:
        if self.desk.guard(account).trip is not None:
            self.desk.finish_trip(account)

    @rule(account=names)
    def disarm(self, account: str) -> None:
        self.desk.hand.post(account, facts.Disarmed(self.desk.hand.now, "alice"))

    @rule(account=names)
    def trip(self, account: str) -> None:
        self.desk.hand.post(account, facts.Tripped(self.desk.hand.now, Cause.OPERATOR, "alice"))

    @rule(account=names)
    def arm(self, account: str) -> None:
        self.desk.hand.post(account, facts.Rearmed(self.desk.hand.now, "alice"))

    @invariant()
    def the_watches_keep_to_the_law(self) -> None:
        if not hasattr(self, "desk"):
            return
        desk, before = self.desk, {name: self.desk.guard(name) for name in ACCOUNTS}
        desk.look()
        for name in ACCOUNTS:
            self.no_switch_is_kept_for_a_dead_bot(name)
            self.no_lease_is_kept_without_every_bot(name)
            self.an_operators_word_stands(before[name], desk.guard(name))
            self.a_trip_under_way_goes_on(before[name].trip, desk.guard(name).trip)

    def no_switch_is_kept_for_a_dead_bot(self, name: str) -> None:
        guard, now = self.desk.guard(name), self.desk.hand.now
        if guard.trip is None and guard.disarm is None:
            account = self.desk.hand.board.configs[name]
            assert not any(self.desk.watch(bot).silent(now) for bot in account.watches)

    def no_lease_is_kept_without_every_bot(self, name: str) -> None:
        alive = [self.desk.watch(bot).alive(self.desk.hand.now) for bot in ("quoter", "hedger")]
        assert self.desk.guard(name).awaited is (name == "c" and not all(alive))

    def an_operators_word_stands(self, before: Guard, after: Guard) -> None:
        assert before.disarm == after.disarm
        if before.trip is not None and before.trip.cause is Cause.OPERATOR:
            assert after.trip is not None
            assert after.trip.cause is Cause.OPERATOR

    def a_trip_under_way_goes_on(self, before: Trip | None, after: Trip | None) -> None:
        if before is not None and before.done_at is None:
            assert after == before


Desk.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestWatchesOverAnyStory = Desk.TestCase
