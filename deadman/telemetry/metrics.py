"""What Prometheus is told: how one metric is described, and a row for each, judged at the scrape.

A description is a name, a sentence, and a function from a subject (an account, a watch, the daemon) to its readings.
A scrape reads every subject anew; only the text of what reads the same as before is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any, Generic, TypeVar, cast

from prometheus_client import utils
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from deadman.model.account import Histogram, Standing, Tally
from deadman.model.duty import trip_ready
from deadman.model.errors import Reason
from deadman.model.facts import Cause
from deadman.model.guard import Guard, Phase
from deadman.model.settings import Account
from deadman.model.text import Times
from deadman.venues.venue import VenueMetric

_number: Callable[[float], str] = utils.floatToGoString

Subject = TypeVar("Subject")
Labels = tuple[str, ...]
Subjects = Iterable[tuple[Labels, Subject]]
"""What a metric is drawn from, each under its own label values."""

Reading = float | Mapping[str, float] | Histogram | None
"""One number, one for each value of one more label, or a histogram; a subject whose reading is None has no series."""


@dataclass(frozen=True, slots=True)
class Family(Generic[Subject]):
    """One metric name, a counter's with `_total`.

    Attributes:
        kind: the library's class for it.
        read: a subject's reading.
        label: what the keys of a Mapping are values of.
        zero: values of it that have a series before they were ever counted, so that the first is no birth.
        drifts: whether the reading changes with time alone, or with what a guard does not know.
    """

    kind: type[Metric]
    name: str
    sentence: str
    read: Callable[[Subject], Reading]
    label: str = ""
    zero: tuple[str, ...] = ()
    drifts: bool = False

    def draw(self, names: Labels, subjects: Subjects[Subject]) -> Metric:
        """As the library has it: all samples of these subjects."""
        extra = (self.label,) if self.label else ()
        metric: Any = self.kind(self.name, self.sentence, labels=(*names, *extra))  # type: ignore[call-arg]
        for values, subject in subjects:
            reading = self.read(subject)
            if isinstance(reading, Histogram):
                metric.add_metric(values, list(_buckets(reading)), reading.total)
            elif self.kind is InfoMetricFamily:
                metric.add_metric(values, reading)
            elif isinstance(reading, Mapping):
                for value, number in self._from_zero(reading).items():
                    metric.add_metric((*values, value), number)
            elif reading is not None:
                metric.add_metric(values, reading)
        return cast(Metric, metric)

    def lines(self, labels: Mapping[str, str], reading: Reading) -> str:
        """The samples of one subject as both formats write them."""
        if isinstance(reading, Histogram):
            inner = "".join(f'{name}="{value}",' for name, value in labels.items())
            outer = _braces(labels)
            buckets = "".join(
                f'{self.name}_bucket{{{inner}le="{limit}"}} {_number(count)}\n' for limit, count in _buckets(reading)
            )
            count, total = _number(sum(reading.counts)), _number(reading.total)
            return f"{buckets}{self.name}_count{outer} {count}\n{self.name}_sum{outer} {total}\n"
        if self.kind is InfoMetricFamily and isinstance(reading, Mapping):
            told = {name: escaped(str(value)) for name, value in reading.items()}
            return f"{self.name}_info{_braces({**labels, **told})} 1.0\n"
        if isinstance(reading, Mapping):
            each = self._from_zero(reading).items()
            return "".join(
                f"{self.name}{_braces({**labels, self.label: escaped(str(value))})} {_number(number)}\n"
                for value, number in each
            )
        return "" if reading is None else f"{self.name}{_braces(labels)} {_number(reading)}\n"

    def _from_zero(self, reading: Mapping[str, float]) -> Mapping[str, float]:
        return {**dict.fromkeys(self.zero, 0), **reading} if self.zero else reading


def gauge(
    name: str, sentence: str, read: Callable[[Subject], Reading], label: str = "", *, drifts: bool = False
) -> Family[Subject]:
    return Family(GaugeMetricFamily, name, sentence, read, label, drifts=drifts)


def counter(
    name: str,
    sentence: str,
    read: Callable[[Subject], Reading],
    label: str = "",
    zero: Iterable[str] = (),
    *,
    drifts: bool = False,
) -> Family[Subject]:
    return Family(CounterMetricFamily, name, sentence, read, label, tuple(map(str, zero)), drifts)


def histogram(name: str, sentence: str, read: Callable[[Subject], Histogram]) -> Family[Subject]:
    return Family(HistogramMetricFamily, name, sentence, read)


def info(name: str, sentence: str, read: Callable[[Subject], Any]) -> Family[Subject]:
    """Facts of a run as labels of a constant 1; the format itself adds `_info` to the name."""
    return Family(InfoMetricFamily, name, sentence, read)


def escaped(value: str) -> str:
    """A label's value as both formats write it."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _braces(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{labels[name]}"' for name in sorted(labels)) + "}"


