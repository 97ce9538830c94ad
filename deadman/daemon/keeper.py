"""One account's keeper: opens a session, arms, renews, and carries out what the guard calls for, until cancelled.

What is to be done is read off the guard, not remembered: a trip, a disarm or a doubt posted by anybody cuts short
whatever the keeper waits for, and the loop turns to it on the session at hand.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import assert_never

import trio

from deadman.model import facts
from deadman.model.account import Standing
from deadman.model.board import Board
from deadman.model.duty import Duty, cancel_method, duty, fact_of, trip_pace
from deadman.model.errors import Reason, Refused, Setback, SwitchOff, Unavailable, VenueError
from deadman.model.facts import Fact, Round
from deadman.model.guard import Guard
from deadman.model.settings import REFUSED, REFUSED_AT_FIRST, REPAIR, STABLE, Account, Backoff, Timers
from deadman.venues.venue import OpenSession, Session

LOOK_TIMEOUT = 15.0
"""Seconds for a count of open orders at rest, its own connection and login included."""

LONGEST_PAUSE_AFTER_PROOF = 1.0
"""Seconds at most until the next try when a session that was proven is lost, however often that happens."""


@dataclass
class Keeper:
    """Keeps one account. `ready` is awaited before arming: what must outlive us is on disk when it returns.

    `secret_changed` returns when the secret is another than the one that was read last.
    `count_orders` lists the open orders by a look of its own, which renews and changes nothing; None: not at rest.
    """

    account: Account
    board: Board
    open_session: OpenSession
    chance: Random
    ready: Callable[[], Awaitable[None]] | None = None
    count_orders: Callable[[], Awaitable[int]] | None = None
    secret_changed: Callable[[], Awaitable[None]] | None = None
    timers: Timers = field(init=False)
    _failures: int = 0
    _steady_since: float | None = None
    _armed: bool = False
    _looked_at: float = -inf
    _task: Duty = Duty.REST
    _refused_since: float | None = None
    _may_be_called: bool = False
    _scope: trio.CancelScope | None = None

    def __post_init__(self) -> None:
        self.timers = self.account.timers

    async def run(self) -> None:
        """Open, converse, and after a failure wait and open again, until cancelled."""
        self.board.listen(self._on_change, self.account.name)
        try:
            while True:
                while self._duty() is Duty.REST:
                    with self._until_called():
                        await self._look_on()
                await self._visit()
        finally:
            self.board.unlisten(self._on_change, self.account.name)

    async def _look_on(self) -> None:
        """Count the open orders now and then: those that rest while nothing is armed are nobody else's to tell of."""
        if self.count_orders is None:
            await trio.sleep_forever()
        while True:
            last = max(self._looked_at, self._guard().open_orders_at or -inf)
            await trio.sleep_until(last + self.timers.look_interval)
            self._looked_at = self._now()
            # What fails is no news of the switch: it is tried again, and the age of the last count tells of it.
            with suppress(VenueError), trio.move_on_after(LOOK_TIMEOUT):
                count = await self.count_orders()
                self._post(facts.OrdersCounted(self._now(), count))

    async def _visit(self) -> None:
        """One session, from dialling to its end; what ended it becomes a fact, and that it ended, whatever ended it."""
        self._armed, pause, self._task = False, 0.0, self._duty()
        try:
            async with self.open_session() as session:
                await self._converse(session)
        except VenueError as error:
            pause = self._take_note(error)
        except Exception as error:
            self._post(fact_of(error, self._now()))
            raise
        finally:
            self._post(facts.SessionClosed(self._now()))
        if self._is_on_task():
            with self._until_called(), self._pausing(), trio.move_on_after(pause):
                if self.secret_changed is None or self._refused_since is None:
                    await trio.sleep_forever()
                else:
                    await self.secret_changed()  # is tried at once

    async def _converse(self, session: Session) -> None:
        while (task := self._duty()) is not Duty.REST:
            self._task = task
            with self._until_called():
                pause = await self._noted(self._carry_out(task, session))
                with self._pausing():
                    while pause is not None and self._is_on_task():
                        pause = await self._noted(session.attend(self._now() + pause))

    async def _noted(self, doing: Awaitable[None]) -> float | None:
        """The venue's no to one request is told and is not the session's end; seconds to leave it alone, None if fine.

        That holds in every phase: proving, disarming, cancelling, and for what a session does while it is attended.
        """
        try:
            await doing
        except (Setback, SwitchOff) as error:
            return self._take_note(error)
        return None

    async def _carry_out(self, task: Duty, session: Session) -> None:
        match task:
            case Duty.IDENTIFY:
                await self._identify(session)
            case Duty.STAND_BY:
                await self._stand_by(session)
            case Duty.PROVE:
                await self._prove(session)
            case Duty.CANCEL:
                await self._cancel(session)
            case Duty.DISARM:
                await self._disarm(session)
            case Duty.REST:
                return
            case _:
                assert_never(task)

    async def _prove(self, session: Session) -> None:
        """One proof, and attention until the next is due. What read off is armed anew: a renewal proves less."""
        await self._settled(session, on=True)
        renewing = self._armed and self._guard().proof is not None
        if not renewing and self.ready is not None:
            await self.ready()
        proof = await (session.renew() if renewing else session.arm())
        self._armed = True
        self._steady_since = self._steady_since or self._now()
        self._refused_since = None
        self._post(facts.Proven(self._now(), proof))
        if self._guard().nameless:
            await self._identify(session)
        if self._guard().book.is_unsure:
            session.recount()
        if self._is_on_task():
            due, undone_until = (
                proof.asked_at + self.timers.renew_interval,
                self._guard().leases.undone_until(proof.ttl),
            )
            # An earlier request may undo the lease until then: the first one asked for after that is a claim.
            await session.attend(undone_until if proof.asked_at < undone_until < due else due)

    async def _stand_by(self, session: Session) -> None:
        """A witness asks the venue for nothing but whose account it is, and what is open."""
        if self._guard().nameless:
            await self._identify(session)
        self._steady_since, self._refused_since = self._steady_since or self._now(), None
        self._post(facts.StoodBy(self._now()))
        await session.attend(self._now() + self.timers.renew_interval)

    async def _settled(self, session: Session, *, on: bool) -> None:
        """Let the time go by in which the venue may yet turn the switch the other way, by an earlier word of ours."""
        while (until := self._guard().switch.contrary_until(on=on)) > self._now():
            await session.attend(until)

    async def _identify(self, session: Session) -> None:
        """Ask whose account it is. A venue that will not tell keeps us from nothing but what another account left."""
        account = None
        with suppress(VenueError):
            account = await session.identify()
        self._post(facts.Identified(self._now(), account))

    async def _disarm(self, session: Session) -> None:
        """Let go of the switch; a setting stays on where somebody else had turned it on: it is not ours to undo.

        A lease let go is believed once no earlier request may be carried out after that, else it is asked again.
        """
        self._armed = False
        if self.account.lease is None:
            await self._settled(session, on=False)
            if self._guard().turned_on:
                await session.disarm()
            self._post(facts.DisarmConfirmed(self._now()))
            return
        await session.disarm()
        leases, now = self._guard().leases, self._now()
        if leases.let_go:
            self._post(facts.DisarmConfirmed(now))
        else:
            await session.attend(min(now + self.timers.renew_interval, max(now, leases.heard_until)))

    async def _cancel(self, session: Session) -> None:
        """One round of cancelling; the trip is done when the venue lists nothing, or where it does not list, lapsed."""
        trip = self._guard().trip
        if trip is None:
            return
        began_at, method = self._now(), cancel_method(self._guard(), self.account, self._now())
        try:
            done = await session.cancel_orders(method)
        except VenueError:
            if not self._guard().lapsed(self._now()):
                raise
            done = Round(0, None)
        now = self._now()
        self._post(facts.RoundDone(now, done.cancelled, done.remaining, done.resisting, done.words, done.listed))
        if done.remaining == 0 or (done.remaining is None and self._guard().lapsed(self._now())):
            self._post(facts.TripDone(self._now(), presumed=done.remaining is None))
        elif done.remaining is None:  # by another connection, or by a key read anew, it may be read
            raise Unavailable(Reason.VENUE_ERROR, "what is still open cannot be read")
        await session.attend(self._now() + trip_pace(self._now() - trip.at, self._now() - began_at))

    def _take_note(self, error: VenueError) -> float:
        """Post what happened; seconds to leave the venue alone."""
        now, steady_since = self._now(), self._steady_since
        if steady_since is not None and now - steady_since >= STABLE:
            self._failures = 0
        self._failures, self._steady_since = self._failures + 1, None
        pause = self._pace(error).delay(self._failures, self.chance)
        pause = max(error.pause, pause if steady_since is None else min(pause, LONGEST_PAUSE_AFTER_PROOF))
        pause = self._in_time(pause, now, error)
        self._post(fact_of(error, now))
        return pause

    def _pace(self, error: VenueError) -> Backoff:
        """The venue's no may pass: soon at first, then slowly."""
        if not isinstance(error, Refused | SwitchOff):
            return self.timers.retry
        self._refused_since = self._refused_since or self._now()
        if self._now() < self._refused_since + self.timers.patient_after:
            return REFUSED_AT_FIRST
        return REFUSED if isinstance(error, Refused) else REPAIR

    def _in_time(self, pause: float, now: float, error: VenueError) -> float:
        """While a lease may stand, its renewal sets the pace, whatever was proven and whyever we were turned away.

        Where its end is known it does: three tries before it. A refusal is tried again once more before the end: a
        rotated key may mend it in time.
        """
        guard = self._guard()
        if not guard.may_be_leased(now):
            return pause
        pause = min(pause, self.timers.renew_interval)
        held = guard.leases.held
        if held is None or held.sure_until <= now or self._duty() is not Duty.PROVE:
            return pause
        share = 0.75 if isinstance(error, Refused) else 0.25
        return min(pause, max(share * (held.sure_until - now), 0.5))

    def _on_change(self, account: str, before: Standing, after: Standing) -> None:
        """Cut short whatever is waited for when the guard calls for something else, or doubts what it knew.

        Whatever but a trip waits for the answer to a request for a lease: one given up may be carried out later.
        """
        if self._scope is None or before.guard is after.guard:
            return
        called_for = duty(after.guard, self.account)
        called = duty(before.guard, self.account) is not called_for
        if called and called_for is not Duty.CANCEL and any(one.is_open for one in after.guard.leases.asked):
            return
        called |= self._may_be_called and before.guard.called_at != after.guard.called_at
        if called or before.guard.doubted_at != after.guard.doubted_at:
            self._scope.cancel()

    @contextmanager
    def _until_called(self) -> Iterator[None]:
        with trio.CancelScope() as self._scope:
            try:
                yield
            finally:
                self._scope = None

    @contextmanager
    def _pausing(self) -> Iterator[None]:
        """What is done within is waiting after a failure, which an operator's word ends."""
        self._may_be_called = True
        try:
            yield
        finally:
            self._may_be_called = False

    def _is_on_task(self) -> bool:
        """Whether what we are at is still what is called for."""
        return self._duty() is self._task

    def _duty(self) -> Duty:
        return duty(self._guard(), self.account)

    def _guard(self) -> Guard:
        return self.board.guard(self.account.name)

    def _post(self, fact: Fact) -> None:
        self.board.post(self.account.name, fact)

    def _now(self) -> float:
        return self.board.clock.now()
