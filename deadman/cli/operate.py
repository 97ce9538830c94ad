"""What the verbs that change something have in common: whom they mean, asking first, and telling what came of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deadman.cli.answer import only
from deadman.cli.client import QUICK, ask
from deadman.cli.complaint import Failed, Misused
from deadman.problems.told import Told
from deadman.spoken import plain

PATIENCE = 10.0 + QUICK
"""Seconds: how long the daemon itself waits for the venues (contract, section 1), and for its answer to come."""


def add_accounts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("accounts", nargs="*", metavar="ACCOUNT")
    parser.add_argument("--all", action="store_true", help="every account")
    add_reason(parser)


def add_reason(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", default="", metavar="TEXT", help="for the log and for whoever reads `status`")


def add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask; without a terminal nothing is done otherwise")


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
    """Raises Failed unless the answer is yes."""
    sys.stderr.write(f'{question}\nType "yes" to do it: ')
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Failed("nothing is done")


def in_view(path: Path, accounts: Sequence[str]) -> str:
    """The accounts that are meant with their open orders, for a question. Raises Misused for one not known."""
    answer = only(ask(path, "status", {}), accounts)
    return ", ".join(f"{plain(name)} ({_orders(account)})" for name, account in answer["accounts"].items())


def order(path: Path, method: str, params: Mapping[str, Any]) -> int:
    """Have it done; 0 when all of it is, else 1 with what is outstanding on stderr."""
    outcomes = ask(path, method, {name: value for name, value in params.items() if value}, PATIENCE)["accounts"]
    for name, outcome in outcomes.items():
        stream = sys.stdout if outcome["done"] else sys.stderr
        stream.write(plain(f"{name}: {outcome['words']}") + "\n")
    return 0 if all(outcome["done"] for outcome in outcomes.values()) else 1


def order_watch(path: Path, method: str, params: Mapping[str, Any]) -> int:
    """The same for one watch."""
    outcome = ask(path, method, params, PATIENCE)
    stream = sys.stdout if outcome["done"] else sys.stderr
    stream.write(plain(f"{params['watch']}: {outcome['words']}") + "\n")
    return 0 if outcome["done"] else 1


def _orders(account: Told) -> str:
    return (
        "open orders not known"
        if account["open_orders"] is None
        else f"{account['open_orders']} open when last counted"
    )
