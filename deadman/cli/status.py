"""`deadman status`: once, with --follow for people, with --wait for a bot, which must not trade unproven."""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from deadman.cli.client import ask, control_socket, exit_code, status_of
from deadman.cli.parser import Misused, NotDone, Unreachable, span_or_zero
from deadman.model.board import MOST_EVENTS
from deadman.model.facts import Cause
from deadman.model.guard import Phase
from deadman.model.text import instant, plain
from deadman.status.headline import headline
from deadman.status.schema import AccountReport, StatusReport, to_json
from deadman.status.screen import Paper, headline_lines, screen, state


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("accounts", nargs="*", metavar="ACCOUNT", help="only these")
    parser.add_argument("--json", action="store_true", help="as the daemon tells it, one object a line")
    if parser.get_default("verb") == "history":
        return
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
    report = status_of(path, accounts, events=MOST_EVENTS if arguments.json else None)
    show(report)
    return exit_code(report)


def run_history(arguments: argparse.Namespace) -> int:
    """What has happened since the daemon's start, newest last; the last 1,000 are kept.

    Changes of phase, trips, the words of operators, what venues cancelled, lost sessions, and how bots fared.
    """
    params = {"accounts": arguments.accounts} if arguments.accounts else {}
    answer = ask(control_socket(arguments.config), "history", params)
    if arguments.json:
        sys.stdout.write(json.dumps(answer) + "\n")
        return 0
    paper, now = Paper.of(sys.stdout, os.environ), time.time()
    for event in answer["events"]:
        lines = paper.wrap(plain(event["text"]), f"{instant(event['at'], now)}  ", "  ")
        sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _show(report: StatusReport) -> None:
    lines = screen(report, Paper.of(sys.stdout, os.environ))
    sys.stdout.write("".join(f"{line}\n" for line in lines))


FOLLOW_INTERVAL = 1.0
"""Seconds between looks that go on."""

_HOME_AND_CLEAR = "\x1b[H\x1b[2J"


def follow(path: Path, accounts: Sequence[str], follower: Screen | Lines | Objects) -> NoReturn:
    """Look once a second until interrupted; a daemon that is away is waited for."""
    reader = select.poll()
    reader.register(sys.stdout, 0)  # nothing is asked for: an error and a hang-up are told unasked
    while True:
        try:
            follower.show(status_of(path, accounts))
        except Unreachable as error:
            follower.tell(str(error))
        sys.stdout.flush()
        if reader.poll(FOLLOW_INTERVAL * 1000):
            raise BrokenPipeError  # whoever reads us has left, and nothing may be left to write for hours


class Screen:
    """Redraws; what does not fit below is cut, since the worst stands first."""

    def show(self, report: StatusReport) -> None:
        paper = Paper.of(sys.stdout, os.environ)
        self._draw(screen(report, paper), paper)

    def tell(self, words: str) -> None:
        now = time.time()
        paper = Paper.of(sys.stdout, os.environ)
        self._draw(paper.wrap(words, f"{instant(now, now)}  ACT  "), paper)

    def _draw(self, lines: Sequence[str], paper: Paper) -> None:
        sys.stdout.write(_HOME_AND_CLEAR + "\n".join(lines[: paper.height - 1]) + "\n")


class Lines:
    """Writes what has changed, and nothing while nothing has."""

    def __init__(self) -> None:
        self._last: object = None
        self._states: dict[str, str] = {}

    def show(self, report: StatusReport) -> None:
        states = {name: str(account.phase) for name, account in report.accounts.items()}
        said, now = headline(report), report.timestamp
        bots = {name: (watch.alive, watch.held) for name, watch in report.watches.items()}
        if self._is_news((states, bots, said.verdict, said.tones)):
            lines = headline_lines(report, said, Paper(width=10_000))
            changed = [name for name, phase in states.items() if self._states.get(name) != phase]
            lines += [f"{instant(now, now)}  {name}  {state(report.accounts[name], now)}" for name in changed]
            sys.stdout.write("".join(f"{line}\n" for line in lines))
        self._states = states

    def tell(self, words: str) -> None:
        now = time.time()
        if self._is_news(words):
            sys.stdout.write(f"{instant(now, now)}  ACT  {words}\n")

    def _is_news(self, told: object) -> bool:
        news = told != self._last
        self._last = told
        return news


class Objects:
    """Writes each answer as it is, an object a line; an absent daemon is told of on stderr."""

    def __init__(self) -> None:
        self._away = False

    def show(self, report: StatusReport) -> None:
        self._away = False
        sys.stdout.write(json.dumps(to_json(report)) + "\n")

    def tell(self, words: str) -> None:
        if not self._away:
            sys.stderr.write(f"deadman: {words}\n")
        self._away = True


WAIT_INTERVAL = 0.2
"""Seconds between looks of `--wait`."""

LOOK_TIMEOUT = 2.0
"""Seconds for one look."""


def wait(path: Path, accounts: Sequence[str], seconds: float, show: Callable[[StatusReport], None]) -> int:
    """0 once all are proven, looked at at least once.

    Raises when that takes longer than `seconds`: Unreachable where no daemon answers at the end, else NotDone.
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
            raise NotDone(late)
        time.sleep(min(WAIT_INTERVAL, max(deadline - time.monotonic(), 0.0)))


def _look(path: Path, accounts: Sequence[str]) -> tuple[StatusReport | None, list[str]]:
    """The report if there is one, and what is missing."""
    try:
        report = status_of(path, accounts, LOOK_TIMEOUT)
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
