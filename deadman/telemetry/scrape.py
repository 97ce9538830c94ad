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
from deadman.model.text import Times
from deadman.model.watch import Watch
from deadman.telemetry.metrics import ACCOUNTS, TALLIES, Family, Sight, counter, gauge, histogram, info, of_venue
from deadman.venues import VENUES


@dataclass(frozen=True, slots=True)
class WatchSight:
    """One watch as a scrape sees it. `judged_at`: the loop's last tick, for what came since lies unread."""

    watch: Watch
    judged_at: float
    times: Times


@dataclass(frozen=True, slots=True)
class DaemonSight:
    """The daemon as a scrape sees it; `log_dropped` counts log lines that found no room."""

    board: Board
    now: float
    log_dropped: Callable[[], int]

    def notices(self, what: str) -> Mapping[str, float]:
        """What became of the posts to the webhook, or of the pings."""
        return {outcome: self.board.notices.get((what, outcome), 0) for outcome in OUTCOMES}


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
        lambda sight: sight.times.timestamp_or_none(sight.watch.last_check_in_at) or 0.0,
    ),
    counter("deadman_watch_check_ins_total", "Check-ins of the process.", lambda sight: sight.watch.check_ins),
    counter(
        "deadman_watch_ignored_datagrams_total",
        "Datagrams at the watch's socket that were no word of the protocol.",
        lambda sight: sight.watch.ignored,
    ),
)

DAEMON: tuple[Family[DaemonSight], ...] = (
    info(
        "deadman_build",
        "What is running.",
        lambda sight: {"version": __version__, "python": platform.python_version(), "openssl": ssl.OPENSSL_VERSION},
    ),
    gauge(
        "deadman_event_loop_tick_age_seconds",
        "Seconds since the event loop last ticked, judged at the scrape.",
        lambda sight: max(0.0, sight.now - sight.board.loop.tick_at),
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
    counter(
        "deadman_cluster_beats_total",
        "Words to the register that hosts share, as a desk or as a witness, by what became of them.",
        lambda sight: {
            "ok": sum(line.ok for line in sight.board.lines.values()),
            "failed": sum(line.failed for line in sight.board.lines.values()),
        },
        "outcome",
    ),
    gauge(
        "deadman_cluster_beat_timestamp_seconds",
        "When the last word to that register went through; 0 before that.",
        lambda sight: max((line.timestamp for line in sight.board.lines.values()), default=0.0),
    ),
    counter(
        "deadman_webhook_posts_total",
        "Tries to post a transition to the webhook by what became of them; dropped: transitions given up.",
        lambda sight: sight.notices("webhook"),
        "outcome",
    ),
    counter("deadman_pings_total", "Pings by what became of them.", lambda sight: sight.notices("ping"), "outcome"),
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
        try:
            encode, content_type = choose_encoder(" ".join(accept.split()))  # it is echoed in a header
        except TypeError:  # a version in it that the library cannot compare
            encode, content_type = choose_encoder("")
        with self._rendering:
            if self._last.begun < ticket or self._last.content_type != content_type:
                self._last = Rendering(next(self._tickets), content_type, encode(self._registry))
            return self._last


class BoardCollector(Collector):
    """Draws every metric from the board; may be asked from any thread, stalled loop or not."""

    def __init__(self, board: Board, log_dropped: Callable[[], int] = lambda: 0) -> None:
        self._board = board
        self._log_dropped = log_dropped

    def describe(self) -> list[Metric]:
        """Nothing: registering must not depend on which accounts there are."""
        return []

    def collect(self) -> Iterator[Metric]:
        standings, configs, times = self._board.standings(), self._board.configs, Times.of(self._board.clock)
        # A reload may come between the two readings: an account must be in both.
        accounts = [((name,), Sight(configs[name], one, times)) for name, one in standings.items() if name in configs]
        tallies = [(labels, sight.standing.tally) for labels, sight in accounts]
        # While our loop stalls, check-ins lie unread: that silence is ours and makes nobody dead.
        judged_at = min(times.now, self._board.loop.tick_at)
        watches = [((name,), WatchSight(watch, judged_at, times)) for name, watch in self._board.watches().items()]
        daemon = DaemonSight(self._board, times.now, self._log_dropped)
        yield from (draw(("account",), accounts) for draw in ACCOUNTS)
        yield from (draw(("account",), tallies) for draw in TALLIES)
        for name, venue in VENUES.items():
            its = [(labels, sight.standing.tally) for labels, sight in accounts if sight.config.venue == name]
            yield from (of_venue(metric)(("account",), its) for metric in venue.metrics)
        yield from (draw(("watch",), watches) for draw in WATCHES)
        yield from (draw((), [((), daemon)]) for draw in DAEMON)


def registry(board: Board, log_dropped: Callable[[], int] = lambda: 0) -> CollectorRegistry:
    """A registry of our own: the library's global one would carry `_created` series and whatever else was imported."""
    ours = CollectorRegistry()
    ours.register(BoardCollector(board, log_dropped))
    ProcessCollector(registry=ours)
    PlatformCollector(registry=ours)
    GCCollector(registry=ours)
    return ours
