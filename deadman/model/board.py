"""All guards and watches in one place. Facts are posted here; observers hear of each change.

Only the loop writes. Other threads read: everything held is immutable and replaced whole, and what time changes is
computed by the reader, so that reading needs no lock and shows the truth while the loop is stalled.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from math import inf

from deadman.model.account import Histogram, Standing
from deadman.model.clock import Clock
from deadman.model.drill import DrillEnded
from deadman.model.facts import Fact, LeasePresumed, TakenOn
from deadman.model.guard import Guard, Phase
from deadman.model.identity import identity_of
from deadman.model.proof import SwitchRecord
from deadman.model.settings import Account
from deadman.model.sight import Line
from deadman.model.succession import moved_in, retired
from deadman.model.watch import Watch

OUTCOMES = ("delivered", "failed", "dropped")
"""What may become of a try at webhook or ping; what is given up after several is `dropped` besides."""

Listener = Callable[[str, Standing, Standing], None]
"""Told the account's name, how it stood, and how it stands now."""

WatchListener = Callable[[Watch, Watch], None]
"""Told how a watch stood, and how it stands now."""


MOST_EVENTS = 1000
"""What has happened and is kept; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, at Unix seconds `at`, in the sentence that log and webhook have.

    `account` and `watch`: whom it concerns, None for nobody in particular. `phase_before`, `phase`: the account's.
    """

    at: float
    event: str
    text: str
    account: str | None = None
    watch: str | None = None
    phase_before: Phase | None = None
    phase: Phase | None = None


@dataclass(frozen=True, slots=True)
class LoopHealth:
    """The event loop as it saw itself: last tick (monotonic), how late its ticks were, jumps of the clocks."""

    tick_at: float
    lag: Histogram
    clock_jumps: int = 0


@dataclass(frozen=True, slots=True)
class Reload:
    """How the last reading of the config went; `success_timestamp` in Unix seconds."""

    successful: bool
    success_timestamp: float


