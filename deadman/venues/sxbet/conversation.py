"""Requests to SX Bet for one account, one at a time, each with its own total deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from deadman.model import facts
from deadman.model.clock import Clock
from deadman.model.errors import VenueError
from deadman.model.secret import Secret
from deadman.transport.http import Answer, Http
from deadman.venues.sxbet import wire
from deadman.venues.sxbet.settings import SxBetAccount
from deadman.venues.sxbet.wire import failure
from deadman.venues.venue import Post

_HEADERS = {"v2": "x-api-key", "v3": "x-sx-api-key"}


@dataclass
class Conversation:
    """A sequence of requests; the session is open from the first answer on.

    V3 cancels by key alone, V2 wants the wallet's signature, which we never hold.
    """

    http: Http
    account: SxBetAccount
    key: Secret
    clock: Clock
    post: Post
    opened: bool = False
    reply_timeout: float = field(init=False)

    def __post_init__(self) -> None:
        self.reply_timeout = self.account.timers.reply_timeout

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """A readable answer, whole, within the reply timeout; what it grants is the caller's to judge.

        Raises:
            Unavailable: no whole answer in time; whether the venue heard us is not known then.
            VenueError: by the rules in `codes` for any other answer.
        """
        asked_at = self.clock.now()
        headers = {_HEADERS[self.account.api]: self.key.reveal()}
        answer = await self.http.request(method, path, headers, body, self.reply_timeout)
        now = self.clock.now()
        self.post(facts.Answered(now, now - asked_at))
        if not wire.readable(answer):
            raise self.failure(f"{method} {path.partition('?')[0]}", answer)
        if not self.opened:
            self.opened = True
            self.post(facts.SessionOpened(now, can_cancel=self.account.api == "v3"))
        return answer

    def failure(self, what: str, answer: Answer) -> VenueError:
        """What to raise, in words that do not repeat the key, though the venue may."""
        self.post(facts.Erred(self.clock.now(), str(answer.status)))
        return failure(what, replace(answer, body=answer.body.replace(self.key.reveal().encode(), b"***")))
