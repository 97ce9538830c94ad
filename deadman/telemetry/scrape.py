"""What Prometheus scrapes: one collector over the board, which judges everything at the instant of the scrape."""

from __future__ import annotations

import platform
import ssl
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from deadman import __version__
from deadman.model.board import OUTCOMES, Board
from deadman.model.text import Times
from deadman.model.watch import Watch
from deadman.telemetry.metrics import (
    ACCOUNTS,
    TALLIES,
    Family,
    View,
    counter,
    escaped,
    gauge,
    histogram,
    info,
    of_venue,
)
from deadman.venues import VENUES


@dataclass(frozen=True, slots=True)
class WatchView:
    """One watch as a scrape sees it. `judged_at`: the loop's last tick, for what came since lies unread."""

    watch: Watch
    judged_at: float
    times: Times


@dataclass(frozen=True, slots=True)
class DaemonView:
    """The daemon as a scrape sees it; `log_dropped` counts log lines that found no room."""

    board: Board
    now: float
    log_dropped: Callable[[], int]

    def notices(self, what: str) -> Mapping[str, float]:
        """What became of the posts to the webhook, or of the pings."""
        return {outcome: self.board.notices.get((what, outcome), 0) for outcome in OUTCOMES}


WATCHES: tuple[Family[WatchView], ...] = (
    gauge(
        "deadman_watch_alive",
        "1 while the trading process checks in within its timeout.",
        lambda view: view.watch.alive(view.judged_at),
    ),
    gauge(
        "deadman_watch_held",
        "1 while an operator's hold lets the process be silent.",
        lambda view: view.watch.held(view.judged_at),
    ),
    gauge(
        "deadman_watch_stopped",
        "1 after the process said that it stops, until it checks in again.",
        lambda view: view.watch.goodbye_at is not None,
    ),
    gauge(
        "deadman_watch_last_check_in_timestamp_seconds",
        "When the process last checked in to this run of the daemon; 0 when it never did.",
        lambda view: view.times.timestamp_or_none(view.watch.last_check_in_at) or 0.0,
    ),
    counter("deadman_watch_check_ins_total", "Check-ins of the process.", lambda view: view.watch.check_ins),
    counter(
        "deadman_watch_ignored_datagrams_total",
        "Datagrams at the watch's socket that were no word of the protocol.",
        lambda view: view.watch.ignored,
    ),
)

DAEMON: tuple[Family[DaemonView], ...] = (
    info(
        "deadman_build",
        "What is running.",
        lambda view: {"version": __version__, "python": platform.python_version(), "openssl": ssl.OPENSSL_VERSION},
    ),
    gauge(
        "deadman_event_loop_tick_age_seconds",
        "Seconds since the event loop last ticked, judged at the scrape.",
        lambda view: max(0.0, view.now - view.board.loop.tick_at),
    ),
    histogram(
        "deadman_event_loop_lag_seconds",
        "Seconds by which the event loop's ticks came late.",
        lambda view: view.board.loop.lag,
    ),
    counter(
        "deadman_clock_jumps_total",
        "Times the clocks disagreed: a suspend, a pause, or a step of the wall clock.",
        lambda view: view.board.loop.clock_jumps,
    ),
    gauge(
        "deadman_config_last_reload_successful",
        "1 when the config was valid the last time it was read.",
        lambda view: view.board.reload.successful,
    ),
    gauge(
        "deadman_config_last_reload_success_timestamp_seconds",
        "When a valid config was last read.",
        lambda view: view.board.reload.success_timestamp,
    ),
    gauge(
        "deadman_state_written",
        "1 while the state directory takes what must outlive a restart: trips, disarms, holds, bots alive.",
        lambda view: view.board.state_fault is None,
    ),
    counter(
        "deadman_cluster_beats_total",
        "Words to the register that hosts share, as a desk or as a witness, by what became of them.",
        lambda view: {
            "ok": sum(line.ok for line in view.board.lines.values()),
            "failed": sum(line.failed for line in view.board.lines.values()),
        },
        "outcome",
    ),
    gauge(
        "deadman_cluster_beat_timestamp_seconds",
        "When the last word to that register went through; 0 before that.",
        lambda view: max((line.timestamp for line in view.board.lines.values()), default=0.0),
    ),
    counter(
        "deadman_webhook_posts_total",
        "Tries to post a transition to the webhook by what became of them; dropped: transitions given up.",
        lambda view: view.notices("webhook"),
        "outcome",
    ),
    counter("deadman_pings_total", "Pings by what became of them.", lambda view: view.notices("ping"), "outcome"),
    counter(
        "deadman_log_dropped_total",
        "Log lines dropped because whoever reads the log did not keep up.",
        lambda view: view.log_dropped(),
    ),
)


Encode = Callable[[CollectorRegistry], bytes]
"""One of the library's two formats."""


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
                begun = next(self._tickets)
                if isinstance(self._registry, BoardRegistry):
                    body = self._registry.text(encode, content_type)
                else:
                    body = encode(self._registry)
                self._last = Rendering(begun, content_type, body)
            return self._last


