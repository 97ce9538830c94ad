"""`deadman config`: the effective config."""

from __future__ import annotations

import argparse
import os
import sys

from deadman.config.effective import effective_text
from deadman.config.fault import Faults
from deadman.config.load import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Print the config as it takes effect: defaults filled in, secrets as ***."


def run(arguments: argparse.Namespace) -> int:
    try:
        config = load(arguments.config, os.environ)
    except Faults as faults:
        sys.stderr.write(f"{faults}\n")
        return faults.exit_code
    sys.stdout.write(effective_text(config))
    return 0
