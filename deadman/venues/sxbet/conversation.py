"""Requests to SX Bet for one account, one at a time, each with its own total deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from deadman.model import facts
from deadman.model.clock import Clock
from deadman.model.errors import VenueError
from deadman.model.settings import Secret, Timers
from deadman.transport.http import Answer, Http
from deadman.venues.sxbet import wire
from deadman.venues.sxbet.settings import SxBetAccount
from deadman.venues.sxbet.wire import failure
from deadman.venues.venue import Post

_HEADERS = {"v2": "x-api-key", "v3": "x-sx-api-key"}


@dataclass(frozen=True, slots=True)
class Grant:
    """What the key opens; V3 cancels by key alone, V2 wants the wallet's signature, which we never hold."""

    key: Secret
    api: Literal["v2", "v3"]
    requestor: str | None

    @classmethod
    def of(cls, account: SxBetAccount, key: Secret) -> Grant:
        return cls(key, account.api, account.requestor)

    @property
    def can_cancel(self) -> bool:
        return self.api == "v3"

    def headers(self) -> dict[str, str]:
        return {_HEADERS[self.api]: self.key.reveal()}

    def without_key(self, text: bytes) -> bytes:
        """What a venue complains of, fit for people even where it repeats the key it was shown."""
        return text.replace(self.key.reveal().encode(), b"***")

    def lease_request(self, seconds: int) -> tuple[str, dict[str, Any]]:
        """Path and body that ask for a lease of so many seconds; 0 disarms without cancelling."""
        if self.api == "v2":
            return "/heartbeat", {"requestor": self.requestor, "timeoutSeconds": seconds}
        return "/heartbeat/v3", {"timeoutSeconds": seconds}


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
