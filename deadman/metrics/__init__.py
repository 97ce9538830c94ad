"""What Prometheus scrapes: one collector over the board, which judges everything at the instant of the scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from deadman.board import Board
from deadman.metrics.accounts import ACCOUNTS, LABELS, Sight
from deadman.metrics.daemon import DAEMON, WATCH_LABELS, WATCHES, DaemonSight, WatchSight
from deadman.metrics.family import Labels
from deadman.metrics.tallies import DERIBIT_TALLIES, TALLIES
from deadman.watch import Watch

Dropped = Callable[[], int]


class BoardCollector(Collector):
    """Draws every metric of the contract from the board; may be asked from any thread, stalled loop or not."""

    def __init__(self, board: Board, log_dropped: Dropped) -> None:
        self._board = board
        self._log_dropped = log_dropped

    def describe(self) -> list[Metric]:
        """Nothing: registering must not depend on which accounts there are."""
        return []

    def collect(self) -> Iterator[Metric]:
        accounts = self._accounts()
        tallies = [(labels, sight.standing.tally) for labels, sight in accounts]
        deribit = [(labels, sight.standing.tally) for labels, sight in accounts if sight.config.venue == "deribit"]
        watches = self._watches()
        daemon = DaemonSight(self._board, self._board.clock.now(), self._log_dropped)
        yield from (draw(LABELS, accounts) for draw in ACCOUNTS)
        yield from (draw(LABELS, tallies) for draw in TALLIES)
        yield from (draw(LABELS, deribit) for draw in DERIBIT_TALLIES)
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
