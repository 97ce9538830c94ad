"""Keeps the file true: reads it at the start, and writes it whenever what it holds has changed."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Protocol

import trio

from deadman.daemon.memory import (
    MEMORABLE,
    AccountMemory,
    Damaged,
    Memory,
    Newer,
    Texts,
    WatchMemory,
    decode,
    encode,
    is_news,
)
from deadman.model.account import Standing
from deadman.model.board import Board
from deadman.model.errors import Unable
from deadman.model.watch import Watch
from deadman.transport.blocking import in_thread

log = logging.getLogger(__name__)

WRITE_TIMEOUT = 5.0
"""Seconds after which a disk counts as hung."""

RETRY = 10.0
"""Seconds between tries at a disk that fails, unless something changes before."""

REMEMBER_TIMEOUT = 2.0
"""Seconds a bot's first lease waits for the disk. No longer: a living bot without a lease is worse than a restart
that does not know of it, for then the venue's own switch still stands."""

COUNT_WRITE_INTERVAL = 60.0
"""Seconds between two writes that only tell how many orders are open: nothing but a comparison hangs on it."""

NEWS_WRITE_INTERVAL = 5.0
"""The same of one account whose book has filled, emptied, doubled or halved: what is not on the disk a crash keeps
from being missed, and what is there but long cancelled is missed though nothing happened."""

IDENTITY_WRITE_INTERVAL = 1.0
"""The same where a venue has told whose an account is, and nothing else: of a thousand that start it tells in turn."""

LAST_WRITE_TIMEOUT = 1.0
"""Seconds for what has changed just before we stop."""


@dataclass
class State:
    """What outlives us, between `board` and `store`. A trip never waits for it."""

    board: Board
    store: Store
    _on_disk: Memory | None = None
    _changed: trio.Event = field(default_factory=trio.Event)
    _tried: trio.Event = field(default_factory=trio.Event)
    _failing: bool = False
    _has_tried: bool = False
    _asked: int = 0
    _answered: int = 0
    _news_at: dict[str, float] = field(default_factory=dict)
    _untold: set[str] = field(default_factory=set)
    _texts: Texts = field(default_factory=dict)
    _due_at: float = inf
    _waiting: trio.CancelScope = field(default_factory=trio.CancelScope)

    def restore(self) -> None:
        """Read the file and post on the board what it says of the watches and accounts there; then listen to it.

        A damaged file is kept aside, and read as: every bot was alive, nothing was disarmed. What was read is written
        again at once: a disk that takes nothing is told of at the start, and not only by the first disarm it loses.

        Raises Newer, and touches nothing, where a later release wrote it.
        """
        self._on_disk = self._read()
        alive = {name: WatchMemory(alive=True) for name in self.board.watches()}
        (self._on_disk or Memory(alive, under_way=True, doubted=True)).put_back(self.board)
        self.board.written = self.written
        self.board.listen(self._on_change)
        self.board.listen_to_watches(self._on_watch_change)
        self._changed.set()

    async def keep(self) -> None:
        """Write what changes, until cancelled; then once more."""
        try:
            while True:
                by = trio.current_time() + (RETRY if self._failing else COUNT_WRITE_INTERVAL)
                with trio.CancelScope(deadline=min(by, self._due_at)) as self._waiting:
                    await self._changed.wait()
                self._changed, self._due_at = trio.Event(), inf
                await self._save()
        finally:
            with trio.move_on_after(LAST_WRITE_TIMEOUT, shield=True):
                await self._save(last=True)

    async def written(self) -> str | None:
        """Return once the disk has been told of all that the board says now; why it knows less, None where it knows.

        A disk that hangs is waited for; who asks sets the deadline.
        """
        self._asked += 1
        turn = self._asked
        self._changed.set()
        while self._answered < turn:
            await self._tried.wait()
        return self.board.state_fault

    async def remember_alive(self, names: Collection[str]) -> None:
        """Return when the disk knows that these bots live, so that a restart of ours does not forget one it held up.

        To be awaited before a lease is taken for them. A broken disk is waited for `REMEMBER_TIMEOUT` seconds at most.
        """
        with trio.move_on_after(REMEMBER_TIMEOUT):
            while not self._failing:
                now, known = self.board.watches(), (self._on_disk or Memory()).watches
                alive = [name for name in names if name in now and WatchMemory.of(now[name]).alive]
                if all(known.get(name, WatchMemory()).alive for name in alive):
                    return
                await self._tried.wait()

    def _on_change(self, account: str, before: Standing, after: Standing) -> None:
        """What the disk knows may be of an account of that name which a reload has dropped since."""
        if account not in self._untold and MEMORABLE(before.guard) == MEMORABLE(after.guard):
            return
        disk, at = self._on_disk, self.board.clock.now()
        known = AccountMemory.of(before.guard) if disk is None else disk.accounts.get(account, AccountMemory())
        now = AccountMemory.of(after.guard)
        if replace(known, listed=None, identity=None) != replace(now, listed=None, identity=None):
            self._changed.set()
        elif known.identity != now.identity:
            self._due_at = min(self._due_at, at + IDENTITY_WRITE_INTERVAL)
            self._waiting.deadline = min(self._waiting.deadline, self._due_at)
        self._untold.discard(account)
        if is_news(known.listed, now.listed):
            self._untold.add(account)
            if at >= self._news_at.get(account, -inf) + NEWS_WRITE_INTERVAL:
                self._news_at[account] = at
                self._changed.set()

    def _on_watch_change(self, before: Watch, after: Watch) -> None:
        if WatchMemory.of(before) != WatchMemory.of(after):
            self._changed.set()

    def _read(self) -> Memory | None:
        """What the file says; a new desk remembers nothing; None when the file cannot be believed."""
        try:
            data = self.store.read()
            return Memory() if data is None else decode(data, self.board.clock)
        except OSError as error:
            fault = f"cannot be read ({error.strerror})"
        except Newer as error:
            lost = "which forgets every disarm, trip and hold"
            raise Newer(f"{self.store}: {error}: run that release again, or move the file away, {lost}") from None
        except Damaged as error:
            try:
                kept = "as " + self.store.set_aside(self.board.clock.timestamp())
            except OSError as refused:
                kept = f"until it is written anew ({refused.strerror})"
            fault = f"is damaged ({error}); it is kept {kept}"
        meant = "every bot counts as having been alive, and NOTHING AS DISARMED, TRIPPED OR ON HOLD"
        self.board.state_lost = f"the state of the last run {fault}: {meant}; disarm or hold again what should be"
        self.board.tell(log, logging.ERROR, "state_damaged", self.board.state_lost)
        return None

    async def _save(self, *, last: bool = False) -> None:
        turn, memory = self._asked, Memory.of(self.board, last=last)
        if memory != self._on_disk or not self._has_tried:
            self._has_tried = True
            failure = None
            try:
                with trio.fail_after(WRITE_TIMEOUT):
                    await self.store.write(encode(memory, self.board.clock, self._texts))
            except trio.TooSlowError:
                failure = f"the disk has not answered for {WRITE_TIMEOUT:.0f} s"
            except OSError as error:
                failure = error.strerror or str(error)
            self._on_disk = memory if failure is None else None
            self._tell(failure)
            self._failing = failure is not None
        self._answered = turn
        self._tried.set()
        self._tried = trio.Event()

    def _tell(self, failure: str | None) -> None:
        """On the board; in the log once when it begins to fail, and once when that is over."""
        self.board.state_fault = failure
        if failure is not None and not self._failing:
            goes_on = "the service goes on and tries again, but a restart now would not know of the latest trips"
            words = f"the state cannot be written: {failure}; {goes_on}, disarms and holds"
            self.board.tell(log, logging.ERROR, "state_not_written", words)
        elif failure is None and self._failing:
            self.board.tell(log, logging.WARNING, "state_written", "the state is written again")


