"""`deadman metrics`: every metric, its labels and its meaning, from the table that scrapes are drawn from."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from prometheus_client.metrics_core import InfoMetricFamily

from deadman.model.text import markdown
from deadman.status.vocabulary import VOCABULARY
from deadman.telemetry.metrics import ACCOUNTS, TALLIES, Family, of_venue
from deadman.telemetry.scrape import DAEMON, WATCHES
from deadman.venues import VENUES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reference", action="store_true", help="the same: it is all that there is to print")


def run(arguments: argparse.Namespace) -> int:
    """Print every metric with its type, its labels and its meaning, and the values of `phase`."""
    sys.stdout.write(reference())
    return 0


def reference() -> str:
    """As Markdown; the process' own metrics are the library's and named in a sentence."""
    metrics = "\n".join(markdown([("Metric", "Type", "Labels", "Meaning"), *_rows()]))
    filled = {"venue": "the venue", "expiry": "HH:MM:SSZ"}
    known = [(f"`{one}`", said.label, said.sentence.format(**filled), said.meaning) for one, said in VOCABULARY.items()]
    phases = "\n".join(markdown([("Phase", "Shown as", "What is so", "What that means"), *known]))
    return (
        f"{metrics}\n\nAnd `process_*` and `python_*`, as every Python client of Prometheus has them.\n\n"
        f"The values of `phase`:\n\n{phases}\n"
    )


def _rows() -> Iterator[Sequence[str]]:
    yield from _of(ACCOUNTS, "account")
    yield from _of(TALLIES, "account")
    for venue in VENUES.values():
        yield from _of([of_venue(metric) for metric in venue.metrics], "account")
    yield from _of(WATCHES, "watch")
    yield from _of(DAEMON, "")


def _of(families: Sequence[Family[Any]], subject: str) -> Iterator[Sequence[str]]:
    for family in families:
        name = f"{family.name}_info" if family.kind is InfoMetricFamily else family.name
        labels = ", ".join(f"`{label}`" for label in (subject, family.label) if label)
        yield f"`{name}`", family.kind.__name__.removesuffix("MetricFamily").lower(), labels, family.sentence
