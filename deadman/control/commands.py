"""What operators do to accounts and watches. Everything is checked before anything is done, to any account.

An operator's word is in force at once, then on disk, then confirmed: nothing is called done that a restart forgets.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import trio

from deadman.control import outcome, rpc
from deadman.control.outcome import Outcome, unwritten
from deadman.control.rpc import INVALID_PARAMS, Failure
from deadman.model.account import Standing
from deadman.model.board import Board
from deadman.model.clock import SUSPENDED
from deadman.model.drill import DrillEnded
from deadman.model.facts import Cause, Disarmed, Fact, Rearmed, Slept, Tripped
from deadman.model.guard import Guard, Phase
from deadman.model.settings import Account
from deadman.model.text import Times, left
from deadman.model.watch import Hold
from deadman.transport.peers import Peer

log = logging.getLogger(__name__)

COMMAND_TIMEOUT = 10.0
"""Seconds a command waits for the venues."""

DISK_TIMEOUT = 8.0
"""Seconds a word waits for the disk, which itself counts as hung after five."""

DISARM_POLL_INTERVAL = 1.0
"""Seconds a disarm may last too long. Looked at again and again: a sleep to the end would miss a suspend."""

Result = dict[str, Any]

Judge = Callable[[Account, Guard, Times], Outcome]
"""How far a command has come with an account."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request for a change, by somebody who may. `name` is the user's, as facts and people know it."""

    board: Board
    method: str
    params: Mapping[str, Any]
    peer: Peer
    name: str

    @property
    def now(self) -> float:
        return self.board.clock.now()

    def log(self, subject: str, reason: str, accounts: tuple[str, ...] = (), watch: str | None = None) -> None:
        """Every change is told with who and why, before it is done; each account has it in its own history."""
        who = {"user": self.name, "uid": self.peer.uid, "pid": self.peer.pid}
        event = f"operator_{self.method}"
        by = f"by {self.name} (uid {self.peer.uid}, pid {self.peer.pid}): {reason or 'no reason given'}"
        log.warning("%s %s %s", self.method, subject, by, extra={"event": event, "reason": reason, **who})
        for account in accounts or (None,):
            self.board.note(event, f"{self.method} {account or subject} {by}", account, watch)

    def accounts_and_reason(self) -> tuple[tuple[str, ...], str]:
        """Of a command to accounts: valid, and logged. Raises Failure."""
        names, reason = rpc.accounts(self.params, self.board.configs), rpc.reason(self.params)
        self.log(", ".join(names), reason, names)
        return names, reason


async def arm(call: Call) -> Result:
    """A trip under way is carried to zero first; when that takes longer than we wait, the answer says so."""
    rpc.expect(call.params, ("accounts", "reason"))
    names, reason = call.accounts_and_reason()
    refused = _refused(call.board, names, arming=True)
    owed = set(names) - set(refused)

    def rearm() -> None:
        # Once each: a later disarm by somebody else is a later word than ours.
        standings = call.board.standings()
        for name in sorted(owed):
            if name not in standings or standings[name].phase is not Phase.TRIPPING:
                owed.discard(name)
                call.board.post(name, Rearmed(call.now, call.name, reason))

    return await _settle(call.board, names, refused, outcome.of_arm, rearm)


async def disarm(call: Call) -> Result:
    rpc.expect(call.params, ("accounts", "reason", "for"))
    span = rpc.span(call.params)
    names, reason = call.accounts_and_reason()
    ends = None if span is None else call.now + span
    fact = Disarmed(call.now, call.name, reason, ends, call.board.clock.slept())
    before = {name: call.board.standing(name).guard for name in names}

    def judge(account: Account, guard: Guard, times: Times) -> Outcome:
        told, was = outcome.of_disarm(account, guard, times), before[account.name]
        if account.lease is None and told.done and was.switch.proven_on and not was.turned_on:
            return Outcome(True, f"{told.words}; its cancel-on-disconnect stays on: somebody else had turned it on")
        return told

    return await _change(call, names, fact, judge)


async def trip(call: Call) -> Result:
    rpc.expect(call.params, ("accounts", "reason"))
    names, reason = call.accounts_and_reason()
    return await _change(call, names, Tripped(call.now, Cause.OPERATOR, call.name, reason), outcome.of_trip)


async def drill(call: Call) -> Result:
    """Has the switches of accounts fire; returns when each was seen to cancel, or why it was not."""
    rpc.expect(call.params, ("accounts", "live", "reason"))
    carry_out, live = call.board.drill, call.params.get("live", False)
    if not isinstance(live, bool):
        raise Failure(INVALID_PARAMS, "live must be true or false")
    if carry_out is None:
        raise Failure(rpc.TOO_MANY, "deadman has not come up yet: ask again")
    names, _ = call.accounts_and_reason()
    ended = dict[str, DrillEnded]()

    async def one(name: str) -> None:
        ended[name] = await carry_out(name, call.name, live)

    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(one, name)
    told = [
        {
            "account": name,
            "passed": end.outcome == "passed",
            "seconds": end.seconds and round(end.seconds, 3),
            "why": end.words,
        }
        for name, end in ((name, ended[name]) for name in names)
    ]
    return {"drills": told}


