"""The verbs that change something: whom they mean, asking first, and telling what came of it."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deadman.cli.client import TIMEOUT, ask, control_socket, status_of
from deadman.cli.parser import SPELLED, Misused, NotDone, Unreachable, span
from deadman.model.text import plain

VENUE_TIMEOUT = 10.0 + TIMEOUT
"""Seconds: how long the daemon itself waits for the venues, and for its answer to come."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verb = parser.get_default("verb")
    if verb in ("hold", "release"):
        parser.add_argument("watch", metavar="WATCH")
    else:
        parser.add_argument("accounts", nargs="*", metavar="ACCOUNT")
        parser.add_argument("--all", action="store_true", help="every account")
    parser.add_argument("--reason", default="", metavar="TEXT", help="for the log and for whoever reads `status`")
    if verb == "hold":
        parser.add_argument("--for", dest="span", type=span, required=True, metavar="SPAN", help=SPELLED)
    if verb == "disarm":
        parser.add_argument("--for", dest="span", type=span, metavar="SPAN", help=f"ends by itself: {SPELLED}")
    if verb == "trip":
        parser.add_argument("--direct", action="store_true", help="from this process, while the daemon is down")
    if verb == "drill":
        parser.add_argument("--live", action="store_true", help="also on networks with real money")
        parser.add_argument("--json", action="store_true", help="for programs")
    if verb in ("disarm", "trip", "drill"):
        parser.add_argument(
            "--yes", action="store_true", help="do not ask; without a terminal nothing is done otherwise"
        )


def meant(arguments: argparse.Namespace) -> list[str] | str:
    """The accounts as the daemon takes them; raises Misused unless somebody is meant, and meant one way."""
    if bool(arguments.accounts) == arguments.all:
        raise Misused("name the accounts, or say --all" if not arguments.all else "either name accounts or say --all")
    return "all" if arguments.all else list(arguments.accounts)


def check_asked(arguments: argparse.Namespace) -> None:
    """Raises Misused where nobody can be asked and nobody said --yes."""
    if not arguments.yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Misused("nothing is done: there is no terminal to ask at, and no --yes")


def confirm(question: str) -> None:
    """Raises NotDone unless the answer is yes."""
    sys.stderr.write(f'{question}\nType "yes" to do it: ')
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise NotDone("nothing is done")


def in_view(path: Path, accounts: Sequence[str]) -> str:
    """The accounts that are meant with their open orders, for a question. Raises Misused for one not known."""
    named = []
    for name, account in status_of(path, accounts).accounts.items():
        count = account.open_orders
        orders = "open orders not known" if count is None else f"{count} open when last counted"
        named.append(f"{plain(name)} ({orders})")
    return ", ".join(named)


def order(path: Path, method: str, params: Mapping[str, Any]) -> int:
    """Have it done; 0 when all of it is, else 1 with what is outstanding on stderr."""
    answer = ask(path, method, params, VENUE_TIMEOUT)
    outcomes = {params["watch"]: answer} if "watch" in params else answer["accounts"]
    for name, outcome in outcomes.items():
        stream = sys.stdout if outcome["done"] else sys.stderr
        stream.write(plain(f"{name}: {outcome['words']}") + "\n")
    return 0 if all(outcome["done"] for outcome in outcomes.values()) else 1


def run_arm(arguments: argparse.Namespace) -> int:
    """End a disarm, or re-arm after an operator's trip.

    Returns when the venue has proven it, or the account waits for its bot; else exit 1 after 10 s with what is
    outstanding. A trip that is under way is carried to zero first.
    """
    params = {"accounts": meant(arguments), "reason": arguments.reason}
    return order(control_socket(arguments.config), "arm", params)