def _buckets(known: Histogram) -> Iterable[tuple[str, int]]:
    return zip(_limits(known.bounds), accumulate(known.counts), strict=True)


@cache
def _limits(bounds: tuple[float, ...]) -> Labels:
    return (*map(_number, bounds), "+Inf")


@dataclass(frozen=True, slots=True)
class View:
    """One account as a scrape sees it: its standing as of now, and how it is configured.

    Instants are told to the millisecond: a value that trembles below it would be a new one at every scrape.
    """

    config: Account
    standing: Standing
    times: Times

    @property
    def guard(self) -> Guard:
        return self.standing.guard


ACCOUNTS: tuple[Family[View], ...] = (
    info(
        "deadman_account",
        "What is guarded, and where.",
        lambda view: {"venue": view.config.venue, "network": view.config.network},
    ),
    gauge(
        "deadman_account_phase",
        "1 for the phase the account is in, 0 for all others.",
        lambda view: {phase: float(phase is view.standing.phase) for phase in Phase},
        "phase",
    ),
    gauge(
        "deadman_account_phase_since_timestamp_seconds",
        "When the account entered the phase it is in.",
        lambda view: view.times.timestamp(view.standing.since),
    ),
    gauge(
        "deadman_account_protected",
        "1 while a venue's own answer proves that the switch is armed, judged at the scrape.",
        lambda view: view.guard.protected(view.standing.seen_at),
    ),
    gauge(
        "deadman_account_wanted",
        "1 while protection is meant to stand: 0 when disarmed, tripped, or waiting for a bot.",
        lambda view: view.guard.wanted(view.standing.seen_at),
    ),
    gauge(
        "deadman_account_can_cancel",
        "1 while a live session may cancel the account's orders.",
        lambda view: view.guard.can_cancel,
    ),
    gauge(
        "deadman_account_trip_ready",
        "1 while a trip could be carried out now as configured, also where it would send nothing.",
        lambda view: trip_ready(view.guard, view.config),
    ),
    gauge(
        "deadman_account_margin_seconds",
        "Seconds until the standing proof runs out, judged at the scrape; 0 when there is none.",
        lambda view: view.guard.margin(view.standing.seen_at),
        drifts=True,
    ),
    gauge(
        "deadman_account_proof_timestamp_seconds",
        "When the venue was asked for the last answer that proved the switch; 0 when there is none.",
        lambda view: view.times.timestamp(view.guard.proof.asked_at) if view.guard.proof else 0.0,
    ),
    gauge(
        "deadman_account_proof_expiry_timestamp_seconds",
        "When the last proof runs out; 0 when there is none.",
        lambda view: view.times.timestamp(view.guard.proof.expiry) if view.guard.proof else 0.0,
    ),
    gauge(
        "deadman_account_open_orders",
        "Open orders as the venue last listed them; no series where it never did.",
        lambda view: view.guard.open_orders,
    ),
    gauge(
        "deadman_account_open_orders_timestamp_seconds",
        "When the venue last listed the open orders; no series where it never did.",
        lambda view: (
            None if view.guard.open_orders is None else view.times.timestamp_or_none(view.guard.open_orders_at)
        ),
    ),
    counter(
        "deadman_account_unprotected_seconds_total",
        "Seconds in which protection was wanted and not proven.",
        lambda view: view.standing.unprotected,
        drifts=True,
    ),
    counter(
        "deadman_account_transitions_total",
        "Times the account entered the phase.",
        lambda view: view.standing.tally.transitions,
        "phase",
        Phase,
        drifts=True,
    ),
    gauge(
        "deadman_witness_proven",
        "1 while a witness on another host has echoed this run's word and can cancel, judged at the scrape.",
        lambda view: any(one.proven(view.standing.seen_at) for one in view.guard.witnesses),
        drifts=True,
    ),
    gauge(
        "deadman_drill_success_timestamp_seconds",
        "When a drill last saw the venue cancel by its switch; 0 when none did.",
        lambda view: view.times.timestamp(view.guard.drills.passed.at) if view.guard.drills.passed else 0.0,
    ),
    gauge(
        "deadman_drill_seconds",
        "Seconds from the death that the last passed drill played to the venue's cancel; 0 when none passed.",
        lambda view: (view.guard.drills.passed.seconds or 0.0) if view.guard.drills.passed else 0.0,
    ),
    gauge(
        "deadman_drill_failed",
        "1 while the last drill that told anything did not see the venue cancel by its switch.",
        lambda view: view.guard.drills.failed,
    ),
    gauge(
        "deadman_trip_unfinished",
        "1 while a trip has begun and the orders are not yet known to be gone.",
        lambda view: view.guard.trip is not None and view.guard.trip.under_way,
    ),
)