async def hold(call: Call) -> Result:
    """No trips by this watch for a while; a hold without an end would be a switch turned off and forgotten."""
    rpc.expect(call.params, ("watch", "for", "reason"))
    span, reason = rpc.span(call.params), rpc.reason(call.params)
    name = rpc.watch(call.params, call.board.watches())
    if span is None:
        raise Failure(INVALID_PARAMS, "a hold needs for: how many seconds it lasts")
    until = call.now + span
    call.log(f"{name} for {span:.0f} s", reason, watch=name)
    held = Hold(until, call.name, reason, call.board.clock.slept())
    call.board.put_watch(replace(call.board.watch(name), hold=held))
    words = f"on hold until {Times.of(call.board.clock).told(until)}: its silence trips nothing"
    return await _answer_once_written(call, name, words)


async def release(call: Call) -> Result:
    """The hold ends now: a bot that is silent for its timeout trips at once."""
    rpc.expect(call.params, ("watch", "reason"))
    name, reason = rpc.watch(call.params, call.board.watches()), rpc.reason(call.params)
    call.log(name, reason, watch=name)
    before = call.board.watch(name)
    released = replace(before, hold=None)
    call.board.put_watch(released)
    silent_at = released.silent_at()
    if silent_at is None:
        follows = "it has not checked in"
    elif released.seen_until is not None and silent_at > call.now:
        follows = "it is another host: its silence counts while it is looked for"
    elif silent_at <= call.now:
        follows = "it is silent, so its accounts are tripped unless they are disarmed"
    else:
        follows = f"it is alive, and dead unless it checks in within {left(silent_at - call.now)}"
    return await _answer_once_written(call, name, f"{'released' if before.hold else 'was not on hold'}; {follows}")


async def _answer_once_written(call: Call, watch: str, words: str) -> Result:
    disk = Disk(call.board)
    await disk.write()
    return {"watch": watch, "done": disk.fault is None, "words": words + unwritten(disk.fault)}


async def _change(call: Call, names: tuple[str, ...], fact: Fact, judge: Judge) -> Result:
    refused = _refused(call.board, names, arming=False)
    for name in names:
        if name not in refused:
            call.board.post(name, fact)
    return await _settle(call.board, names, refused, judge)


def _refused(board: Board, names: tuple[str, ...], *, arming: bool) -> dict[str, Outcome]:
    """The accounts that are left alone, and why.

    A trip or disarm of an account that is only looked at would be believed and never be done. What is armed a dead bot,
    or of a witness the dead host, would trip again at once, and with it what people placed by hand meanwhile.
    """
    refused, watches, now = {}, board.watches(), board.clock.now()
    for name in names:
        account = board.configs[name]
        hosts = (account.desk,) if account.desk is not None else ()
        dead = [one for one in (*account.watches, *hosts) if one in watches and watches[one].silent(now)]
        if account.observe and not arming:
            refused[name] = Outcome(False, "left alone: deadman only observes it (observe = true)")
        elif arming and dead and not account.observe and account.on_trip != "none":
            hint = f"start it, or `deadman hold {dead[0]}` first"
            kind = "host" if dead[0] in hosts else "bot"
            refused[name] = Outcome(False, f"left alone: {kind} {dead[0]} is dead and would trip it at once; {hint}")
    return refused


async def _settle(
    board: Board,
    names: tuple[str, ...],
    refused: Mapping[str, Outcome],
    judge: Judge,
    at_each_change: Callable[[], None] = lambda: None,
) -> Result:
    """Wait until all is done that is not refused, for as long as we wait; tell how far each account has come."""

    def outcomes() -> dict[str, Outcome]:
        standings, times = board.standings(), Times.of(board.clock)
        return {
            name: judge(board.configs[name], standings[name].guard, times)
            if name in standings
            else Outcome(False, "no longer in the config")
            for name in names
            if name not in refused
        }

    def settled() -> bool:
        at_each_change()
        return all(one.done for one in outcomes().values())

    disk = Disk(board)
    with trio.move_on_after(COMMAND_TIMEOUT):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(disk.write)
            await _wait_until(board, settled)
            await disk.write()
    told = dict(refused)
    for name, one in outcomes().items():
        told[name] = Outcome(one.done and disk.fault is None, one.words + unwritten(disk.fault))
    return {"accounts": {name: asdict(told[name]) for name in names}}


async def _wait_until(board: Board, settled: Callable[[], bool]) -> None:
    """Return once `settled()`; it is asked now and after each change of any account."""
    changed = trio.Event()

    def listener(account: str, before: Standing, after: Standing) -> None:
        changed.set()

    board.listen(listener)
    try:
        while not settled():
            await changed.wait()
            changed = trio.Event()
    finally:
        board.unlisten(listener)


@dataclass
class Disk:
    """`fault`: why the disk does not know of a word that is in force; None once it does."""

    board: Board
    fault: str | None = "the disk has not answered"

    async def write(self) -> None:
        """Return once the disk has taken, or refused, all that the board says now; or when it takes too long."""
        with trio.move_on_after(DISK_TIMEOUT):
            self.fault = self.board.state_fault if self.board.written is None else await self.board.written()


async def end_disarms(board: Board) -> None:
    """Re-arm every account whose disarm has run out, until cancelled."""
    while True:
        end_those_over(board)
        await trio.sleep(DISARM_POLL_INTERVAL)


def end_those_over(board: Board) -> None:
    """A disarm's end is first moved by what the machine has slept."""
    for account, guard in board.guards().items():
        slept, disarm = board.clock.slept(), guard.disarm
        if disarm is not None and abs(slept - disarm.slept) >= SUSPENDED:
            board.post(account, Slept(board.clock.now(), slept))
            disarm = board.standing(account).guard.disarm
        if disarm is not None and disarm.until is not None and disarm.until <= board.clock.now():
            board.post(account, Rearmed(disarm.until, "deadman", "the time of the disarm is over"))
