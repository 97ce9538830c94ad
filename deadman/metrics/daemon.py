"""Every metric of a watch, and of the daemon itself."""

from __future__ import annotations

import platform
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deadman import __version__
from deadman.board import OUTCOMES, Board
from deadman.metrics.family import Family, counter, counters, from_zero, gauge, histogram, info
from deadman.watch import Watch

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