def run_disarm(arguments: argparse.Namespace) -> int:
    """Switch accounts off, keeping their orders.

    A lease is given back to the venue; cancel-on-disconnect is turned off only if deadman turned it on, and
    connections that are open keep it. Nothing is renewed, repaired or tripped until `arm`. Returns when the venue has
    confirmed; else exit 1 after 10 s with what is outstanding.
    """
    accounts = meant(arguments)
    check_asked(arguments)
    path = control_socket(arguments.config)
    if not arguments.yes:
        named = in_view(path, arguments.accounts)
        confirm(f"Switches off {named}: their orders stay, and nothing will cancel them if the bot or this host dies.")
    return order(path, "disarm", {"accounts": accounts, "reason": arguments.reason, "for": arguments.span})


DRILL_TIMEOUT = 65.0
"""Seconds for one account."""


def run_drill(arguments: argparse.Namespace) -> int:
    """Prove that the switch of an account fires, by letting it fire.

    Where the switch goes with a connection, one of deadman's own dies twice, each time leaving an order that cannot
    trade. Where it is a lease, that is cut short, and EVERY OPEN ORDER of the account goes. Takes up to a minute an
    account. Exit 0 only where the venue was seen to cancel.
    """
    meant(arguments)
    check_asked(arguments)
    path = control_socket(arguments.config)
    known = status_of(path, arguments.accounts).accounts
    if not arguments.yes:
        named = in_view(path, arguments.accounts)
        confirm(f"Lets the switch fire of {named}. Where it is a lease, EVERY OPEN ORDER of the account is cancelled.")
    drills = []
    try:
        for name in known:
            params = {"accounts": [name], "live": arguments.live, "reason": arguments.reason}
            (drill,) = ask(path, "drill", params, DRILL_TIMEOUT)["drills"]
            drills.append(drill)
            if not arguments.json:
                verdict = f"passed in {drill['seconds']:.1f} s" if drill["passed"] else "NOT PASSED"
                stream = sys.stdout if drill["passed"] else sys.stderr
                stream.write(plain(f"{name}: {verdict}: {drill['why']}") + "\n")
    finally:  # what has been seen is told, also where the daemon goes away in the middle
        if arguments.json:
            sys.stdout.write(json.dumps(drills) + "\n")
    return 0 if all(drill["passed"] for drill in drills) else 1


def run_hold(arguments: argparse.Namespace) -> int:
    """Planned work on a bot: no trips for a while.

    Meanwhile the bot may be silent: nothing is tripped, and leases are renewed. Ends by itself.
    """
    params = {"watch": arguments.watch, "for": arguments.span, "reason": arguments.reason}
    return order(control_socket(arguments.config), "hold", params)


def run_release(arguments: argparse.Namespace) -> int:
    """End a hold. A bot that is silent by then trips its accounts at once."""
    params = {"watch": arguments.watch, "reason": arguments.reason}
    return order(control_socket(arguments.config), "release", params)


def run_trip(arguments: argparse.Namespace) -> int:
    """Cancel the orders of accounts now.

    Positions are not closed. Cancels whatever on_trip says, within what `cancel` selects; stays tripped until `arm`.
    Returns when the venue lists no open order; else exit 1 after 10 s with what is outstanding.
    """
    accounts = meant(arguments)
    check_asked(arguments)
    question = "Cancels the orders of {} and keeps doing so until none is open. Positions are not closed."
    if arguments.direct:
        if not arguments.yes:
            confirm(question.format("every account" if arguments.all else ", ".join(arguments.accounts)))
        # Late, as the only client that talks to venues, needs the secrets, and loads the loop.
        direct = importlib.import_module("deadman.cli.direct")
        return int(direct.trip(arguments.config, arguments.accounts, arguments.reason))
    path = control_socket(arguments.config)
    try:
        if not arguments.yes:
            confirm(question.format(in_view(path, arguments.accounts)))
        return order(path, "trip", {"accounts": accounts, "reason": arguments.reason})
    except Unreachable as error:
        raise Unreachable(f"{error}; `deadman trip --direct` cancels without it") from None
