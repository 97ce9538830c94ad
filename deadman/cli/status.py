"""`deadman status`; with --wait for a bot's ExecStartPre=, which must not trade before the switch is proven."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from deadman.cli.client import control_socket, exit_code, status_of
from deadman.cli.follow import Lines, Objects, Screen, follow
from deadman.cli.parser import Failed, Misused, Unreachable, span_or_zero
from deadman.model.facts import Cause
from deadman.model.guard import Phase
from deadman.status.schema import AccountReport, StatusReport
from deadman.status.screen import Paper, screen, state


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("accounts", nargs="*", metavar="ACCOUNT", help="only these")
    parser.add_argument("--json", action="store_true", help="as the daemon tells it, one object a line")
    parser.add_argument("--follow", action="store_true", help="go on, once a second; outlasts the daemon's restarts")
    parser.add_argument(
        "--wait",
        type=span_or_zero,
        metavar="SECONDS",
        help="until the named accounts are proven, also while the daemon starts; else exit 1, or 69 without a daemon",
    )


def run(arguments: argparse.Namespace) -> int:
    """What is proven, and what happens if the bot or the host dies now.

    Exit 0: every account that is wanted is protected; 1: one is not; 69: the daemon cannot be reached. ACT also stands
    before what is protected still, or meant to be off, and yet needs somebody; LOOK exits 0.
    """
    path, accounts = control_socket(arguments.config), tuple(arguments.accounts)
    if arguments.wait is not None and (arguments.follow or not accounts):
        raise Misused("--wait needs the accounts that are waited for, and does not go with --follow")
    show = Objects().show if arguments.json else _show
    if arguments.follow:
        on_a_terminal = Screen() if sys.stdout.isatty() else Lines()
        follow(path, accounts, Objects() if arguments.json else on_a_terminal)
    if arguments.wait is not None:
        return wait(path, accounts, arguments.wait, show)
    report = status_of(path, accounts)
    show(report)
    return exit_code(report)


def _show(report: StatusReport) -> None:
    lines = screen(report, Paper.of(sys.stdout, os.environ))
    sys.stdout.write("".join(f"{line}\n" for line in lines))


POLL_INTERVAL = 0.2
"""Seconds between looks."""

TIMEOUT = 2.0
"""Seconds for one look."""


def wait(path: Path, accounts: Sequence[str], seconds: float, show: Callable[[StatusReport], None]) -> int:
    """0 once all are proven, looked at at least once.

    Raises when that takes longer than `seconds`: Unreachable where no daemon answers at the end, else Failed.
    """
    deadline, hinted = time.monotonic() + seconds, False
    while True:
        report, missing = _look(path, accounts)
        if report is not None and not missing:
            show(report)
            return 0
        if report is not None and not hinted:
            hinted = _hint(report)
        if time.monotonic() >= deadline:
            late = f"not within {seconds:g} s: {'; '.join(missing)}"
            if report is None:
                raise Unreachable(late)
            show(report)
            raise Failed(late)
        time.sleep(min(POLL_INTERVAL, max(deadline - time.monotonic(), 0.0)))


def _look(path: Path, accounts: Sequence[str]) -> tuple[StatusReport | None, list[str]]:
    """The report if there is one, and what is missing."""
    try:
        report = status_of(path, accounts, TIMEOUT)
    except Unreachable as error:
        return None, [str(error)]
    now = report.timestamp
    missing = {name: one for name, one in report.accounts.items() if not one.protected and not _awaits_bot(one, now)}
    return report, [f"{name} is {state(account, now)}" for name, account in missing.items()]


def _awaits_bot(account: AccountReport, now: float) -> bool:
    """Tripped by its bot's death, and the switch is kept and proven all the same: who waits here is waited for."""
    by_bot = account.phase is Phase.TRIPPED and account.trip is not None and account.trip.cause is not Cause.OPERATOR
    return by_bot and account.duty != "rest" and account.expiry is not None and account.expiry > now


def _hint(report: StatusReport) -> bool:
    """Said once and at once: whoever is waited for must not wait."""
    waiting = [account for account in report.accounts.values() if account.phase is Phase.WAITING]
    if waiting:
        venues = " and ".join(sorted({account.venue_title for account in waiting}))
        bots = " and ".join(sorted({name for account in waiting for name in account.watches}))
        sys.stderr.write(f"deadman: {venues} is armed only after {bots} checks in\n")
    return bool(waiting)
