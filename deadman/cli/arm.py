"""`deadman arm`: end a disarm, or re-arm after an operator's trip."""

from __future__ import annotations

import argparse

from deadman.cli.operate import add_accounts, meant, order
from deadman.cli.reach import control_socket


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Returns when the venue has proven it, or the account waits for its bot; else exit 1 after 10 s with what is "
        "outstanding. A trip that is under way is carried to zero first."
    )
    add_accounts(parser)


def run(arguments: argparse.Namespace) -> int:
    accounts = meant(arguments)
    return order(control_socket(arguments.config), "arm", {"accounts": accounts, "reason": arguments.reason})
