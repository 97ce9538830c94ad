"""What operators do to watches: planned work on a bot."""

from __future__ import annotations

from deadman.control import params
from deadman.control.call import Call, Result
from deadman.control.disk import Disk
from deadman.control.outcome import unwritten
from deadman.control.rpc import INVALID_PARAMS, Failure
from deadman.report.times import Times
from deadman.spoken import left
from deadman.watch import Hold, Watch


async def hold(call: Call) -> Result:
    """No trips by this watch for a while; a hold without an end would be a switch turned off and forgotten."""
    params.expect(call.params, ("watch", "for", "reason"))
    span, reason = params.span(call.params), params.reason(call.params)
    name = params.watch(call.params, call.board.watches())
    if span is None:
        raise Failure(INVALID_PARAMS, "a hold needs for: how many seconds it lasts")
    until = call.now + span
    call.log(f"{name} for {span:.0f} s", reason)
    call.board.put_watch(call.board.watch(name).held_until(Hold(until, call.name, reason, call.slept)))
    return await _answer(
        call, name, f"on hold until {Times.of(call.board.clock).told(until)}: its silence trips nothing"
    )


async def release(call: Call) -> Result:
    """The hold ends now: a bot that is silent for its timeout trips at once."""
    params.expect(call.params, ("watch", "reason"))
    name, reason = params.watch(call.params, call.board.watches()), params.reason(call.params)
    call.log(name, reason)
    before = call.board.watch(name)
    watch = before.held_until(None)
    call.board.put_watch(watch)
    return await _answer(call, name, f"{'released' if before.hold else 'was not on hold'}; {_follows(watch, call.now)}")


def _follows(watch: Watch, now: float) -> str:
    silent_at = watch.silent_at()
    if silent_at is None:
        return "it has not checked in"
    if silent_at <= now:
        return "it is silent, so its accounts are tripped unless they are disarmed"
    return f"it is alive, and dead unless it checks in within {left(silent_at - now)}"


async def _answer(call: Call, name: str, words: str) -> Result:
    disk = Disk(call.board)
    await disk.write()
    return {"watch": name, "done": disk.fault is None, "words": words + unwritten(disk.fault)}
