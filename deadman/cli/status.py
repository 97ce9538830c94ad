"""`deadman status --wait`: for a bot's ExecStartPre=, which must not trade before the switch is proven."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deadman.cli.client import ask, control_socket, exit_code, only
from deadman.cli.follow import Follower, Lines, Objects, Screen, follow
from deadman.cli.parser import Failed, Misused, Unreachable, patience
from deadman.status.problems import Told
from deadman.status.screen import Paper, screen, state
from deadman.venues import is_lease, title

_CODES = (
    "Exit 0: every account that is wanted is protected; 1: one is not; 69: the daemon cannot be reached. "
    "ACT also stands before what is protected still, or meant to be off, and yet needs somebody; LOOK exits 0."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _CODES
    parser.add_argument("accounts", nargs="*", metavar="ACCOUNT", help="only these")
    parser.add_argument("--json", action="store_true", help="the daemon's answer as it is, one object a line")
    parser.add_argument("--follow", action="store_true", help="go on, once a second; outlasts the daemon's restarts")
    parser.add_argument(
        "--wait",
        type=patience,
        metavar="SECONDS",
        help="until the named accounts are proven, also while the daemon starts; else exit 1, or 69 without a daemon",
    )


def run(arguments: argparse.Namespace) -> int:
    path, accounts = control_socket(arguments.config), tuple(arguments.accounts)
    if arguments.wait is not None and (arguments.follow or not accounts):
        raise Misused("--wait needs the accounts that are waited for, and does not go with --follow")
    if arguments.follow:
        follow(path, accounts, _follower(arguments))
    show = _as_json if arguments.json else _as_screen
    if arguments.wait is not None:
        return wait(path, accounts, arguments.wait, show)
    answer = only(ask(path, "status", {}), accounts)
    show(answer)
    return exit_code(answer)


def _follower(arguments: argparse.Namespace) -> Follower:
    if arguments.json:
        return Objects()
    return Screen() if sys.stdout.isatty() else Lines()


def _as_screen(answer: Told) -> None:
    lines = screen(answer, Paper.of(sys.stdout, os.environ))
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _as_json(answer: Told) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")


PACE = 0.2
"""Seconds between looks."""

_PATIENCE = 2.0


def wait(path: Path, accounts: Sequence[str], seconds: float, show: Callable[[Told], None]) -> int:
    """0 once all are proven, looked at at least once.

    Raises when that takes longer than `seconds`: Unreachable where no daemon answers at the end, else Failed.
    """
    deadline, hinted = time.monotonic() + seconds, False
    while True:
        answer, missing = _look(path, accounts)
        if answer is not None and not missing:
            show(answer)
            return 0
        if answer is not None and not hinted:
            hinted = _hint(answer)
        if time.monotonic() >= deadline:
            late = f"not within {seconds:g} s: {'; '.join(missing)}"
            if answer is None:
                raise Unreachable(late)
            show(answer)
            raise Failed(late)
        time.sleep(min(PACE, max(deadline - time.monotonic(), 0.0)))


def _look(path: Path, accounts: Sequence[str]) -> tuple[Told | None, list[str]]:
    """The answer if there is one, and what is missing."""
    try:
        answer = only(ask(path, "status", {}, _PATIENCE), accounts)
    except Unreachable as error:
        return None, [str(error)]
    return answer, list(_missing(answer))


def _missing(answer: Told) -> Iterator[str]:
    for name, account in answer["accounts"].items():
        if not account["protected"] and not _awaits_its_bot(account, answer["timestamp"]):
            yield f"{name} is {state(account, answer['timestamp'])}"


def _awaits_its_bot(account: Mapping[str, Any], now: float) -> bool:
    """Tripped by its bot's death, and the switch proven all the same: who waits here is what it waits for."""
    trip, expiry = account["trip"], account["expiry"]
    proven = not is_lease(account["venue"]) and expiry is not None and expiry > now
    return account["phase"] == "tripped" and trip["cause"] != "operator" and proven


def _hint(answer: Told) -> bool:
    """Said once and at once: whoever is waited for must not wait."""
    waiting = [account for account in answer["accounts"].values() if account["phase"] == "waiting"]
    if waiting:
        venues = " and ".join(sorted({title(account["venue"]) for account in waiting}))
        bots = " and ".join(sorted({name for account in waiting for name in account["watches"]}))
        sys.stderr.write(f"deadman: {venues} is armed only after {bots} checks in\n")
    return bool(waiting)
