"""What is answered at which path. Every answer is computed when it is asked for, by whoever's thread asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from deadman.model.board import Board
from deadman.status.page import POLICY, STALLED, page
from deadman.status.report import report
from deadman.telemetry.scrape import Dropped, Scrapes, registry
from deadman.transport.peers import is_gone

PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to a client, less the headers that every answer carries."""

    status: HTTPStatus
    body: bytes
    content_type: str = PLAIN
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def plain(cls, status: HTTPStatus, text: str, headers: Mapping[str, str] | None = None) -> Answer:
        return cls(status, f"{text}\n".encode(), PLAIN, headers or {})


Route = Callable[[str], Answer]
"""Answers a GET with this `Accept` header."""


class Routes:
    """The four paths of the contract's section 5."""

    def __init__(self, board: Board, log_dropped: Dropped) -> None:
        self._board = board
        self._scrapes = Scrapes(registry(board, log_dropped))
        self._paths: Mapping[str, Route] = {
            "/metrics": self._metrics,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/": self._page,
        }

    def answer(self, path: str, accept: str) -> Answer:
        route = self._paths.get(path)
        if route is None:
            return Answer.plain(HTTPStatus.NOT_FOUND, f"nothing here; try {' '.join(self._paths)}")
        return route(accept)

    def _metrics(self, accept: str) -> Answer:
        rendering = self._scrapes.answer(accept)
        return Answer(HTTPStatus.OK, rendering.body, rendering.content_type)

    def _healthz(self, accept: str) -> Answer:
        age = self._tick_age()
        if age > STALLED:
            stalled = f"the event loop hangs: it last ticked {age:.1f} s ago"
            return Answer.plain(HTTPStatus.SERVICE_UNAVAILABLE, stalled)
        return Answer.plain(HTTPStatus.OK, "the event loop ticks")

    def _readyz(self, accept: str) -> Answer:
        """Alarming is what is wanted and not protected: an account that is disarmed or waits for its bot is neither."""
        bare = [f"{name}: {it.phase}" for name, it in self._board.standings().items() if it.alarming]
        if bare:
            return Answer.plain(HTTPStatus.SERVICE_UNAVAILABLE, "\n".join(("not protected:", *bare)))
        return Answer.plain(HTTPStatus.OK, "every wanted account is protected")

    def _page(self, accept: str) -> Answer:
        text = page(report(self._board, is_gone=is_gone), self._tick_age())
        return Answer(HTTPStatus.OK, text.encode(), "text/html; charset=utf-8", {"Content-Security-Policy": POLICY})

    def _tick_age(self) -> float:
        return self._board.clock.now() - self._board.loop.tick_at
