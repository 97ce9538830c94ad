"""What Prometheus scrapes: one collector over the board, which judges everything at the instant of the scrape."""

from __future__ import annotations

import platform
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from threading import Lock

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from deadman import __version__
from deadman.model.board import OUTCOMES, Board
from deadman.model.watch import Watch
from deadman.telemetry.metrics import (
    ACCOUNTS,
    LABELS,
    TALLIES,
    Family,
    Labels,
    Sight,
    counter,
    counters,
    from_zero,
    gauge,
    histogram,
    info,
    of_venue,
)
from deadman.venues import VENUES

WATCH_LABELS = ("watch",)


@dataclass(frozen=True, slots=True)
class WatchSight:
    """One watch as a scrape sees it. `judged_at`: the loop's last tick, for what came since lies unread."""

    watch: Watch
    judged_at: float
    last_check_in_timestamp: float


@dataclass(frozen=True, slots=True)
class DaemonSight:
    """The daemon as a scrape sees it; `log_dropped` counts log lines that found no room."""

    board: Board
    now: float
    log_dropped: Callable[[], int]

    @property
    def tick_age(self) -> float:
        return max(0.0, self.now - self.board.loop.tick_at)


def _notices(sight: DaemonSight, what: str) -> Mapping[str, float]:
    counts = sight.board.notices
    return from_zero(OUTCOMES, {outcome: count for (whose, outcome), count in counts.items() if whose == what})


def _build(sight: DaemonSight) -> Mapping[str, str]:
    return {"version": __version__, "python": platform.python_version(), "openssl": ssl.OPENSSL_VERSION}


WATCHES: tuple[Family[WatchSight], ...] = (
    gauge(
        "deadman_watch_alive",
        "1 while the trading process checks in within its timeout.",
        lambda sight: sight.watch.alive(sight.judged_at),
    ),
    gauge(
        "deadman_watch_held",
        "1 while an operator's hold lets the process be silent.",
        lambda sight: sight.watch.held(sight.judged_at),
    ),
    gauge(
        "deadman_watch_stopped",
        "1 after the process said that it stops, until it checks in again.",
        lambda sight: sight.watch.goodbye_at is not None,
    ),
    gauge(
        "deadman_watch_last_check_in_timestamp_seconds",
        "When the process last checked in to this run of the daemon; 0 when it never did.",
        lambda sight: sight.last_check_in_timestamp,
    ),
    counter("deadman_watch_check_ins_total", "Check-ins of the process.", lambda sight: sight.watch.check_ins),
    counter(
        "deadman_watch_ignored_datagrams_total",
        "Datagrams at the watch's socket that were no word of the protocol.",
        lambda sight: sight.watch.ignored,
    ),
)

DAEMON: tuple[Family[DaemonSight], ...] = (
    info("deadman_build", "What is running.", _build),
    gauge(
        "deadman_event_loop_tick_age_seconds",
        "Seconds since the event loop last ticked, judged at the scrape.",
        lambda sight: sight.tick_age,
    ),
    histogram(
        "deadman_event_loop_lag_seconds",
        "Seconds by which the event loop's ticks came late.",
        lambda sight: sight.board.loop.lag,
    ),
    counter(
        "deadman_clock_jumps_total",
        "Times the clocks disagreed: a suspend, a pause, or a step of the wall clock.",
        lambda sight: sight.board.loop.clock_jumps,
    ),
    gauge(
        "deadman_config_last_reload_successful",
        "1 when the config was valid the last time it was read.",
        lambda sight: sight.board.reload.successful,
    ),
    gauge(
        "deadman_config_last_reload_success_timestamp_seconds",
        "When a valid config was last read.",
        lambda sight: sight.board.reload.success_timestamp,
    ),
    gauge(
        "deadman_state_written",
        "1 while the state directory takes what must outlive a restart: trips, disarms, holds, bots alive.",
        lambda sight: sight.board.state_fault is None,
    ),
    counters(
        "deadman_webhook_posts_total",
        "Tries to post a transition to the webhook by what became of them; dropped: transitions given up.",
        "outcome",
        lambda sight: _notices(sight, "webhook"),
    ),
    counters(
        "deadman_pings_total",
        "Pings by what became of them.",
        "outcome",
        lambda sight: _notices(sight, "ping"),
    ),
    counter(
        "deadman_log_dropped_total",
        "Log lines dropped because whoever reads the log did not keep up.",
        lambda sight: sight.log_dropped(),
    ),
)


