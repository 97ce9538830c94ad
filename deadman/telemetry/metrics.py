"""What Prometheus is told: how one metric is described, and a row for each, judged at the scrape.

A description is a name, a sentence, and a function from a subject (an account, a watch, the daemon) to its readings.
Nothing is kept between scrapes, so nothing can go stale or be seen half-updated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import TypeVar, assert_never

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.utils import floatToGoString

from deadman.model.account import Histogram, Standing, Tally
from deadman.model.duty import trip_ready
from deadman.model.errors import Reason
from deadman.model.facts import Cause
from deadman.model.guard import Guard, Phase
from deadman.model.settings import Account
from deadman.model.text import Times
from deadman.venues.venue import VenueMetric

Subject = TypeVar("Subject")
Labels = tuple[str, ...]
Subjects = Iterable[tuple[Labels, Subject]]
"""What a metric is drawn from, each under its own label values."""

Family = Callable[[Labels, Subjects[Subject]], Metric]
"""One metric name: given the subjects' label names and the subjects, all its samples."""

Reading = float | Mapping[str, float] | None
"""One number, or one for each value of one more label; a subject whose reading is None has no series."""


def gauge(name: str, sentence: str, read: Callable[[Subject], Reading], label: str = "") -> Family[Subject]:
    """`label` is what the keys of a Mapping are values of."""
    return _family(GaugeMetricFamily, name, sentence, read, label)


def counter(name: str, sentence: str, read: Callable[[Subject], Reading], label: str = "") -> Family[Subject]:
    return _family(CounterMetricFamily, name, sentence, read, label)


def _family(
    kind: type[GaugeMetricFamily] | type[CounterMetricFamily],
    name: str,
    sentence: str,
    read: Callable[[Subject], Reading],
    label: str,
) -> Family[Subject]:
    def draw(names: Labels, subjects: Subjects[Subject]) -> Metric:
        metric = kind(name, sentence, labels=(*names, label) if label else names)
        for values, subject in subjects:
            reading = read(subject)
            if isinstance(reading, Mapping):
                for value, number in reading.items():
                    metric.add_metric((*values, value), number)
            elif reading is not None:
                metric.add_metric(values, reading)
        return metric

    return draw


def histogram(name: str, sentence: str, read: Callable[[Subject], Histogram]) -> Family[Subject]:
    def draw(names: Labels, subjects: Subjects[Subject]) -> Metric:
        metric = HistogramMetricFamily(name, sentence, labels=names)
        for values, subject in subjects:
            known = read(subject)
            buckets = list(zip(_limits(known.bounds), accumulate(known.counts), strict=True))
            metric.add_metric(values, buckets, known.total)
        return metric

    return draw


def info(name: str, sentence: str, read: Callable[[Subject], Mapping[str, str]]) -> Family[Subject]:
    """Facts of a run as labels of a constant 1; the format itself adds `_info` to the name."""

    def draw(names: Labels, subjects: Subjects[Subject]) -> Metric:
        metric = InfoMetricFamily(name, sentence, labels=names)
        for values, subject in subjects:
            metric.add_metric(values, dict(read(subject)))
        return metric

    return draw


@cache
def _limits(bounds: tuple[float, ...]) -> Labels:
    return (*map(floatToGoString, bounds), "+Inf")


def from_zero(names: Iterable[str], counts: Mapping[str, int]) -> Mapping[str, float]:
    """Every name of a closed set, so that its first occurrence is an increase and not a birth."""
    return {str(name): counts.get(name, 0) for name in names}


@dataclass(frozen=True, slots=True)
class Sight:
    """One account as a scrape sees it: its standing as of now, and how it is configured.

    Instants are told to the millisecond: a value that trembles below it would be a new one at every scrape.
    """

    config: Account
    standing: Standing
    times: Times

    @property
    def guard(self) -> Guard:
        return self.standing.guard


