"""The verbs that print a file: `config`, `init`, `dashboard` and `rules`."""

from __future__ import annotations

import argparse
import os
import sys
from importlib.resources import files

from deadman.config.describe import effective_text, example, reference
from deadman.config.load import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    if parser.get_default("verb") == "config":
        told = "every key there is: its values, default and meaning"
        parser.add_argument("--reference", action="store_true", help=told)


def run_config(arguments: argparse.Namespace) -> int:
    """Print the config as it takes effect: defaults filled in, secrets as ***."""
    sys.stdout.write(reference() if arguments.reference else effective_text(load(arguments.config, os.environ)))
    return 0


def run_init(arguments: argparse.Namespace) -> int:
    """Print a commented config to start from; change it until `deadman check` is content."""
    sys.stdout.write(example())
    return 0


def run_dashboard(arguments: argparse.Namespace) -> int:
    """Print a dashboard for Grafana (10 or newer), to be imported there or provisioned as a file.

    It asks which Prometheus to read from.
    """
    sys.stdout.write(packaged("dashboard.json"))
    return 0


def run_rules(arguments: argparse.Namespace) -> int:
    """Print alert and recording rules for Prometheus (2.42 or newer), to be saved as a rule file.

    They expect a scrape job named `deadman`.
    """
    sys.stdout.write(packaged("rules.yml"))
    return 0


def packaged(name: str) -> str:
    return files("deadman.telemetry").joinpath(name).read_text(encoding="utf-8")
