"""`deadman rules`: Prometheus' rules on stdout."""

from __future__ import annotations

import argparse
import sys
from importlib.resources import files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Print alert and recording rules for Prometheus (2.42 or newer), to be saved as a rule file. "
        "They expect a scrape job named `deadman`."
    )


def run(arguments: argparse.Namespace) -> int:
    sys.stdout.write(text())
    return 0


def text() -> str:
    return files("deadman.operations").joinpath("rules.yml").read_text(encoding="utf-8")