NAME = "state.toml"


class StateInUse(Unable):
    """Another daemon keeps its state there, or the directory cannot be had."""


class Store(Protocol):
    """Where the state is kept. Every method may raise OSError."""

    def read(self) -> bytes | None:
        """What was written last; None when nothing ever was."""

    async def write(self, data: bytes) -> None:
        """Replace it. When this returns it survives a loss of power; when it fails the last one stands."""

    def set_aside(self, timestamp: float) -> str:
        """Keep a damaged one from being lost, and say where. `timestamp` is Unix seconds.

        It is read, and found damaged, until a sound one is written: no restart before that takes this for a new desk.
        """


class FileStore:
    """`state.toml` in a directory of ours."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / NAME
        self._one = trio.CapacityLimiter(1)

    def __str__(self) -> str:
        return str(self._path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the directory against a second daemon, which would undo what this one does. Raises StateInUse."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise StateInUse(f"{self._directory}: no state can be kept there: {error.strerror}") from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                hint = "stop it, or give this one a state_directory of its own"
                raise StateInUse(
                    f"{self._directory}: another deadman is running on this state directory; {hint}"
                ) from None
            except OSError as error:
                raise StateInUse(f"{self._directory}: cannot be locked: {error.strerror}") from error
            yield
        finally:
            os.close(descriptor)  # and with it the lock

    def read(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    async def write(self, data: bytes) -> None:
        """In a thread, since a disk may hang. A hung one keeps the next from starting, so none overtakes another."""
        await in_thread(self.replace, data, limiter=self._one)

    def replace(self, data: bytes) -> None:
        """The blocking form of `write`."""
        fresh = self._path.with_suffix(".new")
        try:
            fresh.unlink(missing_ok=True)
            with open(fresh, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                if os.geteuid() == 0:  # root, who cancels while the service is down: it must be able to read it again
                    owner = self._directory.stat()
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError:
            with suppress(OSError):
                fresh.unlink()  # half a file on a full disk helps nobody
            raise
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)  # a rename is on the disk only when the directory is
        finally:
            os.close(directory)

    def set_aside(self, timestamp: float) -> str:
        for known in self._directory.glob(f"{NAME}.damaged-*"):
            if known.samefile(self._path):
                return str(known)
        told = datetime.fromtimestamp(timestamp, UTC).strftime("%Y%m%dT%H%M%SZ")
        aside = self._path.with_name(f"{NAME}.damaged-{told}")
        aside.hardlink_to(self._path)
        return str(aside)
