"""One keeper an account, watched over: a bug is survived, told, and never held against a later one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from deadman.daemon.keeper import Keeper
from deadman.daemon.keepers import Keepers
from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.errors import Reason
from deadman.model.facts import Cause
from deadman.model.guard import Phase
from deadman.model.proof import Coverage, Proof
from deadman.model.settings import Account, Selection, Terms
from deadman.model.sight import Sight
from tests.support.boards import deribit, sxbet


class Buggy(Keeper):
    """Crashes after so many seconds; notes when it was started."""

    lasts = 0.0
    started: list[float]

    async def run(self) -> None:
        self.started.append(trio.current_time())
        await trio.sleep(self.lasts)
        raise RuntimeError("a bug")


def never_opened() -> Any:
    raise NotImplementedError


async def starts(lasts: float, seconds: float, account: Account = deribit("desk")) -> list[float]:  # noqa: B008
    """When a keeper that crashes after `lasts` seconds is started, within `seconds`."""
    board, started = Board.new(Clock(trio.current_time, trio.current_time)), list[float]()

    def hire(account: Account) -> Keeper:
        keeper = Buggy(account, board, never_opened, Random(1))
        keeper.lasts, keeper.started = lasts, started
        return keeper

    async with trio.open_nursery() as nursery:
        Keepers(board, nursery, Random(1), hire).apply({account.name: account})
        await trio.sleep(seconds)
        nursery.cancel_scope.cancel()
    return started


async def test_a_keeper_that_crashes_at_once_is_started_again_ever_more_slowly(autojump_clock: MockClock) -> None:
    started = await starts(0.0, 300.0)
    gaps = [later - earlier for earlier, later in pairwise(started)]
    assert 0 < gaps[0] < 1
    assert max(gaps) > 15
    assert len(started) < 25


async def test_while_a_lease_may_stand_a_crashed_keeper_is_started_at_the_pace_of_renewals(
    autojump_clock: MockClock,
) -> None:
    account = replace(sxbet("maker"), renew_interval=2.0)  # a fresh account's lease is presumed for its 30 s
    leased = [at for at in await starts(0.0, 30.0, account) if at < 30.0]
    assert len(leased) >= 14
    assert all(later - earlier <= 2.0 for earlier, later in pairwise(leased))


async def test_a_crash_after_a_long_quiet_is_a_first_one(autojump_clock: MockClock) -> None:
    started = await starts(100.0, 3000.0)
    gaps = [later - earlier - 100.0 for earlier, later in pairwise(started)]
    assert len(gaps) > 25
    assert max(gaps) < 1


@pytest.mark.parametrize(("lasts", "pause"), [(59.0, 24.0), (61.0, 0.0)])
async def test_only_after_a_minute_of_quiet_a_crash_is_a_first_one(
    lasts: float, pause: float, autojump_clock: MockClock
) -> None:
    gaps = [later - earlier - lasts for earlier, later in pairwise(await starts(lasts, 900.0))]
    assert pause <= gaps[-1] < pause + 6.1


async def test_a_crash_is_told_and_the_account_keeps_what_was_proven_until_it_runs_out(
    autojump_clock: MockClock,
) -> None:
    board = Board.new(Clock(trio.current_time, trio.current_time))

    class Proves(Keeper):
        async def run(self) -> None:
            await trio.sleep(1.0)
            if trio.current_time() < 2.0:
                proof = Proof(trio.current_time(), 30.0, Coverage.INHERITED)
                self.board.post("desk", facts.SessionOpened(trio.current_time(), can_cancel=True))
                self.board.post("desk", facts.Proven(trio.current_time(), proof))
            raise RuntimeError("a bug")

    def hire(account: Account) -> Keeper:
        return Proves(account, board, never_opened, Random(1))

    async with trio.open_nursery() as nursery:
        Keepers(board, nursery, Random(1), hire).apply({"desk": deribit("desk")})
        await trio.sleep(5)
        after = board.standing("desk")
        assert (after.phase, after.guard.protected(5.0), after.guard.can_cancel) == (Phase.DEGRADED, True, False)
        assert after.guard.trouble is not None
        assert after.guard.trouble.reason is Reason.CRASH
        assert after.tally.lost == {"crash": 1}
        await trio.sleep(30)
        assert not board.standing("desk").guard.protected(35.0), "a crash prolongs no claim"
        nursery.cancel_scope.cancel()


async def test_a_keeper_let_go_while_it_is_at_work_leaves_its_neighbours_and_the_service_alone(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Removed at the instant at which a session ends, it may look once more at its account."""
    board = Board.new(Clock(trio.current_time, trio.current_time))

    class Looks(Keeper):
        async def run(self) -> None:
            with trio.CancelScope(shield=True):
                await trio.sleep(1.0)
            self.board.standing(self.account.name)
            await trio.sleep_forever()

    def hire(account: Account) -> Keeper:
        return Looks(account, board, never_opened, Random(1))

    async with trio.open_nursery() as nursery:
        keepers = Keepers(board, nursery, Random(1), hire)
        keepers.apply({name: deribit(name) for name in ("desk", "spare")})
        await trio.sleep(0.5)
        keepers.apply({"spare": deribit("spare")})
        await trio.sleep(5.0)
        assert set(board.standings()) == {"spare"}
        nursery.cancel_scope.cancel()
    assert "crashed" not in caplog.text