ACCOUNTS: tuple[Family[Sight], ...] = (
    info(
        "deadman_account",
        "What is guarded, and where.",
        lambda sight: {"venue": sight.config.venue, "network": sight.config.network},
    ),
    gauge(
        "deadman_account_phase",
        "1 for the phase the account is in, 0 for all others.",
        lambda sight: {phase: float(phase is sight.standing.phase) for phase in Phase},
        "phase",
    ),
    gauge(
        "deadman_account_phase_since_timestamp_seconds",
        "When the account entered the phase it is in.",
        lambda sight: sight.times.timestamp(sight.standing.since),
    ),
    gauge(
        "deadman_account_protected",
        "1 while a venue's own answer proves that the switch is armed, judged at the scrape.",
        lambda sight: sight.guard.protected(sight.standing.seen_at),
    ),
    gauge(
        "deadman_account_wanted",
        "1 while protection is meant to stand: 0 when disarmed, tripped, or waiting for a bot.",
        lambda sight: sight.guard.wanted(sight.standing.seen_at),
    ),
    gauge(
        "deadman_account_can_cancel",
        "1 while a live session may cancel the account's orders.",
        lambda sight: sight.guard.can_cancel,
    ),
    gauge(
        "deadman_account_trip_ready",
        "1 while a trip could be carried out now as configured, also where it would send nothing.",
        lambda sight: trip_ready(sight.guard, sight.config),
    ),
    gauge(
        "deadman_account_margin_seconds",
        "Seconds until the standing proof runs out, judged at the scrape; 0 when there is none.",
        lambda sight: sight.guard.margin(sight.standing.seen_at),
    ),
    gauge(
        "deadman_account_proof_timestamp_seconds",
        "When the venue was asked for the last answer that proved the switch; 0 when there is none.",
        lambda sight: sight.times.timestamp(sight.guard.proof.asked_at) if sight.guard.proof else 0.0,
    ),
    gauge(
        "deadman_account_proof_expiry_timestamp_seconds",
        "When the last proof runs out; 0 when there is none.",
        lambda sight: sight.times.timestamp(sight.guard.proof.expiry) if sight.guard.proof else 0.0,
    ),
    gauge(
        "deadman_account_open_orders",
        "Open orders as the venue last listed them; no series where it never did.",
        lambda sight: sight.guard.open_orders,
    ),
    gauge(
        "deadman_account_open_orders_timestamp_seconds",
        "When the venue last listed the open orders; no series where it never did.",
        lambda sight: (
            None if sight.guard.open_orders is None else sight.times.timestamp_or_none(sight.guard.open_orders_at)
        ),
    ),
    counter(
        "deadman_account_unprotected_seconds_total",
        "Seconds in which protection was wanted and not proven.",
        lambda sight: sight.standing.tally.unprotected,
    ),
    counter(
        "deadman_account_transitions_total",
        "Times the account entered the phase.",
        lambda sight: from_zero(Phase, sight.standing.tally.transitions),
        "phase",
    ),
    gauge(
        "deadman_witness_proven",
        "1 while a witness on another host has echoed this run's word and can cancel, judged at the scrape.",
        lambda sight: any(one.proven(sight.standing.seen_at) for one in sight.guard.witnesses),
    ),
    gauge(
        "deadman_trip_unfinished",
        "1 while a trip has begun and the orders are not yet known to be gone.",
        lambda sight: sight.guard.trip is not None and sight.guard.trip.under_way,
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
    counter(
        "deadman_test_requests_total",
        "Test requests of the venue that were answered.",
        lambda tally: tally.test_requests,
    ),
    histogram(
        "deadman_test_request_reply_seconds",
        "Seconds from reading a test request to having written the answer.",
        lambda tally: tally.replies,
    ),
    counter("deadman_sessions_opened_total", "Sessions that the venue accepted.", lambda tally: tally.opened),
    counter(
        "deadman_sessions_lost_total",
        "Sessions that ended, by reason.",
        lambda tally: from_zero(Reason, tally.lost),
        "reason",
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
        lambda tally: from_zero(Cause, tally.trips),
        "cause",
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
        "deadman_orders_gone_unseen_total",
        "Orders that were open before a lost session or lease and are not after it, cancelled by nobody we know.",
        lambda tally: tally.gone_unseen,
    ),
)


def of_venue(metric: VenueMetric) -> Family[Tally]:
    """How a metric that only one venue's accounts have is drawn."""
    match metric.kind:
        case "gauge":
            return gauge(metric.name, metric.help, metric.read, metric.label)
        case "counter":
            return counter(metric.name, metric.help, metric.read, metric.label)
    assert_never(metric.kind)
