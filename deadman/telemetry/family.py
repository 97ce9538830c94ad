"""How one metric is described, and drawn from what is known at a scrape.

A description is data: a name, a sentence, and a function from a subject (an account, a watch, the daemon) to its
readings. Nothing is kept between scrapes, so nothing can go stale or be seen half-updated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import accumulate
from typing import TypeVar

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.utils import floatToGoString

from deadman.model.account import Histogram

Subject = TypeVar("Subject")
Labels = tuple[str, ...]
Subjects = Iterable[tuple[Labels, Subject]]
"""What a metric is drawn from, each under its own label values."""

Family = Callable[[Labels, Subjects[Subject]], Metric]
"""One metric name: given the subjects' label names and the subjects, all its samples."""

_Kind = type[GaugeMetricFamily] | type[CounterMetricFamily]


def gauge(name: str, sentence: str, read: Callable[[Subject], float | None]) -> Family[Subject]:
    """One reading; a subject whose reading is None has no series."""
    return _one(GaugeMetricFamily, name, sentence, read)


def counter(name: str, sentence: str, read: Callable[[Subject], float | None]) -> Family[Subject]:
    return _one(CounterMetricFamily, name, sentence, read)


def gauges(name: str, sentence: str, label: str, read: Callable[[Subject], Mapping[str, float]]) -> Family[Subject]:
    """One reading for each value of one more label."""
    return _each(GaugeMetricFamily, name, sentence, label, read)


def counters(name: str, sentence: str, label: str, read: Callable[[Subject], Mapping[str, float]]) -> Family[Subject]:
    return _each(CounterMetricFamily, name, sentence, label, read)


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


def from_zero(names: Iterable[str], counts: Mapping[str, int]) -> Mapping[str, float]:
    """Every name of a closed set, so that its first occurrence is an increase and not a birth."""
    return {str(name): counts.get(name, 0) for name in names}


def _one(kind: _Kind, name: str, sentence: str, read: Callable[[Subject], float | None]) -> Family[Subject]:
    def draw(names: Labels, subjects: Subjects[Subject]) -> Metric:
        metric = kind(name, sentence, labels=names)
        for values, subject in subjects:
            if (reading := read(subject)) is not None:
                metric.add_metric(values, reading)
        return metric

    return draw


def _each(
    kind: _Kind, name: str, sentence: str, label: str, read: Callable[[Subject], Mapping[str, float]]
) -> Family[Subject]:
    def draw(names: Labels, subjects: Subjects[Subject]) -> Metric:
        metric = kind(name, sentence, labels=(*names, label))
        for values, subject in subjects:
            for value, reading in read(subject).items():
                metric.add_metric((*values, value), reading)
        return metric

    return draw


@cache
def _limits(bounds: tuple[float, ...]) -> Labels:
    return (*map(floatToGoString, bounds), "+Inf")
