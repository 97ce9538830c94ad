"""Which watches and accounts are to be looked at, so that a look costs what has changed and not what there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from operator import attrgetter

from deadman.model.board import Board
from deadman.model.guard import Guard
from deadman.model.settings import Account
from deadman.model.watch import Watch

_JUDGED_BY = attrgetter("taken_on_at", "disarm", "trip", "awaited", "bots")
"""What `judge` asks of a guard."""


@dataclass
class Agenda:
    """By name: what was touched since it was looked at, and the instants at which time alone may change something.

    Attributes:
        touched: accounts of which something was learned.
        busy: watches of which time may change something.
        held: those on hold.
        unheard: those that were not heard since an absence of ours.
    """

    board: Board
    busy: dict[str, None] = field(default_factory=dict)
    held: dict[str, None] = field(default_factory=dict)
    unheard: dict[str, None] = field(default_factory=dict)
    touched: dict[str, None] = field(default_factory=dict)
    _watches: dict[str, float] = field(default_factory=dict)
    _triggers: dict[str, float] = field(default_factory=dict)
    _accounts: dict[str, float] = field(default_factory=dict)
    _watch_due_at: float = -inf
    _account_due_at: float = -inf
    _configs: Mapping[str, Account] = field(default_factory=dict)
    _index: tuple[object, dict[str, list[Account]]] = (None, {})

    def __post_init__(self) -> None:
        for watch in self.board.watches().values():
            self.note(watch)

    def touch(self, account: str) -> None:
        """Something was learned of it."""
        self.touched[account] = None

    def learn(self, account: str, before: Guard, after: Guard) -> bool:
        """Whether it is to be judged anew: most of what is learned, a renewal for one, is nothing to its watches."""
        if before is after or _JUDGED_BY(before) == _JUDGED_BY(after):
            return False
        self.touch(account)
        return True

    def note(self, watch: Watch) -> None:
        """Something was learned of it, and so of the accounts that hang on it."""
        due_at = _due_at(watch)
        for names, belongs in (
            (self.busy, due_at < inf),
            (self.held, watch.hold is not None),
            (self.unheard, watch.unheard),
        ):
            names.pop(watch.name, None)
            if belongs:
                names[watch.name] = None
        self._watches[watch.name] = due_at
        self._watch_due_at = min(self._watch_due_at, due_at)
        for account in self.accounts_of(watch.name):
            self.touch(account.name)

    def put_off(self, watch: str, until: float) -> None:
        """A trigger of it waits until then; inf: none does."""
        self._triggers[watch] = until
        self._watch_due_at = min(self._watch_due_at, until)

    def forget(self, watch: str) -> None:
        for known in (self.busy, self.held, self.unheard, self._watches, self._triggers):
            known.pop(watch, None)

    def settle(self, account: str, until: float) -> None:
        """It was judged, and time alone changes nothing of it before `until`."""
        self._accounts[account] = until
        self._account_due_at = min(self._account_due_at, until)

    def due_watches(self, now: float) -> list[str]:
        """Those of which time may have changed something by now."""
        if now < self._watch_due_at:
            return []
        due = {name: min(at, self._triggers.get(name, inf)) for name, at in self._watches.items()}
        self._watch_due_at = min(due.values(), default=inf)
        return [name for name, at in due.items() if at <= now]

    def take_accounts(self, now: float) -> Iterator[tuple[Account, tuple[Watch, ...]]]:
        """Those to be judged, each with its watches that are known."""
        if self._configs is not self.board.configs:
            for name, account in self.board.configs.items():
                if self._configs.get(name) is not account:
                    self.touch(name)
            self._configs = self.board.configs
        names, self.touched = self.touched, {}
        if now >= self._account_due_at:
            names.update((name, None) for name, at in self._accounts.items() if at <= now)
            self._account_due_at = min((at for at in self._accounts.values() if at > now), default=inf)
        known: Mapping[str, Watch] = self.board.watches() if names else {}
        for name in names:
            self._accounts.pop(name, None)
            if name in self.board.configs:
                account = self.board.configs[name]
                yield account, tuple(known[watch] for watch in account.watches if watch in known)

    def known(self, names: Iterable[str]) -> list[Watch]:
        """Those of them that are on the board."""
        watches = self.board.watches() if names else {}
        return [watches[name] for name in names if name in watches]

    def accounts_of(self, watch: str) -> list[Account]:
        """Those that hang on it, in the config's order."""
        if self._index[0] is not self.board.configs:
            hanging: dict[str, list[Account]] = {}
            for account in self.board.configs.values():
                for name in account.watches:
                    hanging.setdefault(name, []).append(account)
            self._index = self.board.configs, hanging
        return self._index[1].get(watch, [])


def _due_at(watch: Watch) -> float:
    """When time alone may change something of it."""
    silent_at = watch.silent_at() if watch.died_at is None else None
    held_until = watch.hold.until if watch.hold is not None else None
    stops_at = watch.stopping_at if watch.hold is None else held_until
    return min((at for at in (silent_at, held_until, stops_at) if at is not None), default=inf)
