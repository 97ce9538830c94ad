"""`deadman status --follow`: a living screen on a terminal, elsewhere a line whenever something changes."""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, Protocol

from deadman.cli.client import ask, only
from deadman.cli.parser import Unreachable
from deadman.model.text import instant
from deadman.status import headline
from deadman.status.headline import account_look
from deadman.status.problems import Told
from deadman.status.screen import Paper, headline_text, screen, state

PACE = 1.0
"""Seconds between looks."""

_HOME_AND_CLEAR = "\x1b[H\x1b[2J"


class Follower(Protocol):
    """Shows each answer, and tells why there is none."""

    def show(self, answer: Told) -> None: ...

    def tell(self, words: str) -> None: ...


def follow(path: Path, accounts: Sequence[str], follower: Follower) -> NoReturn:
    """Look once a second until interrupted; a daemon that is away is waited for."""
    while True:
        try:
            follower.show(only(ask(path, "status", {}), accounts))
        except Unreachable as error:
            follower.tell(str(error))
        sys.stdout.flush()
        _rest(PACE)


def _rest(seconds: float) -> None:
    """Sleep; raises BrokenPipeError when whoever reads us has left, for nothing may be left to write for hours."""
    reader = select.poll()
    reader.register(sys.stdout, 0)  # nothing is asked for: an error and a hang-up are told unasked
    if reader.poll(seconds * 1000):
        raise BrokenPipeError


class Screen:
    """Redraws; what does not fit below is cut, since the worst stands first."""

    def show(self, answer: Told) -> None:
        paper = self._paper()
        self._draw(screen(answer, paper), paper)

    def tell(self, words: str) -> None:
        now = time.time()
        paper = self._paper()
        self._draw(paper.wrap(words, f"{instant(now, now)}  ACT  "), paper)

    def _paper(self) -> Paper:
        return Paper.of(sys.stdout, os.environ)

    def _draw(self, lines: Sequence[str], paper: Paper) -> None:
        sys.stdout.write(_HOME_AND_CLEAR + "\n".join(lines[: paper.height - 1]) + "\n")


class Lines:
    """Writes what has changed, and nothing while nothing has."""

    def __init__(self) -> None:
        self._last: object = None
        self._states: dict[str, str] = {}

    def show(self, answer: Told) -> None:
        phases = {name: account["phase"] for name, account in answer["accounts"].items()}
        said, now = headline.headline(answer), answer["timestamp"]
        looked_at = {name for name, told in answer["accounts"].items() if account_look(told, answer["watches"], now)}
        bots = {name: (watch["alive"], watch["held"]) for name, watch in answer["watches"].items()}
        if self._is_news((phases, bots, said.verdict, looked_at)):
            self._write(answer, [name for name, phase in phases.items() if self._states.get(name) != phase])
        self._states = phases

    def tell(self, words: str) -> None:
        now = time.time()
        if self._is_news(words):
            sys.stdout.write(f"{instant(now, now)}  ACT  {words}\n")

    def _write(self, answer: Told, changed: Sequence[str]) -> None:
        now = answer["timestamp"]
        lines = headline_text(answer, Paper(width=10_000))
        lines += [f"{instant(now, now)}  {name}  {state(answer['accounts'][name], now)}" for name in changed]
        sys.stdout.write("".join(f"{line}\n" for line in lines))

    def _is_news(self, told: object) -> bool:
        news = told != self._last
        self._last = told
        return news


class Objects:
    """Writes each answer as it is, an object a line; an absent daemon is told of on stderr."""

    def __init__(self) -> None:
        self._away = False

    def show(self, answer: Told) -> None:
        self._away = False
        sys.stdout.write(json.dumps(answer) + "\n")

    def tell(self, words: str) -> None:
        if not self._away:
            sys.stderr.write(f"deadman: {words}\n")
        self._away = True
