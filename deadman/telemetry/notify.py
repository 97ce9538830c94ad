"""Word of our own, without Prometheus: a webhook told of every transition, and a ping while all is well.

Neither ever delays an account: transitions go into a bounded queue, and what cannot be delivered is counted and told.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlsplit

import trio

from deadman.model.account import Standing
from deadman.model.board import Board
from deadman.model.errors import Reason, Unavailable, VenueError
from deadman.model.settings import Backoff
from deadman.status.report import standing_report
from deadman.status.vocabulary import transition
from deadman.transport.dial import Dialler
from deadman.transport.http import open_http

log = logging.getLogger(__name__)

QUEUE = 1000
"""Transitions that may wait for a webhook that is down; past that the newest are dropped and counted."""

DELIVERY_TIMEOUT = 5.0
"""Seconds for one try."""

TRIES = 6
RETRY = Backoff(first=1.0, cap=15.0)

PING_INTERVAL = 60.0


@dataclass
class Notifier:
    """Posts to `webhook`, asks for `ping`; either may be None."""

    board: Board
    dialler: Dialler
    chance: Random
    webhook: str | None
    ping: str | None
    _last: dict[str, str] = field(default_factory=dict)
    _send: trio.MemorySendChannel[dict[str, Any]] = field(init=False)
    _receive: trio.MemoryReceiveChannel[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[dict[str, Any]](QUEUE)

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            if self.webhook is not None:
                self.board.listen(self.hear)
                nursery.start_soon(self._deliver_all, self.webhook)
            if self.ping is not None:
                nursery.start_soon(self._ping_forever, self.ping)

    def hear(self, account: str, before: Standing, after: Standing) -> None:
        """Queue a transition of an account that is or was wanted; what is unwanted throughout concerns nobody."""
        wanted = before.guard.wanted(before.seen_at) or after.guard.wanted(after.seen_at)
        if before.phase is after.phase or not wanted:
            return
        try:
            self._send.send_nowait(self._message(account, before, after))
        except trio.WouldBlock:
            self._count("webhook", "dropped")

    def _message(self, account: str, before: Standing, after: Standing) -> dict[str, Any]:
        config, trouble = self.board.configs[account], after.guard.trouble
        at = self.board.clock.timestamp_of(after.seen_at)
        return {
            "text": f"{account}: {transition(before.phase, standing_report(self.board, account, after), at)}",
            "account": account,
            "venue": config.venue,
            "network": config.network,
            "from": before.phase,
            "to": after.phase,
            "protected": after.guard.protected(after.seen_at),
            "wanted": after.guard.wanted(after.seen_at),
            "at": at,
            "because": trouble.detail if trouble is not None else "",
        }

    async def _deliver_all(self, url: str) -> None:
        async for message in self._receive:
            for attempt in range(1, TRIES + 1):
                if await self._tell("webhook", "POST", url, message):
                    break
                await trio.sleep(RETRY.delay(attempt + 1, self.chance))
            else:
                self._count("webhook", "dropped")

    async def _ping_forever(self, url: str) -> None:
        """One that got lost is tried again soon: a whole minute without it may be somebody's alarm."""
        failures = 0
        while True:
            if any(standing.alarming for standing in self.board.standings().values()):
                await trio.sleep(1.0)
                continue
            taken = await self._tell("ping", "GET", url, None)
            failures = 0 if taken else failures + 1
            await trio.sleep(PING_INTERVAL if taken else RETRY.delay(failures + 1, self.chance))

    async def _tell(self, what: str, method: str, url: str, message: Mapping[str, Any] | None) -> bool:
        """One try; whether it was taken. What became of it is counted each time, and logged when it changes."""
        parts = urlsplit(url)
        target = parts._replace(scheme="", netloc="").geturl() or "/"
        level, outcome, words = logging.INFO, "delivered", "delivered again"
        try:
            async with open_http(self.dialler, f"{parts.scheme}://{parts.netloc}", self.dialler.context(None)) as http:
                answer = await http.request(method, target, {}, message, DELIVERY_TIMEOUT)
            if not 200 <= answer.status < 300:
                raise Unavailable(Reason.VENUE_ERROR, f"HTTP {answer.status}")
        except VenueError as error:
            level, outcome, words = logging.WARNING, "failed", f"not delivered: {error}"
        if self._last.get(what, "delivered") != outcome:
            log.log(level, "%s %s", what, words, extra={"event": f"{what}_{outcome}"})
        self._last[what] = outcome
        self._count(what, outcome)
        return outcome == "delivered"

    def _count(self, what: str, outcome: str) -> None:
        counts = self.board.notices
        self.board.notices = {**counts, (what, outcome): counts.get((what, outcome), 0) + 1}