@dataclass(frozen=True, slots=True)
class Rendering:
    """A finished answer. `begun` orders it among the requests, by ticket."""

    begun: int
    content_type: str
    body: bytes


class Scrapes:
    """Answers scrapes from any thread, one at a time: a crowd of scrapers must not starve the event loop of the GIL.

    Who waited for a rendering that began after they asked shares it: it is as fresh as their own would be.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._tickets = count()
        self._rendering = Lock()
        self._last = Rendering(-1, "", b"")

    def answer(self, accept: str) -> Rendering:
        """The metrics in Prometheus' text format, or in OpenMetrics where the `Accept` header prefers it."""
        ticket = next(self._tickets)
        encode, content_type = _encoder(accept)
        with self._rendering:
            if self._last.begun < ticket or self._last.content_type != content_type:
                self._last = Rendering(next(self._tickets), content_type, encode(self._registry))
            return self._last


def _encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """The library compares whatever version it is sent and echoes it in a header: neither may hurt."""
    try:
        return choose_encoder(" ".join(accept.split()))
    except TypeError:
        return choose_encoder("")


Dropped = Callable[[], int]


class BoardCollector(Collector):
    """Draws every metric from the board; may be asked from any thread, stalled loop or not."""

    def __init__(self, board: Board, log_dropped: Dropped) -> None:
        self._board = board
        self._log_dropped = log_dropped

    def describe(self) -> list[Metric]:
        """Nothing: registering must not depend on which accounts there are."""
        return []

    def collect(self) -> Iterator[Metric]:
        accounts = self._accounts()
        tallies = [(labels, sight.standing.tally) for labels, sight in accounts]
        watches = self._watches()
        daemon = DaemonSight(self._board, self._board.clock.now(), self._log_dropped)
        yield from (draw(LABELS, accounts) for draw in ACCOUNTS)
        yield from (draw(LABELS, tallies) for draw in TALLIES)
        for name, venue in VENUES.items():
            its = [(labels, sight.standing.tally) for labels, sight in accounts if sight.config.venue == name]
            yield from (of_venue(metric)(LABELS, its) for metric in venue.metrics)
        yield from (draw(WATCH_LABELS, watches) for draw in WATCHES)
        yield from (draw((), [((), daemon)]) for draw in DAEMON)

    def _accounts(self) -> list[tuple[Labels, Sight]]:
        """A reload may come between the two readings: an account must be in both."""
        standings, configs = self._board.standings(), self._board.configs
        clock = self._board.clock
        return [
            ((name,), Sight(configs[name], standing, clock)) for name, standing in standings.items() if name in configs
        ]

    def _watches(self) -> list[tuple[Labels, WatchSight]]:
        """While our loop stalls, check-ins lie unread: that silence is ours and makes nobody dead."""
        judged_at = min(self._board.clock.now(), self._board.loop.tick_at)
        return [((name,), self._watch(watch, judged_at)) for name, watch in self._board.watches().items()]

    def _watch(self, watch: Watch, judged_at: float) -> WatchSight:
        last = watch.last_check_in_at
        return WatchSight(watch, judged_at, 0.0 if last is None else round(self._board.clock.timestamp_of(last), 3))


def no_logs_dropped() -> int:
    return 0


def registry(board: Board, log_dropped: Dropped = no_logs_dropped) -> CollectorRegistry:
    """A registry of our own: the library's global one would carry `_created` series and whatever else was imported."""
    ours = CollectorRegistry()
    ours.register(BoardCollector(board, log_dropped))
    ProcessCollector(registry=ours)
    PlatformCollector(registry=ours)
    GCCollector(registry=ours)
    return ours
