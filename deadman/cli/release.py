"""`deadman release`: end a hold."""

from __future__ import annotations

import argparse

from deadman.cli.operate import add_reason, order_watch
from deadman.cli.reach import control_socket


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "A bot that is silent by then trips its accounts at once."
    parser.add_argument("watch", metavar="WATCH")
    add_reason(parser)


def run(arguments: argparse.Namespace) -> int:
    params = {"watch": arguments.watch, "reason": arguments.reason}
    return order_watch(control_socket(arguments.config), "release", params)
