"""This host as others watch over it: its beats, and what its witnesses answer to them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import trio

from deadman.cluster.beats import Unreadable, decode_desk, decode_witness, desk_key, encode_desk, witness_keys
from deadman.cluster.etcd import Exchange, Register
from deadman.cluster.wire import Entry
from deadman.model import facts
from deadman.model.board import Board
from deadman.model.errors import VenueError
from deadman.model.guard import Guard
from deadman.model.settings import Account, Terms
from deadman.model.sight import (
    AccountTold,
    BotTold,
    DeskBeat,
    Line,
    Witness,
    WitnessBeat,
    WitnessTold,
    beat_interval,
    holder_of,
)
from deadman.model.text import order_count
from deadman.model.watch import Watch

log = logging.getLogger(__name__)

RETRY = 1.0
"""Seconds after a beat that failed until the next: sooner than the usual ones, since witnesses count."""

DEED_TOLD = 3600.0
"""Seconds for which it is told what a witness cancelled."""

REMEMBERED = 64
"""Beats of which we know when they were sent; an echo of an older one proves nothing any more."""

OURS = ""
"""Our line as a desk, on the board."""


@dataclass
class Desk:
    """Beats for the accounts on the board. `run` tells this start of the daemon from another; `machine` this host.
    Once `hastened` is set, one is said at once.
    """

    board: Board
    register: Register
    prefix: str
    name: str
    run: str
    machine: str
    host_timeout: float
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _sent: dict[int, float] = field(default_factory=dict)
    _told: dict[tuple[str, str], str] = field(default_factory=dict)
    _deeds: dict[tuple[str, str], tuple[float, int, str]] = field(default_factory=dict)
    _has_written: bool = False
    _is_over: bool = False
    _turn: trio.Lock = field(default_factory=trio.Lock)
    hastened: trio.Event = field(default_factory=trio.Event)

    async def keep(self) -> None:
        """Beat until the last one was said, or until cancelled."""
        while not self._is_over:
            begun = self.board.clock.now()
            if not any(map(may_be_witnessed, self.board.configs.values())):
                await trio.sleep(RETRY)
                continue
            self.hastened = trio.Event()
            if not await self.beat():
                await trio.sleep_until(begun + RETRY)
                continue
            with trio.move_on_at(begun + beat_interval(self.host_timeout)):
                await self.hastened.wait()

    async def beat(self, *, stopped: bool = False) -> bool:
        """One beat; whether it went through. `stopped`: the last. None is cut short: it might be carried out later."""
        self._is_over |= stopped
        async with self._turn:
            return (stopped or not self._is_over) and await self._beat_once(stopped)

    async def _beat_once(self, stopped: bool) -> bool:
        now, number = self.board.clock.now(), next(self._numbers)
        self._sent = {**dict(list(self._sent.items())[-REMEMBERED:]), number: now}
        value = encode_desk(self._beat(number, now, stopped))
        line = self.board.lines.get(OURS, Line())
        try:
            own, theirs = desk_key(self.prefix, self.name), witness_keys(self.prefix, self.name)
            done = await self.register.exchange(own, value, theirs)
        except VenueError as error:
            self.board.put_line(OURS, line.went_wrong(self.board.clock.now(), error.detail))
            if line.failing_since is None:
                words = f"no witness hears this host: {error.detail}; no account is touched for that"
                self.board.tell(log, logging.WARNING, "cluster_unreachable", words)
            return False
        if line.failing_since is not None:
            spent = self.board.clock.now() - line.failing_since
            words = f"heard by the register again after {spent:.1f} s"
            self.board.tell(log, logging.WARNING, "cluster_reached", words)
        self.board.put_line(OURS, self._after(line, done).went_through(self.board.clock.timestamp()))
        self._has_written = True
        self._read_witnesses(done)
        return True

    def _after(self, line: Line, done: Exchange) -> Line:
        """Before ours stood our last one, or that of an earlier run; another's only if two daemons have our name."""
        before = _readable(done.before)
        if not self._has_written or before is None or before.run == self.run:
            return line
        if line.foreign_at is None:
            told = {"event": "foreign_run"}
            words = (
                'another daemon beats as "%s": no witness can tell whose host is dead; give one of them another name'
            )
            log.error(words, self.name, extra=told)
        return Line(line.ok, line.failed, line.timestamp, foreign_at=done.asked_at)

    def _beat(self, number: int, now: float, stopped: bool) -> DeskBeat:
        accounts = {name: one for name, one in self.board.configs.items() if may_be_witnessed(one)}
        watches, named = self.board.watches(), {name for one in accounts.values() for name in one.watches}
        return DeskBeat(
            run=self.run,
            number=number,
            timeout=self.host_timeout,
            stopped=stopped,
            machine=self.machine,
            bots={name: told_of_bot(watches[name], now) for name in sorted(named) if name in watches},
            accounts={name: told_of_account(one, self.board.guard(name)) for name, one in accounts.items()},
        )

    def _read_witnesses(self, done: Exchange) -> None:
        beats = dict[str, WitnessBeat]()
        for entry in done.theirs:
            witness = entry.key.rpartition("/")[2]
            try:
                beats[witness] = decode_witness(entry.value)
            except Unreadable as why:
                self._say(witness, "", f"what witness {witness} writes cannot be read, and is skipped: {why}")
        for name, account in self.board.configs.items():
            if not may_be_witnessed(account):
                continue
            known = {one: beat for one, beat in beats.items() if name in beat.accounts}
            for one, beat in known.items():
                self._note_deed(name, one, beat.accounts[name], done.asked_at)
            witnesses = [self._witness(one, beat, name, done.asked_at) for one, beat in known.items()]
            self.board.post(name, facts.Witnessed(done.asked_at, tuple(witnesses)))

    def _witness(self, name: str, beat: WitnessBeat, account: str, now: float) -> Witness:
        told, line = beat.accounts[account], self.board.lines.get(OURS, Line())
        is_alone = line.foreign_at is None or now >= line.foreign_at + self.host_timeout
        identity = self.board.guard(account).identity
        faults = []
        if self.machine and beat.machine == self.machine:
            faults.append("it runs on this very machine, and dies with it")
        if identity is not None and told.key == identity.credential:
            faults.append("it logs in with the same API key")
        deed, ours = self._deeds.get((account, name)), holder_of(identity)
        recent = deed if deed is not None and now < deed[0] + DEED_TOLD else None
        if ours and told.holder and told.holder != ours:
            faults.append("its API key is of another account")
        return Witness(
            name=name,
            echoed_at=self._sent.get(beat.echo) if beat.echo_run == self.run else None,
            timeout=self.host_timeout,
            can_cancel=told.can and is_alone,
            phase=told.phase,
            stopped=beat.stopped,
            cancelled=None if recent is None else recent[1],
            because="" if recent is None else recent[2],
            faults=tuple(faults),
        )

    def _note_deed(self, account: str, witness: str, told: WitnessTold, now: float) -> None:
        """What a witness did while we were away, or did besides us."""
        if told.cancelled is None:
            self._told.pop((account, witness), None)
            return
        self._deeds[account, witness] = (now, told.cancelled, told.because)
        orders = f"{order_count(told.cancelled)} cancelled"
        under_way = " so far" if told.phase == "tripping" else ""
        self._say(account, witness, f"{account}: {told.because} at witness {witness}: {orders}{under_way}")

    def _say(self, account: str, witness: str, words: str) -> None:
        if self._told.get((account, witness)) != words:
            self._told[account, witness] = words
            log.warning("%s", words, extra={"event": "witness_told"})


def may_be_witnessed(account: Account) -> bool:
    """Not a lease, which is its own witness; nor what we watch over for others."""
    return account.lease is None and account.witness_of is None


def told_of_account(account: Account, guard: Guard) -> AccountTold:
    left_alone = "only observed" if account.observe else ""
    return AccountTold(
        watches=account.watches,
        terms=Terms(account.on_trip, account.selection),
        left_alone="disarmed" if guard.disarm is not None else left_alone,
        key=guard.identity.credential if guard.identity else "",
        holder=holder_of(guard.identity),
    )


def told_of_bot(watch: Watch, now: float) -> BotTold:
    heard = None if watch.last_check_in_at is None else max(0.0, now - watch.last_check_in_at)
    if watch.counted_from is None:
        return BotTold("gone" if watch.goodbye_at is None else "released", heard)
    if watch.held(now):
        return BotTold("held", heard)
    return BotTold("dead" if watch.died_at is not None else "alive", heard)


def _readable(entry: Entry | None) -> DeskBeat | None:
    try:
        return None if entry is None else decode_desk(entry.value)
    except Unreadable:
        return None
