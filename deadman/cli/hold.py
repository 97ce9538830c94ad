"""`deadman hold`: planned work on a bot."""

from __future__ import annotations

import argparse

from deadman.cli.operate import add_reason, order_watch
from deadman.cli.reach import control_socket
from deadman.cli.spans import SPELLED, span


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Meanwhile the bot may be silent: nothing is tripped, and SX Bet leases are renewed. Ends by itself."
    )
    parser.add_argument("watch", metavar="WATCH")
    parser.add_argument("--for", dest="span", type=span, required=True, metavar="SPAN", help=SPELLED)
    add_reason(parser)


def run(arguments: argparse.Namespace) -> int:
    params = {"watch": arguments.watch, "for": arguments.span, "reason": arguments.reason}
    return order_watch(control_socket(arguments.config), "hold", params)
