"""`deadman disarm`: switch accounts off, keeping their orders."""

from __future__ import annotations

import argparse

from deadman.cli.operate import add_accounts, add_yes, check_asked, confirm, in_view, meant, order
from deadman.cli.reach import control_socket
from deadman.cli.spans import SPELLED, span


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "SX Bet is told to drop the lease; Deribit's cancel-on-disconnect is turned off only if deadman turned it on, "
        "and connections that are open keep it. Nothing is renewed, repaired or tripped until `arm`. "
        "Returns when the venue has confirmed; else exit 1 after 10 s with what is outstanding."
    )
    add_accounts(parser)
    parser.add_argument("--for", dest="span", type=span, metavar="SPAN", help=f"ends by itself: {SPELLED}")
    add_yes(parser)


def run(arguments: argparse.Namespace) -> int:
    accounts = meant(arguments)
    check_asked(arguments)
    path = control_socket(arguments.config)
    if not arguments.yes:
        named = in_view(path, arguments.accounts)
        confirm(f"Switches off {named}: their orders stay, and nothing will cancel them if the bot or this host dies.")
    return order(path, "disarm", {"accounts": accounts, "reason": arguments.reason, "for": arguments.span})