def test_nothing_is_wanted_of_what_can_never_be_proven() -> None:
    board = Board.new(Clock(lambda: 0.0, lambda: 0.0))
    board.add(replace(sxbet("seen"), observe=True))
    board.add(replace(deribit("looked-at"), observe=True))
    board.add(sxbet("kept"))
    wanted = {name: one.guard.wanted(0.0) for name, one in board.standings().items()}
    assert wanted == {"seen": False, "looked-at": True, "kept": True}


class Quiet(Keeper):
    """Rests; `made` are all that were ever made, with the account that each was made for."""

    made: list[tuple[Quiet, Account]]
    is_at_work = False

    async def run(self) -> None:
        self.is_at_work = True
        try:
            await trio.sleep_forever()
        finally:
            self.is_at_work = False


@dataclass
class House:
    """Keepers over a board, which rest."""

    board: Board
    keepers: Keepers
    made: list[tuple[Quiet, Account]]

    async def apply(self, *accounts: Account) -> None:
        self.keepers.apply({account.name: account for account in accounts})
        await trio.sleep(0.1)

    async def post(self, *posted: facts.Fact) -> None:
        for fact in posted:
            self.board.post("desk", fact)
        await trio.sleep(0.1)

    def at_work(self) -> list[tuple[str, bool]]:
        return [(keeper.account.name, keeper.account.observe) for keeper, _ in self.made if keeper.is_at_work]


@asynccontextmanager
async def house(*accounts: Account) -> AsyncIterator[House]:
    board, made = Board.new(Clock(trio.current_time, trio.current_time)), list[tuple[Quiet, Account]]()

    def hire(account: Account) -> Keeper:
        made.append((Quiet(account, board, never_opened, Random(1)), account))
        return made[-1][0]

    async with trio.open_nursery() as nursery:
        one = House(board, Keepers(board, nursery, Random(1), hire), made)
        await one.apply(*accounts)
        yield one
        nursery.cancel_scope.cancel()


DESK = replace(deribit("desk"), on_trip="cancel")
TRIPPED = facts.Tripped(0.0, Cause.OPERATOR, "alice")
GONE = facts.TripDone(0.0, presumed=False)


async def test_an_unchanged_account_keeps_its_keeper_and_a_change_that_needs_no_session_reaches_it(
    autojump_clock: MockClock,
) -> None:
    async with house(DESK, deribit("spare")) as one:
        await one.apply(replace(DESK, on_trip="none"), deribit("spare"))
        assert len(one.made) == 2
        assert one.made[0][0].account.on_trip == "none"


