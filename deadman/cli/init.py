"""`deadman init`: a commented config to start from."""

from __future__ import annotations

import argparse
import sys
from importlib.resources import files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Print a commented config to start from; change it until `deadman check` is content."


def run(arguments: argparse.Namespace) -> int:
    sys.stdout.write(example())
    return 0


def example() -> str:
    """The starter config, from the package itself, so that an installed deadman has it too."""
    return files("deadman.config").joinpath("example.toml").read_text(encoding="utf-8")
