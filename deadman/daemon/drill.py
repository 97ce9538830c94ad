"""Drills: on an operator's word an account's switch is made to fire, and the venue is seen to cancel.

Nothing waits for a drill. A trip, a disarm or a reload that concerns its account breaks it off; then, as after any end
of it, what it placed is cancelled by its label. That is on the disk before anything is placed, so that the next run
cancels what a crash has left.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random

import trio

from deadman.model.account import Standing
from deadman.model.board import Board
from deadman.model.drill import LABEL, DrillBegun, DrillCleaned, DrillEnded
from deadman.model.errors import NotFired, VenueError
from deadman.model.facts import Fact
from deadman.model.guard import Guard, Phase
from deadman.model.leases import HEARD_WITHIN, Asked
from deadman.model.settings import Account, Backoff
from deadman.model.text import span
from deadman.venues.venue import Door, Drill

log = logging.getLogger(__name__)

FIRE_TIMEOUT = 46.0
CLEAN_UP_TIMEOUT = 9.0
"""Seconds; together they keep an answer within a minute."""

LONGEST = FIRE_TIMEOUT + HEARD_WITHIN
"""Seconds from a drill's beginning, besides the answers it waits for, until nothing of it is carried out any more."""

WRITE_TIMEOUT = 2.0
"""Seconds for the label to be on the disk; nothing is placed before."""

SETTLE_TIMEOUT = 2.0
"""Seconds for a renewal that is under way to be answered: one carried out later would undo the lease's end."""

LOOK_INTERVAL = 0.5
"""Seconds between two looks whether a reload has taken the account away."""

RETRY = Backoff(first=1.0, cap=30.0)
"""Until the venue lists nothing of a drill that has ended."""

LEVELS = {"passed": logging.INFO, "failed": logging.ERROR, "refused": logging.WARNING}

AT_ONCE = 4
"""Drills: each takes two connections, of which the venues allow an address a few dozen."""


def refusal(account: Account, guard: Guard, now: float, *, live: bool) -> str:
    """Why no drill may begin, in words; empty where one may."""
    phase = guard.phase(now)
    if account.witness_of is not None:
        return "it is a witness, which arms nothing: drill at its desk"
    if account.observe:
        return "deadman only observes it (observe = true)"
    if account.network != "testnet" and not live:
        return f"network {account.network} is real money: say --live"
    if phase in (Phase.TRIPPING, Phase.TRIPPED, Phase.DISARMED):
        return f"it is {phase}"
    if guard.drills.under_way is not None:
        return "a drill is under way"
    if guard.drills.left is not None:
        return f"an earlier one is not over: {guard.drills.left.remains}"
    if not guard.protected(now) or guard.session_at is None:
        return f"its switch is not proven now ({phase}): there is nothing to be tried"
    return ""


