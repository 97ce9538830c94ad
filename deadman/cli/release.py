"""`deadman release`: end a hold."""

from __future__ import annotations

import argparse
import sys

from deadman.cli.client import ask
from deadman.cli.operate import add_reason
from deadman.cli.reach import control_socket
from deadman.spoken import plain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "A bot that is silent by then trips its accounts at once."
    parser.add_argument("watch", metavar="WATCH")
    add_reason(parser)


def run(arguments: argparse.Namespace) -> int:
    params = {"watch": arguments.watch, "reason": arguments.reason}
    words = ask(control_socket(arguments.config), "release", params)["words"]
    sys.stdout.write(plain(f"{arguments.watch}: {words}") + "\n")
    return 0
