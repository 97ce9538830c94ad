"""`deadman trip --direct`: cancel from this process, for when there is no daemon to ask."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from pwd import getpwuid

import trio

from deadman.checkins.rounds import boottime
from deadman.cli.parser import Misused, NotDone
from deadman.cli.run import read_config
from deadman.config.advice import as_the_service
from deadman.config.load import SecretsUnreadable
from deadman.daemon.doors import Doors
from deadman.daemon.keeper import Keeper
from deadman.daemon.memory import Newer
from deadman.daemon.state import FileStore, State, StateInUse
from deadman.model.board import Board
from deadman.model.clock import Clock, boot_id
from deadman.model.facts import Cause, Tripped
from deadman.model.settings import Config
from deadman.model.watch import Watch
from deadman.status.vocabulary import gone
from deadman.transport.blocking import Resolver

TIMEOUT = 30.0
"""Seconds until it is told what is outstanding; an operator may start it again."""


def trip(path: Path, accounts: Sequence[str], reason: str) -> int:
    """Cancel the orders of these accounts, of all for none named, until the venues list none.

    Exit 0 when all are gone, 1 when some may not be. Raises Faults as `run` does, Misused for an account that the
    config does not know, NotDone for one that is only observed, and with the command that can where we may not read the
    secrets of the service.
    """
    try:
        config = read_config(path)
    except SecretsUnreadable as unreadable:
        words = ["trip", "--direct", "--yes", *(["--reason", reason] if reason else []), *(accounts or ["--all"])]
        if told := as_the_service(path, words):
            raise NotDone(f"{unreadable}\n{told}") from None
        raise
    unknown = [name for name in accounts if name not in config.accounts]
    if unknown:
        raise Misused(f"no account {', '.join(unknown)}; there are {', '.join(config.accounts)}")
    wanted = accounts or list(config.accounts)
    observed = [name for name in wanted if config.accounts[name].observe]
    named = [name for name in wanted if name not in observed]
    if observed and (accounts or not named):
        raise NotDone(f"{', '.join(observed)}: only observed (observe = true), so nothing is cancelled")
    return trio.run(_trip, config, named, reason)


async def _trip(config: Config, names: Sequence[str], reason: str) -> int:
    board = Board.new(Clock(trio.lowlevel.current_clock().current_time, time.time, boottime, boot_id()))
    with ExitStack() as stack:
        state = _state(config, board, stack)
        for name in names:
            board.post(name, Tripped(board.clock.now(), Cause.OPERATOR, f"{_own_name()} (trip --direct)", reason))
        print(f"cancelling {', '.join(names)}; this may take {TIMEOUT:.0f} s", file=sys.stderr)
        await _cancel(config, board, names, state)
    for line in _outcomes(board, names):
        print(line)
    return 0 if not _outstanding(board, names) else NotDone.exit_code


def _own_name(environment: Mapping[str, str] = os.environ) -> str:
    """Nobody's where systemd runs us with the secrets of the service, under the user that it made up for that."""
    try:
        return "an operator" if "CREDENTIALS_DIRECTORY" in environment else getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"


def _state(config: Config, board: Board, stack: ExitStack) -> State | None:
    """The daemon's memory, so that it does not re-arm after its start what an operator has tripped.

    None while a daemon holds it, or where a later release wrote it: that keeps nobody from cancelling.
    """
    for account in config.accounts.values():
        board.add(account)
    for watch in config.watches.values():
        board.put_watch(Watch(watch.name, watch.timeout))
    store = FileStore(config.daemon.state_directory)
    state = State(board, store)
    try:
        stack.enter_context(store.lock())
        state.restore()
    except (StateInUse, Newer) as error:
        print(f"deadman: {error}; cancelling all the same, but it will not know", file=sys.stderr)
        return None
    return state


async def _cancel(config: Config, board: Board, names: Sequence[str], state: State | None) -> None:
    doors = Doors(board.clock, os.environ, lambda secret: None)  # nothing is logged here
    async with trio.open_nursery() as nursery:
        trio.socket.set_custom_hostname_resolver(Resolver(nursery))
        if state is not None:
            nursery.start_soon(state.keep)
        for name in names:
            account = config.accounts[name]
            door = doors.door(account, lambda fact, name=name: board.post(name, fact))  # type: ignore[misc]
            nursery.start_soon(Keeper(account, board, door.open_session, doors.chance).run)
        with trio.move_on_after(TIMEOUT):
            while _outstanding(board, names):
                await trio.sleep(0.05)
        nursery.cancel_scope.cancel()


def _outstanding(board: Board, names: Sequence[str]) -> list[str]:
    trips = {name: board.standing(name).guard.trip for name in names}
    return [name for name, trip in trips.items() if trip is None or trip.done_at is None]


def _outcomes(board: Board, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        guard = board.standing(name).guard
        if guard.trip is None or guard.trip.done_at is None:
            why = guard.trouble.detail if guard.trouble else "the venue still lists open orders"
            yield f"{name}: NOT finished after {TIMEOUT:.0f} s: {why}. Try again, or cancel at the venue by hand"
        else:
            only = board.configs[name].selection.words
            yield f"{name}: {gone(guard.trip.cancelled, guard.trip.presumed, only)}"