async def test_a_change_of_the_session_ends_the_old_one_and_hires_anew(autojump_clock: MockClock) -> None:
    async with house(DESK) as one:
        await one.post(facts.SessionOpened(trio.current_time(), can_cancel=True))
        await one.apply(replace(DESK, verify_interval=12.0))
        assert [keeper.is_at_work for keeper, _ in one.made] == [False, True]
        assert one.board.guard("desk").session_at is None


async def test_what_fails_is_tried_at_once_after_a_reload_and_what_is_fine_is_left_alone(
    autojump_clock: MockClock,
) -> None:
    async with house(DESK, deribit("spare")) as one:
        await one.post(facts.Lost(trio.current_time(), Reason.DNS))
        await one.apply(DESK, deribit("spare"))
        called = {name: guard.called_at is not None for name, guard in one.board.guards().items()}
        assert called == {"desk": True, "spare": False}


async def test_an_account_that_is_only_observed_since_is_so_once_its_trip_is_done(autojump_clock: MockClock) -> None:
    async with house(DESK) as one:
        await one.post(replace(TRIPPED, at=trio.current_time()))
        await one.apply(replace(DESK, observe=True))
        assert one.at_work() == [("desk", False)]
        await one.post(facts.RoundDone(trio.current_time(), 1, 2))
        assert one.at_work() == [("desk", False)]
        await one.post(replace(GONE, at=trio.current_time()))
        assert one.at_work() == [("desk", True)]


async def test_an_account_that_is_gone_from_the_config_is_let_go_once_its_trip_is_done(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "deadman.daemon")
    async with house(DESK, deribit("spare")) as one:
        await one.post(replace(TRIPPED, at=trio.current_time()))
        for _ in range(2):
            await one.apply(deribit("spare"))
        assert set(one.board.standings()) == {"desk", "spare"}
        assert ("desk", False) in one.at_work()
        await one.post(replace(GONE, at=trio.current_time()))
        assert set(one.board.standings()) == {"spare"}
        assert one.at_work() == [("spare", False)]
        assert one.board.leaving == {}
        assert [text for text in caplog.messages if text.startswith("desk:")] == [
            "desk: gone from the config, but being tripped: that is carried to zero first",
            "desk: its trip is done; it is let go, as the config says",
        ]


async def test_one_that_is_back_in_the_config_before_its_trip_is_done_stays(autojump_clock: MockClock) -> None:
    async with house(DESK) as one:
        await one.post(replace(TRIPPED, at=trio.current_time()))
        await one.apply()
        await one.apply(DESK)
        await one.post(replace(GONE, at=trio.current_time()))
        assert one.at_work() == [("desk", False)]
        assert len(one.made) == 1


async def test_a_witness_cancels_by_its_desks_terms_as_soon_as_they_are_told(autojump_clock: MockClock) -> None:
    standby = replace(DESK, witness_of="alpha/desk")
    async with house(standby) as one:
        await one.post(facts.Sighted(trio.current_time(), Sight("alpha")))
        assert one.made[-1][0].account.selection == Selection()
        told = Sight("alpha", terms=Terms("cancel", Selection(currency="BTC")))
        await one.post(facts.Sighted(trio.current_time(), told))
        assert one.made[-1][0].account.selection == Selection(currency="BTC")
        assert [keeper.is_at_work for keeper, _ in one.made][-1]


async def test_an_account_is_gone_for_good_once_no_trip_holds_it(autojump_clock: MockClock) -> None:
    async with house(DESK, deribit("spare")) as one:
        await one.apply(deribit("spare"))
        assert (set(one.board.standings()), one.at_work()) == ({"spare"}, [("spare", False)])
        assert one.board.leaving == {}