TALLIES: tuple[Family[Tally], ...] = (
    counter(
        "deadman_renewals_attempted_total", "Renewals sent or read-backs asked for.", lambda tally: tally.attempted
    ),
    counter(
        "deadman_renewals_confirmed_total",
        "Renewals and read-backs that the venue confirmed.",
        lambda tally: tally.confirmed,
    ),
    histogram(
        "deadman_renewal_margin_seconds",
        "Seconds that were left of the proof when its renewal was confirmed.",
        lambda tally: tally.margins,
    ),
    histogram(
        "deadman_round_trip_seconds", "Seconds from a request to the venue's answer.", lambda tally: tally.round_trips
    ),
    counter("deadman_sessions_opened_total", "Sessions that the venue accepted.", lambda tally: tally.opened),
    counter(
        "deadman_sessions_lost_total",
        "Sessions that ended, by reason.",
        lambda tally: tally.lost,
        "reason",
        Reason,
    ),
    counter(
        "deadman_venue_errors_total", "Error answers of the venue, by its own code.", lambda tally: tally.errors, "code"
    ),
    gauge(
        "deadman_token_expiry_timestamp_seconds",
        "When the session's token runs out by the venue's word; 0 while there is none.",
        lambda tally: tally.token_expiry_timestamp,
    ),
    gauge(
        "deadman_venue_clock_offset_seconds",
        "The venue's clock less this host's, in seconds, by the quickest answer of the last minutes.",
        lambda tally: tally.clock_offset,
    ),
    counter(
        "deadman_trips_total",
        "Times the switch was pulled, by cause.",
        lambda tally: tally.trips,
        "cause",
        Cause,
    ),
    counter(
        "deadman_orders_cancelled_total",
        "Orders that the venue said it cancelled for a trip.",
        lambda tally: tally.orders_cancelled,
    ),
    histogram(
        "deadman_trip_seconds", "Seconds from a trip's cause to the orders being gone.", lambda tally: tally.trip_spans
    ),
    counter(
        "deadman_venue_fired_orders_total",
        "Orders that the venue cancelled by itself, because a connection dropped or a lease ran out.",
        lambda tally: tally.fired,
    ),
    counter(
        "deadman_drills_total",
        "Drills by how they ended; refused: not begun, or broken off before anything was known.",
        lambda tally: tally.drills,
        "outcome",
        ("passed", "failed", "refused"),
    ),
    counter(
        "deadman_orders_gone_unseen_total",
        "Orders that were open before a lost session or lease and are not after it, cancelled by nobody we know.",
        lambda tally: tally.gone_unseen,
    ),
)


_KINDS = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily, "histogram": HistogramMetricFamily}


def of_venue(metric: VenueMetric) -> Family[Tally]:
    """How a metric that only one venue's accounts have is drawn."""
    return Family(_KINDS[metric.kind], metric.name, metric.help, metric.read, metric.label)
