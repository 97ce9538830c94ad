"""What operators do to accounts. Everything is checked before anything is done, to any account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace

import trio

from deadman.board import Board
from deadman.config.schema import Account
from deadman.control import outcome, params, vetoes
from deadman.control.call import Call, Result
from deadman.control.changes import until
from deadman.control.disk import Disk
from deadman.control.outcome import Outcome
from deadman.control.vetoes import Veto
from deadman.facts import Cause, Disarmed, Fact, Rearmed, Tripped
from deadman.guard import Guard, Phase
from deadman.report.times import Times

PATIENCE = 10.0
"""Seconds a command waits for the venues (contract, section 1)."""

Judge = Callable[[Account, Guard, Times], Outcome]


async def arm(call: Call) -> Result:
    """A trip under way is carried to zero first; when that takes longer than we wait, the answer says so."""
    params.expect(call.params, ("accounts", "reason"))
    names, reason = _checked(call)
    refused = _refused(call.board, names, vetoes.of_arm)
    owed = set(names) - set(refused)

    def rearm() -> None:
        # Once each: a later disarm by somebody else is a later word than ours.
        for name in sorted(owed):
            if _phase(call.board, name) is not Phase.TRIPPING:
                owed.discard(name)
                call.board.post(name, Rearmed(call.now, call.name, reason))

    return await _settle(call.board, names, refused, outcome.of_arm, rearm)


async def disarm(call: Call) -> Result:
    params.expect(call.params, ("accounts", "reason", "for"))
    span = params.span(call.params)
    names, reason = _checked(call)
    ends = None if span is None else call.now + span
    return await _post(call, names, Disarmed(call.now, call.name, reason, ends, call.slept), outcome.of_disarm)


async def trip(call: Call) -> Result:
    params.expect(call.params, ("accounts", "reason"))
    names, reason = _checked(call)
    return await _post(call, names, Tripped(call.now, Cause.OPERATOR, call.name, reason), outcome.of_trip)


def _checked(call: Call) -> tuple[tuple[str, ...], str]:
    """The accounts and the reason, valid and logged."""
    names, reason = params.accounts(call.params, call.board.configs), params.reason(call.params)
    call.log(", ".join(names), reason)
    return names, reason


async def _post(call: Call, names: tuple[str, ...], fact: Fact, judge: Judge) -> Result:
    refused = _refused(call.board, names, vetoes.of_change)
    for name in names:
        if name not in refused:
            call.board.post(name, fact)
    return await _settle(call.board, names, refused, judge)


def _refused(board: Board, names: tuple[str, ...], veto: Veto) -> dict[str, Outcome]:
    """The accounts that are left alone, and why."""
    watches, now = board.watches(), board.clock.now()
    vetoed = ((name, veto(board.configs[name], watches, now)) for name in names)
    return {name: Outcome(False, why) for name, why in vetoed if why}


def _phase(board: Board, name: str) -> Phase | None:
    standing = board.standings().get(name)
    return standing.phase if standing else None


async def _settle(
    board: Board,
    names: tuple[str, ...],
    refused: Mapping[str, Outcome],
    judge: Judge,
    at_each_change: Callable[[], None] = lambda: None,
) -> Result:
    """Wait until all is done that is not refused, for as long as we wait; tell how far each account has come."""

    def settled() -> bool:
        at_each_change()
        return all(one.done for name, one in _outcomes(board, names, judge).items() if name not in refused)

    disk = Disk(board)
    with trio.move_on_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(disk.write)
            await until(board, settled)
            await disk.write()
    told = {name: _remembered(one, disk.fault) for name, one in _outcomes(board, names, judge).items()}
    outcomes = told | dict(refused)
    return {"accounts": {name: asdict(one) for name, one in outcomes.items()}}


def _remembered(one: Outcome, fault: str | None) -> Outcome:
    """Nothing is called done that a restart would forget."""
    return replace(one, done=one.done and fault is None, words=one.words + outcome.unwritten(fault))


def _outcomes(board: Board, names: tuple[str, ...], judge: Judge) -> dict[str, Outcome]:
    standings, times = board.standings(), Times.of(board.clock)
    gone = Outcome(False, "no longer in the config")
    return {
        name: judge(board.configs[name], standings[name].guard, times) if name in standings else gone for name in names
    }
