"""One account's keeper: opens a session, arms, renews, and carries out what the guard calls for. It ends never.

What is to be done is read off the guard, not remembered: a trip, a disarm or a doubt posted by anybody cuts short
whatever the keeper waits for, and the loop turns to it on the session at hand.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from random import Random

import trio

from deadman import facts
from deadman.backoff import REFUSED, REPAIR, STABLE, Backoff
from deadman.board import Board
from deadman.config.schema import Account, DeribitAccount
from deadman.duty import Duty, crashed, duty, fact_of, means, trip_pace
from deadman.errors import Reason, Refused, Setback, SwitchOff, Unavailable, VenueError
from deadman.facts import Fact
from deadman.guard import Guard, Trip
from deadman.promise import Timers, timers
from deadman.proof import Coverage, Proof
from deadman.standing import Standing
from deadman.venue import OpenSession, Round, Session

LOOK_TIMEOUT = 15.0
"""Seconds for a count of open orders at rest, its own connection and login included."""

AFTER_PROOF = 1.0
"""Seconds at most until the next try when a session that was proven is lost, however often that happens."""


def _round_done(done: Round, now: float) -> Fact:
    return facts.RoundDone(now, done.cancelled, done.remaining, done.resisting, done.words, done.listed)


async def nothing_to_wait_for() -> None:
    """Stands for the store where there is none."""


@dataclass
class Keeper:
    """Keeps one account. `ready` is awaited before arming: what must outlive us is on disk when it returns.

    `count_orders` lists the open orders by a look of its own, which renews and changes nothing; None: not at rest.
    """

    account: Account
    board: Board
    open_session: OpenSession
    chance: Random
    ready: Callable[[], Awaitable[None]] = nothing_to_wait_for
    count_orders: Callable[[], Awaitable[int]] | None = None
    timers: Timers = field(init=False)
    _failures: int = 0
    _steady_since: float | None = None
    _armed: bool = False
    _open_seen_at: float = -inf
    _looked_at: float = -inf
    _scope: trio.CancelScope | None = None

    def __post_init__(self) -> None:
        self.timers = timers(self.account)

    async def run(self) -> None:
        """Open, converse, and after a failure wait and open again, until cancelled."""
        self.board.listen(self._heed)
        try:
            while True:
                await self._rest()
                await self._visit()
        finally:
            self.board.unlisten(self._heed)

    async def _rest(self) -> None:
        while self._duty() is Duty.REST:
            with self._until_called():
                await self._look_on()

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
        self._armed, pause = False, 0.0
        try:
            async with self.open_session() as session:
                await self._converse(session)
        except VenueError as error:
            pause = self._take_note(error)
        except Exception as error:
            self._post(crashed(error, self._now()))
            raise
        finally:
            self._post(facts.SessionClosed(self._now()))
        with self._until_called():
            await trio.sleep(pause)

    async def _converse(self, session: Session) -> None:
        while (task := self._duty()) is not Duty.REST:
            with self._until_called():
                pause = await self._noted(self._carry_out(task, session))
                while pause is not None:
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
            case Duty.PROVE:
                await self._prove(session)
            case Duty.CANCEL:
                await self._cancel(session)
            case Duty.DISARM:
                await self._disarm(session)

    async def _prove(self, session: Session) -> None:
        """One proof, and attention until the next is due. What read off is armed anew: a renewal proves less."""
        await self._settled(session, on=True)
        renewing = self._armed and self._guard().proof is not None
        proof = await (session.renew() if renewing else self._arm(session))
        self._armed = True
        self._steady_since = self._steady_since or self._now()
        self._post(facts.Proven(self._now(), proof))
        if self._guard().nameless:
            await self._identify(session)
        await session.attend(proof.asked_at + self.timers.renew_interval)

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

    async def _arm(self, session: Session) -> Proof:
        await self.ready()
        return await session.arm()

    async def _disarm(self, session: Session) -> None:
        """Let go of the switch; Deribit's stays on where somebody else had turned it on: it is not ours to undo."""
        self._armed = False
        await self._settled(session, on=False)
        if self._guard().turned_on or not isinstance(self.account, DeribitAccount):
            await session.disarm()
        self._post(facts.DisarmConfirmed(self._now()))

    async def _cancel(self, session: Session) -> None:
        """One round of cancelling; the trip is done when the venue lists nothing, or where it does not list, lapsed."""
        trip = self._guard().trip
        if trip is None:
            return
        began_at = self._now()
        done = await session.cancel_orders(means(self.account, trip.cause))
        self._open_seen_at = self._now() if done.remaining else self._open_seen_at
        self._post(_round_done(done, self._now()))
        if done.remaining == 0 or (done.remaining is None and self._lapsed(trip)):
            self._post(facts.TripDone(self._now(), presumed=done.remaining is None))
        elif done.remaining is None:  # by another connection, or by a key read anew, it may be read
            raise Unavailable(Reason.VENUE_ERROR, "what is still open cannot be read")
        await session.attend(self._now() + trip_pace(self._now() - trip.at, self._now() - began_at))

    def _lapsed(self, trip: Trip) -> bool:
        """Whether a lease that stood when the trip began, or was cut since, has ended, and no order was seen after it.

        What no lease covered rests on: then only the venue's own list tells that it is gone.
        """
        proof, end = self._guard().proof, self._guard().lease_end
        if end is None or proof is None or proof.coverage is not Coverage.LEASE or proof.expiry < trip.at:
            return False
        return self._open_seen_at < end <= self._now()

    def _take_note(self, error: VenueError) -> float:
        """Post what happened; seconds to leave the venue alone."""
        now, steady_since = self._now(), self._steady_since
        if steady_since is not None and now - steady_since >= STABLE:
            self._failures = 0
        self._failures, self._steady_since = self._failures + 1, None
        self._armed = self._armed and not isinstance(error, SwitchOff)
        pause = self._pace(error).delay(self._failures, self.chance)
        pause = max(error.pause, pause if steady_since is None else min(pause, AFTER_PROOF))
        pause = self._in_time(pause, now, error)
        self._post(fact_of(error, now))
        return pause

    def _pace(self, error: VenueError) -> Backoff:
        match error:
            case Refused():
                return REFUSED
            case SwitchOff():
                return REPAIR
            case _:
                return self.timers.retry

    def _in_time(self, pause: float, now: float, error: VenueError) -> float:
        """While a lease stands, its end sets the pace: three tries, however often the venue has failed us before.

        A refusal is tried again at renewal pace, and once more before the end: a rotated key may mend it in time.
        """
        proof = self._guard().proof
        if proof is None or proof.coverage is not Coverage.LEASE or not proof.stands(now):
            return pause
        share = 0.75 if isinstance(error, Refused) else 0.25
        return min(pause, self.timers.renew_interval, max(share * proof.margin(now), 0.5))

    def _heed(self, account: str, before: Standing, after: Standing) -> None:
        """Cut short whatever is waited for when the guard calls for something else, or doubts what it knew."""
        if account != self.account.name or self._scope is None:
            return
        called = duty(before.guard, self.account) is not duty(after.guard, self.account)
        if called or before.guard.doubted_at != after.guard.doubted_at:
            self._scope.cancel()

    @contextmanager
    def _until_called(self) -> Iterator[None]:
        with trio.CancelScope() as self._scope:
            try:
                yield
            finally:
                self._scope = None

    def _duty(self) -> Duty:
        return duty(self._guard(), self.account)

    def _guard(self) -> Guard:
        return self.board.standing(self.account.name).guard

    def _post(self, fact: Fact) -> None:
        self.board.post(self.account.name, fact)

    def _now(self) -> float:
        return self.board.clock.now()
