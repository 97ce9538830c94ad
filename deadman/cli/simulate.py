"""`deadman simulate`: the simulated venues alone, and a config to run against them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deadman.errors import innermost


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Run the simulated venues on loopback, to try bots, alerts and the daemon against."
    parser.add_argument("--directory", type=Path, required=True, help="where config.toml, ca.pem and secrets go")


def run(arguments: argparse.Namespace) -> int:
    """Exit 0 on SIGINT and SIGTERM; 1 where the directory, a port or the command socket cannot be had."""
    import trio  # late, with the simulator: no other verb is to wait for them

    from deadman.cli.simulation import Occupied, simulate

    failures: list[BaseException] = []
    try:
        trio.run(simulate, arguments.directory.absolute())
    except* (OSError, Occupied) as group:
        failures.append(innermost(group))
    for failure in failures:
        sys.stderr.write(f"deadman: cannot simulate in {arguments.directory}: {failure}\n")
    return 1 if failures else 0
