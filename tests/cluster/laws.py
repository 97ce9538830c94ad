"""What must hold of a pair of hosts at any instant, judged by the venue's book and by the register."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import trio

from deadman.cluster.beats import decode_desk
from deadman.cluster.wire import Entry
from deadman.model import facts
from deadman.model.facts import Cause, Fact
from deadman.model.guard import Phase
from deadman.model.promise import NOTICE
from deadman.model.settings import REPLY_TIMEOUT, Account
from deadman.model.sight import CONTINUOUS, DeskBeat, noticed_within
from deadman.simulator.exchange import Order, Received
from tests.cluster.simulated import DESK, SimulatedPair
from tests.support.registers import LONGEST
from tests.swarm.laws.record import Record
from tests.swarm.laws.selected import is_selected
from tests.swarm.world.desk import Desk

DESK_KEY, WITNESS_KEYS = f"deadman/desks/{DESK}/beat", f"deadman/witnesses/{DESK}/"
ROUND = 20.0
"""Seconds in which a round is over that was asked for: orders that it cancels after its trip has ended are its own."""


@dataclass
class Laws:
    """`step`: seconds between two looks of ours; `continuous`: between two of a witness, from which on it was blind.

    `operated`: accounts that an operator has had tripped at a witness.
    """

    pair: SimulatedPair
    record: Record
    step: float = 0.5
    continuous: float = CONTINUOUS
    operated: set[str] = field(default_factory=set)
    dead_since: float | None = None
    _moved_at: float = 0.0
    _revision: int = 0
    _written: bytes = b""
    _read: DeskBeat | None = None
    _looked_at: dict[str, deque[float]] = field(default_factory=dict)
    _stood_by_at: dict[str, float] = field(default_factory=dict)
    _fit_since: dict[str, float] = field(default_factory=dict)
    _keys: dict[int, str] = field(default_factory=dict)
    _asker: tuple[float, str] = (0.0, "")
    _tripped: dict[str, float] = field(default_factory=dict)
    _selections: dict[str, list[Account]] = field(default_factory=dict)

    def begin(self) -> None:
        """Before any daemon is started."""
        pair = self.pair
        pair.register.observers.append(self._on_written)
        pair.market.readers.append(self._on_request)
        pair.market.exchange(next(iter(pair.desk.accounts.values()))).observers.append(self._on_order)
        for host in (pair.desk, *pair.witnesses):
            host.observers.append(partial(self._on_fact, host))
        for account in pair.desk.accounts.values():
            self._selections[account.name] = [account]

    @property
    def beat(self) -> DeskBeat:
        """The last that stands in the register."""
        self._read = self._read or decode_desk(self._written)
        return self._read

    async def watch(self) -> None:
        before = trio.current_time()
        while True:
            now = trio.current_time()
            self._judge_claims(now, now - before)
            self._judge_deaths(now)
            before = now
            await trio.sleep(self.step)

    def _on_written(self, entry: Entry) -> None:
        now = trio.current_time()
        if entry.key == DESK_KEY and entry.revision != self._revision:  # a backup of this very state changes nothing
            self._moved_at, self._revision = now, entry.revision
            self._written, self._read = entry.value, None
        elif entry.key.startswith(WITNESS_KEYS):
            name = entry.key.removeprefix(WITNESS_KEYS)
            self._looked_at.setdefault(name, deque(maxlen=300)).append(now)

    def _on_fact(self, host: Desk, account: str, fact: Fact) -> None:
        """A witness trips for a host after silence that it saw, and for a bot at its desk's word alone."""
        if isinstance(fact, facts.Tripped):
            self._tripped[account] = trio.current_time()
            if host is not self.pair.desk and not host.life.restoring:
                self.record.reached[f"witness tripped by {fact.cause}"] += 1
                self._judge_trip(host, account, fact)

    def _judge_trip(self, witness: Desk, account: str, fact: facts.Tripped) -> None:
        expect, now, beat = self.record.expect, trio.current_time(), self.beat
        if fact.cause is Cause.OPERATOR:
            expect(account in self.operated, f"{account}: tripped by nobody")
            return
        watched = str(witness.accounts[account].witness_of).partition("/")[2]
        told = beat.accounts.get(watched)
        expect(not beat.stopped, f"{account}: tripped though the desk's daemon was stopped")
        expect(told is not None and not told.left_alone, f"{account}: tripped, and was to be left alone: {told}")
        if fact.cause is Cause.SILENCE:
            bots = [] if told is None else [beat.bots[name].state for name in told.watches if name in beat.bots]
            expect("dead" in bots, f"{account}: tripped for a bot, and none was said to be dead: {bots}")
            return
        unheard = now - self._moved_at
        expect(unheard >= beat.timeout - LONGEST, f"{account}: {DESK} was heard {unheard:.1f} s ago, and called dead")
        looks = [at for at in self._looked_at[str(witness.daemon["name"])] if at >= self._moved_at - LONGEST]
        gaps: list[float] = [after - before for before, after in pairwise(looks)]
        seen = sum(gap for gap in gaps if gap <= self.continuous + 0.1)
        expect(seen >= beat.timeout - LONGEST - 1, f"{account}: blind but for {seen:.1f} s of {DESK}'s silence")

    def _judge_claims(self, now: float, step: float) -> None:
        """What the desk says of its witnesses was so at most one timeout ago."""
        pair = self.pair
        for witness in pair.witnesses:
            for name, account in witness.accounts.items() if witness.running else ():
                if account.witness_of and witness.board.guard(name).phase(now) is Phase.ARMED:
                    self._stood_by_at[f"{witness.daemon['name']} {account.witness_of}"] = now
        for name, guard in pair.desk.board.guards().items() if pair.desk.running else ():
            for one in guard.witnesses:
                if one.proven(now):
                    self.record.reached["desk was covered"] += 1
                    ago = now - self._stood_by_at.get(f"{one.name} {DESK}/{name}", 0.0)
                    allowed = one.timeout + LONGEST + step
                    self.record.expect(ago <= allowed, f"{name}: believes in {one.name}, which cannot help")

    def _judge_deaths(self, now: float) -> None:
        """While a witness sees and can act, a dead host's orders are gone within two timeouts and the bound."""
        if self.dead_since is None:
            self._fit_since.clear()
            return
        for name, account in self.pair.desk.accounts.items():
            if not any(self.is_fit(one, name) for one in self.pair.witnesses):
                self._fit_since.pop(name, None)
                continue
            spent = now - self._fit_since.setdefault(name, now)
            if spent > 2 * self.beat.timeout + bound(self.beat.timeout, account):
                self.record.reached["death judged"] += 1
                left = self.selected(account)
                self.record.expect(not left, f"{name}: {len(left)} orders of a dead host rest on")

    def is_fit(self, witness: Desk, name: str) -> bool:
        """Nothing keeps it from cancelling for this account of the desk."""
        register, line = self.pair.register, witness.host.register
        assert line is not None
        wrong = register.down or register.full or register.seconds > 0.5 or line.cut or line.deaf or line.frozen
        told = self.beat.accounts.get(name)
        if wrong or not witness.running or self.beat.stopped or told is None or told.left_alone:
            return False
        ours = next((one for one in witness.accounts.values() if one.witness_of == f"{DESK}/{name}"), None)
        if ours is None or ours.observe or witness.board.watch(DESK).hold is not None:
            return False
        return witness.board.guard(ours.name).disarm is None and self._reaches_venue(ours)

    def connections_of(self, keys: Iterable[str]) -> list[int]:
        """Those that logged in with one of these keys."""
        return [number for number, key in self._keys.items() if key in set(keys)]

    def _reaches_venue(self, account: Account) -> bool:
        return str(account.client_id) in self.pair.market.deribit.vault.keys  # type: ignore[attr-defined]

    def selected(self, account: Account) -> list[Order]:
        return [order for order in self.pair.market.open_orders(account) if is_selected(account, order)]

    def edited(self, accounts: Mapping[str, Account]) -> None:
        """Of late these were the desk's: what any of them selected may be cancelled."""
        for name, account in accounts.items():
            self._selections[name] = [*self._selections.get(name, [])[-3:], account]

    def _on_request(self, received: Received) -> None:
        if received.method == "public/auth" and "client_id" in received.params:
            self._keys[received.connection] = str(received.params["client_id"])
        if received.method.startswith("private/cancel"):
            self._asker = (received.at, self._keys.get(received.connection, "nobody"))

    def _on_order(self, order: Order) -> None:
        """Whatever hangs on no connection goes by a trip alone, and only where the trip selects it."""
        now = trio.current_time()
        if order.state == "open" or order.connection is not None:
            return
        self.record.reached["order cancelled"] += 1
        key = self._asker[1]
        name, mine = order.account, f"{DESK}_{order.account}"
        by_witness = not key.startswith(f"id-{order.account}")
        tripped = self._tripped.get(mine if by_witness else name, -ROUND)
        host = self.pair.witnesses if by_witness else [self.pair.desk]
        known = [one.board.guards().get(mine if by_witness else name) for one in host]
        on = any(guard is not None and guard.trip is not None for guard in known)
        self.record.expect(on or now - tripped < ROUND, f"{name}: {order.order_id} cancelled by {key} without a trip")
        selected = any(is_selected(account, order) for account in self._selections.get(name, []))
        self.record.expect(selected, f"{name}: {order.order_id} was not to be cancelled: by {key}, {order}")


def bound(host_timeout: float, account: Account) -> float:
    """Seconds from a host's death to its orders gone, by a witness that has seen it all."""
    each = 8 / account.timers.cancels_per_second if account.selection.one_by_one else 0.0
    return noticed_within(host_timeout) + NOTICE + 2 * REPLY_TIMEOUT + each