Group = tuple[Sequence[Family[Any]], str, Sequence[tuple[str, Any, object]]]
"""Families, the name of their subjects' label, and each subject with its name and with what it was made of: while that
is the same, so are its readings, but of families that drift."""


class BoardCollector(Collector):
    """Draws every metric from the board; may be asked from any thread, stalled loop or not."""

    def __init__(self, board: Board, log_dropped: Callable[[], int] = lambda: 0) -> None:
        self._board = board
        self._log_dropped = log_dropped
        self._headers: dict[tuple[str, str], str] = {}
        self._made_of: dict[int, dict[str, object]] = {}
        self._kept: defaultdict[str, dict[str, tuple[object, str]]] = defaultdict(dict)

    def describe(self) -> list[Metric]:
        """Nothing: registering must not depend on which accounts there are."""
        return []

    def collect(self) -> Iterator[Metric]:
        for families, label, subjects in self._groups():
            named = [((name,) if label else (), subject) for name, subject, _ in subjects]
            yield from (family.draw((label,) if label else (), named) for family in families)

    def text(self, encode: Encode, content_type: str) -> str:
        """What the library makes of `collect`, some twenty times as fast; for one thread at a time."""
        parts: list[str] = []
        for number, (families, label, subjects) in enumerate(self._groups()):
            before = self._made_of.get(number, {})
            self._made_of[number] = {name: made for name, _, made in subjects}
            steady = {name for name, _, made in subjects if made is not None and made == before.get(name)}
            for family in families:
                parts.append(self._header(family, label, encode, content_type))
                kept = self._kept[family.name]
                if len(kept) > len(subjects):
                    kept.clear()
                for name, subject, _ in subjects:
                    known = kept.get(name)
                    if known is None or family.drifts or name not in steady:
                        reading = family.read(subject)
                        if known is None or (known[0] is not reading and known[0] != reading):
                            labels = {label: escaped(name)} if label else {}
                            kept[name] = known = (reading, family.lines(labels, reading))
                    parts.append(known[1])
        return "".join(parts)

    def _header(self, family: Family[Any], label: str, encode: Encode, content_type: str) -> str:
        if (family.name, content_type) not in self._headers:
            alone = CollectorRegistry()
            alone.register(_Bare(family.draw((label,) if label else (), [])))
            self._headers[family.name, content_type] = encode(alone).decode().removesuffix("# EOF\n")
        return self._headers[family.name, content_type]

    def _groups(self) -> Iterator[Group]:
        standings, configs, times = self._board.standings(), self._board.configs, Times.of(self._board.clock)
        # A reload may come between the two readings: an account must be in both.
        accounts = [(name, View(configs[name], one, times)) for name, one in standings.items() if name in configs]
        tallies = [
            (view.config.venue, (name, view.standing.tally, _Same(view.standing.tally))) for name, view in accounts
        ]
        # While our loop stalls, check-ins lie unread: that silence is ours and makes nobody dead.
        judged_at = min(times.now, self._board.loop.tick_at)
        watches = [(name, WatchView(watch, judged_at, times), None) for name, watch in self._board.watches().items()]
        yield ACCOUNTS, "account", [(name, view, _made_of(view)) for name, view in accounts]
        yield TALLIES, "account", [subject for _, subject in tallies]
        for name, venue in VENUES.items():
            its = [subject for where, subject in tallies if where == name]
            yield [of_venue(metric) for metric in venue.metrics], "account", its
        yield WATCHES, "watch", watches
        yield DAEMON, "", [("", DaemonView(self._board, times.now, self._log_dropped), None)]


@dataclass(frozen=True, slots=True, eq=False)
class _Same:
    """Compared by identity: what is immutable and replaced whole need not be looked into."""

    one: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.one is other.one

    __hash__ = None  # type: ignore[assignment]


def _made_of(view: View) -> object:
    standing = view.standing
    return _Same(view.guard), _Same(view.config), standing.phase, standing.since, standing.due_at


class _Bare(Collector):
    """One family without samples."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        yield self._metric


class BoardRegistry(CollectorRegistry):
    """The board's metrics, and what the library itself tells of the process."""

    def __init__(self, board: Board, log_dropped: Callable[[], int]) -> None:
        super().__init__()
        self._board, self._process = BoardCollector(board, log_dropped), CollectorRegistry()
        self.register(self._board)
        for make in (ProcessCollector, PlatformCollector, GCCollector):
            self.register(make(registry=self._process))

    def text(self, encode: Encode, content_type: str) -> bytes:
        return self._board.text(encode, content_type).encode() + encode(self._process)


def registry(board: Board, log_dropped: Callable[[], int] = lambda: 0) -> CollectorRegistry:
    """A registry of our own: the library's global one would carry `_created` series and whatever else was imported."""
    return BoardRegistry(board, log_dropped)
