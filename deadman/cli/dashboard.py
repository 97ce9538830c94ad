"""`deadman dashboard`: Grafana's dashboard on stdout."""

from __future__ import annotations

import argparse
import sys
from importlib.resources import files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Print a dashboard for Grafana (10 or newer), to be imported there or provisioned as a file. "
        "It asks which Prometheus to read from."
    )


def run(arguments: argparse.Namespace) -> int:
    sys.stdout.write(text())
    return 0


def text() -> str:
    return files("deadman.operations").joinpath("dashboard.json").read_text(encoding="utf-8")
