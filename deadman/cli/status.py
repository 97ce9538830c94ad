"""`deadman status`: what is proven, and what happens if the bot or the host dies now."""

from __future__ import annotations

import argparse
import json
import os
import sys

from deadman.cli.answer import exit_code, only
from deadman.cli.client import ask
from deadman.cli.complaint import Misused
from deadman.cli.follow import Follower, Lines, Objects, Screen, follow
from deadman.cli.reach import control_socket
from deadman.cli.screen import screen
from deadman.cli.spans import patience
from deadman.cli.terminal import Paper
from deadman.cli.waiting import wait
from deadman.problems.told import Told

_CODES = (
    "Exit 0: every account that is wanted is protected; 1: one is not; 69: the daemon cannot be reached. "
    "ACT also stands before what is protected still, or meant to be off, and yet needs somebody; LOOK exits 0."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _CODES
    parser.add_argument("accounts", nargs="*", metavar="ACCOUNT", help="only these")
    parser.add_argument("--json", action="store_true", help="the daemon's answer as it is, one object a line")
    parser.add_argument("--follow", action="store_true", help="go on, once a second; outlasts the daemon's restarts")
    parser.add_argument(
        "--wait",
        type=patience,
        metavar="SECONDS",
        help="until the named accounts are proven, also while the daemon starts; else exit 1, or 69 without a daemon",
    )


def run(arguments: argparse.Namespace) -> int:
    path, accounts = control_socket(arguments.config), tuple(arguments.accounts)
    if arguments.wait is not None and (arguments.follow or not accounts):
        raise Misused("--wait needs the accounts that are waited for, and does not go with --follow")
    if arguments.follow:
        follow(path, accounts, _follower(arguments))
    show = _as_json if arguments.json else _as_screen
    if arguments.wait is not None:
        return wait(path, accounts, arguments.wait, show)
    answer = only(ask(path, "status", {}), accounts)
    show(answer)
    return exit_code(answer)


def _follower(arguments: argparse.Namespace) -> Follower:
    if arguments.json:
        return Objects()
    return Screen() if sys.stdout.isatty() else Lines()


def _as_screen(answer: Told) -> None:
    lines = screen(answer, Paper.of(sys.stdout, os.environ))
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _as_json(answer: Told) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
