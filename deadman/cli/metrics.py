"""`deadman metrics`: every metric, its labels and its meaning, from the table that scrapes are drawn from, and who asks
for it, from the alert rules and the dashboard."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
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
    users = users_of_metrics()
    rows = ((*row, ", ".join(users.get(row[0].strip("`"), ())) or "–") for row in _rows())
    metrics = "\n".join(markdown([("Metric", "Type", "Labels", "Meaning", "Asked for by"), *rows]))
    filled = {"venue": "the venue", "expiry": "HH:MM:SSZ"}
    known = [(f"`{one}`", said.label, said.sentence.format(**filled), said.meaning) for one, said in VOCABULARY.items()]
    phases = "\n".join(markdown([("Phase", "Shown as", "What is so", "What that means"), *known]))
    return (
        f"{metrics}\n\nAnd `process_*` and `python_*`, as every Python client of Prometheus has them.\n\n"
        f"The values of `phase`:\n\n{phases}\n"
    )


def users_of_metrics() -> Mapping[str, Sequence[str]]:
    """The alerts, through recording rules too, and the dashboard's panels that ask for a metric, by its name."""
    here = files("deadman.telemetry")
    rules = re.sub(r"^ *#.*$", "", here.joinpath("rules.yml").read_text("utf-8"), flags=re.MULTILINE)
    _, *parts = re.split(r"^ +- (alert|record): (\S+)$", rules, flags=re.MULTILINE)
    recorded, users = dict[str, set[str]](), defaultdict[str, list[str]](list)
    for kind, name, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        asked = _asked(body).union(*(metrics for record, metrics in recorded.items() if record in body))
        recorded |= {name: asked} if kind == "record" else {}
        for metric in asked if kind == "alert" else ():
            users[metric].append(f"`{name}`")
    for panel in json.loads(here.joinpath("dashboard.json").read_text("utf-8"))["panels"]:
        for metric in _asked(" ".join(target["expr"] for target in panel.get("targets", ()))):
            users[metric].append(f"the panel “{panel['title']}”")
    return users


def _asked(text: str) -> set[str]:
    return {re.sub("_(bucket|count|sum)$", "", name) for name in re.findall(r"\bdeadman_\w+", text)}


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