@dataclass
class Board:
    """The one record of what is known.

    `configs` are the accounts as configured, by name; `notices` count webhook and ping by what became of them;
    `state_fault` says why what must outlive us cannot be written, None while it can; `state_lost` that what an earlier
    run knew could not be read, and what follows from that. `written` returns once all that
    must outlive us is on the disk, or with why it is not; None where there is no disk. `drill` carries out a drill: of
    which account, by whom, and whether on a live network too; None while nobody can. `leaving`: what is known of
    accounts that the reload at hand takes out of the config, in case that it only renames them; `parted`: of those that
    any reload took out, while the venue may hold or carry out what we asked for. `name` is the daemon's own, for
    people; `begun_at`: when this run was, long ago where nobody says; `events`: what has happened in it, newest last.
    `lines` to other hosts: ours as a desk under "", those as a witness by the desk's name. Before `due_at` time alone
    changes no judgement.
    """

    clock: Clock
    loop: LoopHealth
    reload: Reload
    configs: Mapping[str, Account] = field(default_factory=dict)
    notices: Mapping[tuple[str, str], int] = field(default_factory=dict)
    state_fault: str | None = None
    state_lost: str | None = None
    written: Callable[[], Awaitable[str | None]] | None = None
    drill: Callable[[str, str, bool], Awaitable[DrillEnded]] | None = None
    leaving: Mapping[str, Guard] = field(default_factory=dict)
    parted: tuple[Guard, ...] = ()
    name: str = ""
    begun_at: float = -inf
    lines: Mapping[str, Line] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    due_at: float = inf
    _due: dict[str, float] = field(default_factory=dict)
    _standings: dict[str, Standing] = field(default_factory=dict)
    _watches: dict[str, Watch] = field(default_factory=dict)
    _listeners: defaultdict[str | None, list[Listener]] = field(default_factory=lambda: defaultdict(list))
    _watch_listeners: list[WatchListener] = field(default_factory=list)

    @classmethod
    def new(cls, clock: Clock) -> Board:
        lag = Histogram.empty((0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5))
        now = clock.now()
        return cls(clock, LoopHealth(now, lag), Reload(True, clock.timestamp()), begun_at=now)

    def add(self, account: Account, remembered: Guard | None = None) -> None:
        """Take an account up, or on with a changed config: what is known of it stays.

        `remembered`: a guard of an earlier run, which may be another account's than the one the config names now.
        """
        known, identity, now = self._standings.get(account.name), identity_of(account), self.clock.now()
        self.configs = {**self.configs, account.name: account}
        if known is not None:
            guard = remembered or known.guard
        else:
            # It may be known under a name that the same reload takes out of the config.
            same = (guard for guard in self.leaving.values() if guard.identity and guard.identity.is_of(identity))
            guard = next(same, None) or self._new_guard(account, now)
        provable = account.lease is None or not account.observe
        guard = replace(guard, overdue_after=account.timers.overdue_after, provable=provable)
        if known is None:
            self._standings[account.name] = Standing.new(guard, now)
        else:
            self._replace(account.name, replace(known, guard=guard))
        self.post(account.name, TakenOn(now, identity, account.terms))

    def _new_guard(self, account: Account, now: float) -> Guard:
        """An earlier run may have taken a lease; what we asked for before we let the account go may be heard yet."""
        identity = identity_of(account)
        ours = (guard for guard in reversed(self.parted) if guard.identity and guard.identity.is_of(identity))
        parted = next(ours, Guard(account.timers.overdue_after))
        leases, unsettled = parted.leases, parted.switch.unsettled
        if account.lease is not None and not account.observe:
            leases = leases.after(LeasePresumed(now, account.lease, now))
        return Guard(account.timers.overdue_after, leases=leases, switch=SwitchRecord(unsettled=unsettled))

    def forget(self, account: str) -> None:
        """Drop an account that the config no longer names, but for what the venue may yet do that we asked of it."""
        self.configs = {name: config for name, config in self.configs.items() if name != account}
        known = self._standings.pop(account, None)
        self._due.pop(account, None)
        if known is not None:
            gone, now = retired(known.guard), self.clock.now()
            self.leaving = {**self.leaving, account: gone}
            self.parted = tuple(one for one in (*self.parted, gone) if one.may_be_heard(now))

    def bring_home(self, before: Mapping[str, Guard]) -> None:
        """Accounts whose earlier name is another's now keep what is known of them, also aside; `before`: by that."""
        homes = defaultdict[tuple[str, str], list[Account]](list)
        for config in self.configs.values():
            homes[identity_of(config).login].append(config)
        kept = [(name, one) for name, guard in before.items() for one in (guard, guard.aside) if one is not None]
        for name, guard in kept:
            for config in homes[guard.identity.login] if guard.identity is not None else ():
                had, is_let_go = before.get(config.name), guard is before[name] and name not in self.configs
                if is_let_go or (had is not None and _is_of(had, config)):
                    continue  # renamed alone, or in its place all along
                standing = self._standings[config.name]
                self._replace(config.name, replace(standing, guard=moved_in(standing.guard, guard)))
                left = self._standings.get(name)
                if left is not None and left.guard.aside is not None and _is_of(left.guard.aside, config):
                    self._replace(name, replace(left, guard=replace(left.guard, aside=None)))
                self.post(config.name, TakenOn(self.clock.now(), identity_of(config), config.terms))

    def post(self, account: str, *facts: Fact) -> None:
        """Fold facts in; of several, observers hear of where they have led. About an account no longer known they are
        dropped: its keeper is on the way out."""
        if account in self._standings and facts:
            if self._standings[account].due_at <= facts[0].at:
                self._pass(account, facts[0].at)
            self._replace(account, reduce(Standing.post, facts, self._standings[account]))

    def let_time_pass(self) -> None:
        """Notice what time alone has changed, and tell the observers."""
        now = self.clock.now()
        if now < self.due_at:
            return
        for account in [account for account, due_at in self._due.items() if due_at <= now]:
            self._pass(account, now)
        self.due_at = min(self._due.values(), default=inf)

    def standing(self, account: str) -> Standing:
        """As of now. Raises KeyError for an account not known."""
        return self._standings[account].at(self.clock.now())

    def guard(self, account: str) -> Guard:
        """The facts about the account, which time leaves as they are. Raises KeyError for an account not known."""
        return self._standings[account].guard

    def standings(self) -> dict[str, Standing]:
        """Every account as of now, by name in the config's order; safe from any thread."""
        now = self.clock.now()
        known = self._standings.copy()
        return {name: known[name].at(now) for name in tuple(self.configs) if name in known}

    def guards(self) -> dict[str, Guard]:
        """What is known of every account, for the loop alone; time leaves it as it is."""
        return {name: self._standings[name].guard for name in self.configs if name in self._standings}

    def watch(self, name: str) -> Watch:
        return self._watches[name]

    def watches(self) -> dict[str, Watch]:
        """Every watch by name; safe from any thread."""
        return self._watches.copy()

    def put_watch(self, watch: Watch) -> None:
        """Take a watch up, or replace what is known of it."""
        before = self._watches.get(watch.name, watch)
        self._watches[watch.name] = watch
        for listener in tuple(self._watch_listeners):
            listener(before, watch)

    def forget_watch(self, name: str) -> None:
        self._watches.pop(name, None)

    def note(
        self, event: str, text: str, account: str | None = None, watch: str | None = None, at: float | None = None
    ) -> None:
        """Keep for `history` what happened at `at` (monotonic), or just now, in the sentence that the log has."""
        timestamp = self.clock.timestamp() if at is None else self.clock.timestamp_of(at)
        self.keep(Event(round(timestamp, 3), event, text, account, watch))

    def tell(
        self, log: logging.Logger, level: int, event: str, words: str, at: float | None = None, **about: str
    ) -> None:
        """Log it, and keep it for `history` in the same sentence; `about` an account, a watch, or both."""
        log.log(level, "%s", words, extra={"event": event, **about})
        self.note(event, words, at=at, **about)

    def put_line(self, name: str, line: Line) -> None:
        """How it goes with the other hosts: as a desk under "", as a witness under the desk's name."""
        self.lines = {**self.lines, name: line}

    def keep(self, event: Event) -> None:
        """In the order in which things came true: what time alone brings may be noticed late."""
        later = (*self.events[1 - MOST_EVENTS :], event)
        late = len(later) > 1 and event.at < later[-2].at
        self.events = tuple(sorted(later, key=lambda one: one.at)) if late else later

    def listen(self, listener: Listener, account: str | None = None) -> None:
        """Tell `listener` of this account's changes; None: of every account's."""
        self._listeners[account].append(listener)

    def unlisten(self, listener: Listener, account: str | None = None) -> None:
        self._listeners[account].remove(listener)

    def listen_to_watches(self, listener: WatchListener) -> None:
        self._watch_listeners.append(listener)

    def _pass(self, account: str, now: float) -> None:
        for step in self._standings[account].steps(now):
            self._replace(account, step)

    def _replace(self, account: str, after: Standing) -> None:
        before, self._standings[account] = self._standings[account], after
        self._due[account] = due_at = after.due_at
        self.due_at = min(self.due_at, due_at)
        for listener in (*self._listeners[None], *self._listeners[account]):
            listener(account, before, after)


def _is_of(guard: Guard, config: Account) -> bool:
    return guard.identity is not None and identity_of(config).is_of(guard.identity)
