"""`deadman trip`: cancel the orders of accounts now."""

from __future__ import annotations

import argparse
import importlib

from deadman.cli.complaint import Unreachable
from deadman.cli.operate import add_accounts, add_yes, check_asked, confirm, in_view, meant, order
from deadman.cli.reach import control_socket


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Positions are not closed. Cancels whatever on_trip says, within what `cancel` selects; stays tripped until "
        "`arm`. Returns when the venue lists no open order; else exit 1 after 10 s with what is outstanding."
    )
    add_accounts(parser)
    parser.add_argument("--direct", action="store_true", help="from this process, while the daemon is down")
    add_yes(parser)


def run(arguments: argparse.Namespace) -> int:
    accounts = meant(arguments)
    check_asked(arguments)
    if arguments.direct:
        return _trip_directly(arguments)
    path = control_socket(arguments.config)
    try:
        if not arguments.yes:
            confirm(_question(in_view(path, arguments.accounts)))
        return order(path, "trip", {"accounts": accounts, "reason": arguments.reason})
    except Unreachable as error:
        raise Unreachable(f"{error}; `deadman trip --direct` cancels without it") from None


def _trip_directly(arguments: argparse.Namespace) -> int:
    if not arguments.yes:
        confirm(_question("every account" if arguments.all else ", ".join(arguments.accounts)))
    # Late, as the only client that talks to venues, needs the secrets, and loads the loop.
    direct = importlib.import_module("deadman.cli.direct")
    return int(direct.trip(arguments.config, arguments.accounts, arguments.reason))


def _question(named: str) -> str:
    return f"Cancels the orders of {named} and keeps doing so until none is open. Positions are not closed."
