"""Requests to SX Bet for one account, one at a time, each with its own total deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from deadman.model import facts
from deadman.model.clock import Clock
from deadman.model.errors import VenueError
from deadman.model.timers import Timers
from deadman.transport.http import Answer, Http
from deadman.venues.sxbet import wire
from deadman.venues.sxbet.login import Grant
from deadman.venues.sxbet.wire import failure
from deadman.venues.venue import Post


@dataclass
class Conversation:
    """A sequence of requests; the session is open from the first answer on."""

    http: Http
    grant: Grant
    clock: Clock
    timers: Timers
    post: Post
    opened: bool = False

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """A readable answer, whole, within the reply timeout; what it grants is the caller's to judge.

        Raises:
            Unavailable: no whole answer in time; whether the venue heard us is not known then.
            VenueError: by the rules in `codes` for any other answer.
        """
        asked_at = self.clock.now()
        answer = await self.http.request(method, path, self.grant.headers(), body, self.timers.reply_timeout)
        now = self.clock.now()
        self.post(facts.Answered(now, now - asked_at))
        if not wire.readable(answer):
            raise self.failure(f"{method} {path.partition('?')[0]}", answer)
        self._open(now)
        return answer

    def failure(self, what: str, answer: Answer) -> VenueError:
        self.post(facts.Erred(self.clock.now(), str(answer.status)))
        return failure(what, replace(answer, body=self.grant.without_key(answer.body)))

    def _open(self, now: float) -> None:
        if not self.opened:
            self.opened = True
            self.post(facts.SessionOpened(now, self.grant.can_cancel))