@dataclass
class DrillRunner:
    """All drills of one run. `run` comes first, and cancels what earlier ones have left."""

    board: Board
    chance: Random
    make_door: Callable[[Account], Door]
    _turns: trio.Semaphore = field(default_factory=lambda: trio.Semaphore(AT_ONCE))

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:

            def listen(name: str, before: Standing, after: Standing) -> None:
                if before.guard.drills.left is not after.guard.drills.left is not None:
                    nursery.start_soon(self._clean_up_left, name)

            self.board.listen(listen)
            self.board.drill = self.drill
            for name, guard in self.board.guards().items():
                if guard.drills.left is not None:
                    nursery.start_soon(self._clean_up_left, name)
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                self.board.unlisten(listen)

    async def drill(self, name: str, by: str, live: bool) -> DrillEnded:
        """One drill of an account, from its beginning to its end, which is posted too."""
        async with self._turns:
            account = self.board.configs.get(name)
            if account is None:
                return DrillEnded(self._now(), "refused", "no longer in the config")
            why = refusal(account, self.board.standing(name).guard, self._now(), live=live)
            if not why:
                return await self._carry_out(account, by)
        ended = DrillEnded(self._now(), "refused", why)
        self._post(name, ended)
        return ended

    async def _carry_out(self, account: Account, by: str) -> DrillEnded:
        """Whatever ends us in the middle leaves the cleaning up to who comes next."""
        label = f"{LABEL}{self.chance.getrandbits(48):012x}"
        until = self._now() + LONGEST + 2 * account.timers.reply_timeout
        drill = self.make_door(account).drill(label)
        ended = DrillEnded(self._now(), "refused", "deadman ended in the middle of it", None, label, "deadman ended")
        self._post(account.name, DrillBegun(self._now(), label, by, until, account.lease is not None))
        try:
            ended = await self._cleaned(account.name, await self._while_called_for(account, label, drill), drill)
        finally:
            self._post(account.name, ended)
            verdict = "failed, THE SWITCH WAS NOT SEEN TO FIRE" if ended.outcome == "failed" else ended.outcome
            text = f"{account.name}: drill {verdict}: {ended.words}"
            level, event = LEVELS[ended.outcome], f"drill_{ended.outcome}"
            self.board.tell(log, level, event, text, account=account.name)
        return ended

    async def _while_called_for(self, account: Account, label: str, drill: Drill) -> DrillEnded:
        """Broken off at once by a trip or a disarm, and soon by a reload that takes the account away."""
        ended = None
        with trio.CancelScope() as scope:

            def listen(name: str, before: Standing, after: Standing) -> None:
                if self._against(account, label):
                    scope.cancel()

            async def look() -> None:
                while not self._against(account, label):
                    await trio.sleep(LOOK_INTERVAL)
                scope.cancel()

            self.board.listen(listen, account.name)
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(look)
                    ended = await self._fire(account.name, label, drill)
                    nursery.cancel_scope.cancel()
            finally:
                self.board.unlisten(listen, account.name)
        why = f"broken off: {self._against(account, label)}"
        return ended or DrillEnded(self._now(), "refused", why, None, label)

    async def _fire(self, name: str, label: str, drill: Drill) -> DrillEnded:
        """However it ends, which is not raised."""
        if why := await self._unready(name):
            return DrillEnded(self._now(), "refused", why, None, label)
        try:
            with trio.fail_after(FIRE_TIMEOUT):
                fired = await drill.fire()
            return DrillEnded(self._now(), "passed", fired.words, fired.seconds, label)
        except NotFired as error:
            return DrillEnded(self._now(), "failed", error.detail, None, label)
        except VenueError as error:
            return DrillEnded(self._now(), "refused", f"nothing is proven: {error.detail}", None, label)
        except trio.TooSlowError:
            why = f"not seen to cancel within {FIRE_TIMEOUT:.0f} s"
            return DrillEnded(self._now(), "failed", why, None, label)

    async def _unready(self, name: str) -> str:
        """Wait until the disk knows of the drill, and no renewal may undo it; why not, where that does not come."""
        fault: str | None = "the disk has not answered"
        with trio.move_on_after(WRITE_TIMEOUT):
            fault = self.board.state_fault if self.board.written is None else await self.board.written()
        if fault is not None:
            return f"the state cannot be written ({fault}): after a crash nobody would know what it left"
        with trio.move_on_after(SETTLE_TIMEOUT):
            while any(one.is_open for one in self._asked(name)):
                await trio.sleep(0.05)
        unsettled = max((one.heard_until for one in self._asked(name)), default=0.0) - self._now()
        if unsettled > 0:
            return f"a renewal was not answered and may be carried out yet: try again in {span(unsettled)}"
        return ""

    def _asked(self, name: str) -> tuple[Asked, ...]:
        return self.board.guard(name).leases.asked if name in self.board.configs else ()

    async def _cleaned(self, name: str, ended: DrillEnded, drill: Drill) -> DrillEnded:
        """The end, once nothing of it rests; else with why something may, which is seen to later."""
        left, told = "the venue has not answered", ""
        with trio.move_on_after(CLEAN_UP_TIMEOUT):
            try:
                told = await drill.clean_up()
                left = "" if drill.unsettled_until <= self._now() else "the venue may yet do what it has not answered"
            except VenueError as error:
                left = error.detail
        if left and name not in self.board.configs:  # nobody cleans up under a name that is gone
            told, left = f"NOT CLEANED UP ({left}): look for what is labelled {ended.label}", ""
        return replace(ended, why="; ".join(filter(None, (ended.why, told))), left=left)

    async def _clean_up_left(self, name: str) -> None:
        """Until the venue lists nothing of it, and carries out nothing of it any more."""
        failures, latest = 0, self._now() + LONGEST
        while name in self.board.configs and (drill := self.board.guard(name).drills.left) is not None:
            failures, until = failures + 1, min(drill.until, latest)
            pause = RETRY.delay(failures, self.chance)
            if not self.board.guard(name).stranger:
                with suppress(VenueError), trio.move_on_after(CLEAN_UP_TIMEOUT):
                    await self.make_door(self.board.configs[name]).drill(drill.label).clean_up()
                    if self._now() >= until:
                        self._post(name, DrillCleaned(self._now()))
                        text = f"{name}: nothing is left of the drill {drill.label}"
                        self.board.tell(log, logging.INFO, "drill_cleaned", text, account=name)
                    pause = min(pause, max(until - self._now(), RETRY.first))
            await trio.sleep(pause)

    def _against(self, account: Account, label: str) -> str:
        """Why a drill may not go on; empty while it may."""
        if account.name not in self.board.configs:
            return "the account was taken out of the config"
        guard = self.board.guard(account.name)
        if guard.trip is not None:
            return "a trip came in between"
        if guard.disarm is not None:
            return "it was disarmed"
        if guard.drills.under_way is None or guard.drills.under_way.label != label:
            return "its name came to stand for another account"
        if self.board.configs[account.name].session_settings() != account.session_settings():
            return "its config was changed"
        return ""

    def _post(self, name: str, fact: Fact) -> None:
        self.board.post(name, fact)

    def _now(self) -> float:
        return self.board.clock.now()
