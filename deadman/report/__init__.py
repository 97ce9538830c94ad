"""What `status` answers: all that is known and claimed, as JSON's own types."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from deadman import __version__
from deadman.board import Board
from deadman.duty import in_force
from deadman.report.accounts import account_report
from deadman.report.times import Times
from deadman.report.watches import watch_report


def report(
    board: Board, watch_directory: Path | None = None, is_gone: Callable[[int], bool] = lambda pid: False
) -> dict[str, Any]:
    """The answer of `status` (contract, section 4), safe from any thread: instants in Unix seconds, spans in seconds.

    `watch_directory` is where the watches' sockets are, None: not told. `is_gone` says of a process id whether
    it is known to have ended; the safe side is False.
    """
    watches = board.watches()
    times = Times.of(board.clock)
    accounts = {
        name: account_report(
            in_force(board.configs[name], standing.guard), standing.guard, standing.since, watches, times
        )
        for name, standing in board.standings().items()
        if name in board.configs
    }
    return {
        "version": __version__,
        "timestamp": times.timestamp(times.now),
        "state_fault": board.state_fault,
        "accounts": accounts,
        "watches": {
            name: watch_report(watch, times, watch_directory, is_gone) for name, watch in sorted(watches.items())
        },
    }
