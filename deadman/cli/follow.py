"""`deadman status --follow`: a living screen on a terminal, elsewhere a line whenever something changes."""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from deadman.cli.client import status_of
from deadman.cli.parser import Unreachable
from deadman.model.text import instant
from deadman.status.headline import headline
from deadman.status.schema import StatusReport, to_json
from deadman.status.screen import Paper, headline_lines, screen, state

POLL_INTERVAL = 1.0
"""Seconds between looks."""

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
        if reader.poll(POLL_INTERVAL * 1000):
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
