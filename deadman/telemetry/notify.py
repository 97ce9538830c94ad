"""Word of our own, without Prometheus: a webhook told of every transition, and a ping while all is well.

Neither ever delays an account: messages wait in bounded queues, and what cannot be delivered is counted and told.
"""

from __future__ import annotations

import logging
import socket
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlsplit

import trio

from deadman import __version__
from deadman.model.account import Standing
from deadman.model.board import Board
from deadman.model.errors import Reason, Unavailable, VenueError
from deadman.model.guard import Phase
from deadman.model.settings import Backoff
from deadman.status.headline import in_one_line
from deadman.status.report import report, standing_report
from deadman.status.vocabulary import signed
from deadman.telemetry.transitions import changes
from deadman.transport.dial import Dialler

log = logging.getLogger(__name__)

QUEUE = 1000
"""Messages that may wait for a webhook that is down; past that the newest are dropped and counted."""

AT_ONCE = 8
"""Messages on their way at once, each of another account: an outage of fifty is told in seconds, each in its order."""

START_LOOK_INTERVAL = 0.2
START_PATIENCE = 10.0
"""Seconds that a start may go on without another account settling, before what has become of it is told."""

LONGEST_TEXT = 2000
"""Characters of a message about many accounts."""

MEMBERS = """
text event host name account venue network from to at cause because open_orders open_orders_at cancelled protected
wanted version
""".split()  # noqa: SIM905 - a table
"""Of the object that is posted, in this order; null where there is none."""

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
    host: str = field(default_factory=socket.gethostname)
    _last: dict[str, str] = field(default_factory=dict)
    _waiting: dict[str, deque[dict[str, Any]]] = field(default_factory=dict)
    _seats: trio.CapacityLimiter = field(default_factory=lambda: trio.CapacityLimiter(AT_ONCE))
    _starting: bool = True
    _nursery: trio.Nursery | None = None

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_start)
            if self.ping is not None:
                nursery.start_soon(self._ping_forever, self.ping)
            if self.webhook is not None:
                self._nursery = nursery
                self.board.listen(self.hear)
                try:
                    await trio.sleep_forever()
                finally:
                    self.board.unlisten(self.hear)

    async def _watch_start(self) -> None:
        """Tell once what has become of a start, as soon as every account has settled or none has for a while."""
        early, since = list(self.board.configs), trio.current_time()
        while early and trio.current_time() < since + START_PATIENCE:
            await trio.sleep(START_LOOK_INTERVAL)
            known = [name for name in early if name in self.board.configs]
            still = [name for name in known if self.board.standing(name).phase in (Phase.CONNECTING, Phase.ARMING)]
            early, since = still, trio.current_time() if len(still) < len(early) else since
        now = report(self.board, events=0)
        text = f"deadman {self.board.name} has started: {in_one_line(now)}"
        text = text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
        self.board.tell(log, logging.INFO, "start_settled", text)
        self._starting = False
        if self.webhook is not None:
            self._queue(None, {**self._about(None), "text": text, "event": "start_settled", "at": now.timestamp})

    def hear(self, account: str, before: Standing, after: Standing) -> None:
        """Queue what there is to tell of an account that is or was wanted; what is unwanted throughout concerns nobody.

        A start is told as one message; of single accounts only a trip is told meanwhile.
        """
        wanted = before.guard.wanted(before.seen_at) or after.guard.wanted(after.seen_at)
        if not wanted or (self._starting and after.phase not in (Phase.TRIPPING, Phase.TRIPPED)):
            return
        for change in changes(self.board, account, before, after):
            told = {**self._about(account), "text": change.text, "event": change.event, "from": before.phase}
            self._queue(account, told | self._figures(account, after))

    def _figures(self, account: str, after: Standing) -> dict[str, Any]:
        """What has become of an account, and by whom or what."""
        now = standing_report(self.board, account, after)
        cause, because = now.trouble and now.trouble.reason, now.trouble.words if now.trouble else ""
        if now.phase is Phase.DISARMED and now.disarm:
            cause, because = "operator", signed(now.disarm.by, now.disarm.reason)
        elif now.phase in (Phase.TRIPPING, Phase.TRIPPED) and now.trip:
            cause, because = now.trip.cause, signed(now.trip.by, now.trip.reason)
        return {
            "to": now.phase,
            "at": round(self.board.clock.timestamp_of(after.seen_at), 3),
            "cause": cause,
            "because": because,
            "open_orders": now.open_orders,
            "open_orders_at": now.open_orders_at,
            "cancelled": now.trip.cancelled if now.trip else 0,
            "protected": now.protected,
            "wanted": now.wanted,
        }

    def _about(self, account: str | None) -> dict[str, Any]:
        """What every message has; what is not known, or of no account, is null."""
        config = self.board.configs.get(account) if account is not None else None
        return {
            **dict.fromkeys(MEMBERS),
            "host": self.host,
            "name": self.board.name,
            "account": account,
            "venue": config.venue if config else None,
            "network": config.network if config else None,
            "version": __version__,
        }

    def _queue(self, account: str | None, message: dict[str, Any]) -> None:
        key = account or ""
        if self.webhook is None or self._nursery is None:
            return
        if sum(map(len, self._waiting.values())) >= QUEUE:
            self._count("webhook", "dropped")
        elif key in self._waiting:
            self._waiting[key].append(message)
        else:
            self._waiting[key] = deque([message])
            self._nursery.start_soon(self._deliver, key, self.webhook)

    async def _deliver(self, key: str, url: str) -> None:
        """All that waits of one account, in its order."""
        waiting = self._waiting[key]
        while waiting:
            for attempt in range(1, TRIES + 1):
                async with self._seats:
                    taken = await self._tell("webhook", "POST", url, waiting[0])
                if taken:
                    break
                await trio.sleep(RETRY.delay(attempt + 1, self.chance))
            else:
                self._count("webhook", "dropped")
            waiting.popleft()
        del self._waiting[key]

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
        from deadman.transport.http import open_http  # some MiB, which a desk without webhook or ping need not have

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
