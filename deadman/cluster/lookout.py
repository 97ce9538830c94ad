"""This host as a witness: it looks at the beats of other desks, and acts for the accounts that are theirs."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import inf

import trio

from deadman.cluster.beats import Unreadable, decode_desk, desk_key, encode_witness, witness_keys
from deadman.cluster.etcd import Exchange, Register
from deadman.model import facts
from deadman.model.board import Board
from deadman.model.errors import VenueError
from deadman.model.facts import Cause
from deadman.model.guard import Phase
from deadman.model.settings import Account
from deadman.model.sight import LOOK_INTERVAL, DeskBeat, Line, Sight, WitnessBeat, WitnessTold, holder_of
from deadman.model.watch import Watch
from deadman.model.witness import Sighting, WitnessCase, after_look, judge, unheard

log = logging.getLogger(__name__)


RUNS = 8
"""Of a desk that are remembered, the last ones."""


@dataclass
class Seen:
    """What stood in the register at the last look; whether any has gone through, and whether the last one has not.

    `earlier`: the runs that were read before the present one; one that comes back writes beside another: `twins_at`.
    """

    revision: int | None = None
    beat: DeskBeat | None = None
    has_looked: bool = False
    is_blind: bool = False
    unreadable: str = ""
    earlier: tuple[str, ...] = ()
    twins_at: float = -inf


@dataclass
class Lookout:
    """`run` tells this start of the daemon from another; `machine` this host. `host_timeout`: a desk's before it tells
    its own."""

    board: Board
    prefix: str
    name: str
    run: str
    machine: str
    host_timeout: float
    _seen: dict[str, Seen] = field(default_factory=dict)
    _looks: int = 0
    _observed: set[str] = field(default_factory=set)
    _leaving: set[str] = field(default_factory=set)

    def apply(self, accounts: Iterable[Account]) -> None:
        """Look for the desks of these accounts from now on; what is known of one that was looked for before stays."""
        wanted = {account.desk for account in accounts if account.desk is not None}
        for name in self._seen.keys() - wanted:
            del self._seen[name]
            self._leaving.add(name)
            self.board.forget_watch(name)
            self.board.lines = {one: line for one, line in self.board.lines.items() if one != name}
        for name in sorted(wanted - self._seen.keys()):
            self._seen[name] = Seen()
            self.board.put_watch(Watch(name, self.host_timeout, seen_until=self.board.clock.now()))

    def begin(self) -> None:
        """Once what an earlier run knew is back on the board."""
        for name, account in self.board.configs.items():
            known = self.board.guard(name).sight
            if account.desk is None:
                if known is not None:
                    self.board.post(name, facts.Sighted(self.board.clock.now(), None))
            elif known is None or known.desk != account.desk:
                self.board.post(name, facts.Sighted(self.board.clock.now(), Sight(account.desk)))

    async def keep(self, register: Register) -> None:
        """Look at every desk again and again, until cancelled; one that is slow delays no other by more than a look."""
        while True:
            begun = self.board.clock.now()
            await self.look(register)
            await trio.sleep_until(begun + LOOK_INTERVAL)

    async def look(self, register: Register, *, stopped: bool = False) -> None:
        self._looks += 1
        async with trio.open_nursery() as nursery:
            for desk in tuple(self._seen):
                nursery.start_soon(self._look_at, register, desk, stopped)
            for desk in self._leaving - self._seen.keys():
                nursery.start_soon(self._take_leave, register, desk)

    async def _take_leave(self, register: Register, desk: str) -> None:
        """Who is a witness no more leaves nothing behind for which its desk would wait."""
        with suppress(VenueError):
            await register.delete(witness_keys(self.prefix, desk) + self.name)
            self._leaving.discard(desk)

    async def _look_at(self, register: Register, desk: str, stopped: bool) -> None:
        own, value = witness_keys(self.prefix, desk) + self.name, encode_witness(self._beat(desk, stopped))
        try:
            done = await register.exchange(own, value, desk_key(self.prefix, desk))
        except VenueError as error:
            if desk in self._seen:
                self._be_blind(desk, error)
            return
        if desk in self._seen and not stopped:
            self._take_in(desk, done)

    def _be_blind(self, desk: str, error: VenueError) -> None:
        now, line = self.board.clock.now(), self.board.lines.get(desk, Line())
        self._seen[desk].is_blind = True
        self.board.put_line(desk, line.went_wrong(now, error.detail))
        if line.failing_since is None:
            words = f"blind: whether {desk} lives is not known, and nothing is cancelled for that: {error.detail}"
            self.board.tell(log, logging.WARNING, "witness_blind", words, watch=desk)
        for name in self._accounts_of(desk):
            sight = self.board.guard(name).sight or Sight(desk)
            since = now if sight.blind_since is None else sight.blind_since
            self.board.post(name, facts.Sighted(now, replace(sight, blind_since=since, blind_because=error.detail)))

    def _take_in(self, desk: str, done: Exchange) -> None:
        """What stood there is judged as of the asking: until then it is known to have been so."""
        line, seen = self.board.lines.get(desk, Line()), self._seen[desk]
        if line.failing_since is not None:
            spent = self.board.clock.now() - line.failing_since
            words = f"sees {desk} again after {spent:.1f} s"
            self.board.tell(log, logging.WARNING, "witness_sees", words, watch=desk)
        self.board.put_line(desk, line.went_through(self.board.clock.timestamp()))
        look = self._read(desk, seen, done)
        before, host = self.board.watch(desk), after_look(self.board.watch(desk), look)
        self._tell(before, host, look)
        self.board.put_watch(host)
        for name in self._accounts_of(desk):
            account, guard = self.board.configs[name], self.board.guard(name)
            case = WitnessCase(account, guard, host, look, self.machine)
            for fact in judge(case):
                self.board.post(name, fact)
            self._tell_observer(case)

    def _read(self, desk: str, seen: Seen, done: Exchange) -> Sighting:
        entry = done.theirs[0] if done.theirs else None
        revision = None if entry is None else entry.revision
        moved = seen.has_looked and entry is not None and revision != seen.revision
        beat, unreadable = seen.beat, ""
        if entry is not None and (moved or not seen.has_looked or seen.unreadable):
            try:
                beat = decode_desk(entry.value)
            except Unreadable as why:
                unreadable = str(why)
                if unreadable != seen.unreadable:
                    told = {"event": "beat_unreadable"}
                    log.warning("what %s writes cannot be read, and is skipped: %s", desk, why, extra=told)
        earlier, twins_at = seen.earlier, seen.twins_at
        if beat is not None and seen.beat is not None and beat.run != seen.beat.run:
            twins_at = done.asked_at if beat.run in earlier else twins_at
            earlier = (*earlier, seen.beat.run)[-RUNS:]
        self._seen[desk] = Seen(revision, beat, True, False, unreadable, earlier, twins_at)
        twins = done.asked_at < twins_at + self.board.watch(desk).timeout
        return Sighting(done.asked_at, beat, moved, entry is not None, seen.is_blind, unreadable, twins)

    def _tell(self, before: Watch, host: Watch, look: Sighting) -> None:
        if host.died_at is not None and before.died_at is None:
            words = f"host {host.name}: dead: {unheard(host, look.asked_at)}"
            self.board.tell(log, logging.WARNING, "host_dead", words, host.died_at, watch=host.name)
        elif look.moved and (before.died_at is not None or before.counted_from is None):
            stopped = look.beat is not None and look.beat.stopped
            words = f"host {host.name}: {'its daemon was stopped' if stopped else 'heard'}"
            self.board.tell(log, logging.INFO, "host_heard", words, watch=host.name)

    def _tell_observer(self, case: WitnessCase) -> None:
        """Say once of an account that is only looked at what would have happened to it."""
        name = case.account.name
        dead = case.host.died_at is not None and not case.barred
        if dead and case.account.observe and name not in self._observed:
            words = "%s: would have tripped, but is only observed: host %s: %s"
            told = {"event": "would_have_tripped", "account": name}
            log.warning(words, name, case.desk, unheard(case.host, case.look.asked_at), extra=told)
        (self._observed.add if dead else self._observed.discard)(name)

    def _beat(self, desk: str, stopped: bool) -> WitnessBeat:
        seen = self._seen[desk]
        told = {self.board.configs[name].desk_account: self._told(name) for name in self._accounts_of(desk)}
        run, number = (seen.beat.run, seen.beat.number) if seen.beat is not None else ("", 0)
        return WitnessBeat(self.run, self._looks, run, number, stopped, self.machine, told)

    def _told(self, name: str) -> WitnessTold:
        now, guard = self.board.clock.now(), self.board.guard(name)
        phase = guard.phase(now)
        trip, because = guard.trip if phase in (Phase.TRIPPING, Phase.TRIPPED) else None, ""
        if trip is not None:
            because = f"this host was {trip.reason}" if trip.cause is Cause.HOST else f"tripped by {trip.by}"
        return WitnessTold(
            can=phase is Phase.ARMED and not self.board.configs[name].observe,
            phase=phase,
            cancelled=None if trip is None else trip.cancelled,
            because=because,
            key=guard.identity.credential if guard.identity else "",
            holder=holder_of(guard.identity),
        )

    def _accounts_of(self, desk: str) -> list[str]:
        return [name for name, account in self.board.configs.items() if account.desk == desk]
