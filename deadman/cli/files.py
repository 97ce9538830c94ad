"""The verbs that print a file: `config`, `init`, `dashboard`, `rules` and `runbook`."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from importlib.resources import files

from deadman.cli.parser import Misused
from deadman.config.describe import effective_text, example, foreground_example, reference
from deadman.config.load import load
from deadman.model.text import closest
from deadman.telemetry.runbook import TEXT, folded, texts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    if parser.get_default("verb") == "config":
        told = "every key there is: its values, default and meaning"
        parser.add_argument("--reference", action="store_true", help=told)
    if parser.get_default("verb") == "init":
        told = "for a first try in a terminal: secrets are files, and the directories stand beside the config"
        parser.add_argument("--testnet", action="store_true", help=told)
    if parser.get_default("verb") == "rules":
        told = "where the runbook stands that alerts lead to; default: the page of the daemon that was scraped"
        parser.add_argument("--runbook-base", type=base_url, metavar="URL", help=told)
    if parser.get_default("verb") == "runbook":
        parser.add_argument("alert", nargs="?", metavar="ALERT", help="this one alone")


def run_config(arguments: argparse.Namespace) -> int:
    """Print the config as it takes effect: defaults filled in, secrets as ***."""
    sys.stdout.write(reference() if arguments.reference else effective_text(load(arguments.config, os.environ)))
    return 0


def run_init(arguments: argparse.Namespace) -> int:
    """Print a commented config to start from; change it until `deadman check` is content."""
    sys.stdout.write(foreground_example() if arguments.testnet else example())
    return 0


def run_dashboard(arguments: argparse.Namespace) -> int:
    """Print a dashboard for Grafana (10 or newer), to be imported there or provisioned as a file.

    It asks which Prometheus to read from.
    """
    sys.stdout.write(packaged("dashboard.json"))
    return 0


def run_rules(arguments: argparse.Namespace) -> int:
    """Print alert and recording rules for Prometheus (2.42 or newer), to be saved as a rule file.

    They expect a scrape job named `deadman`.
    """
    rules = packaged("rules.yml")
    if arguments.runbook_base is not None:
        rules = RUNBOOK_URL.sub(lambda found: f"runbook_url: '{arguments.runbook_base}#{found['anchor']}'", rules)
    sys.stdout.write(rules)
    return 0


RUNBOOK_URL = re.compile(r"runbook_url: '[^']*/runbook#(?P<anchor>\w+)'")


def base_url(text: str) -> str:
    """An address to which an alert's anchor is put. Raises argparse.ArgumentTypeError in words."""
    if not re.fullmatch(r"https?://[^\s'\"{}#]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no address: write https://HOST/PATH, without a #")
    return text


def run_runbook(arguments: argparse.Namespace) -> int:
    """Print what each alert means and what to do, or of the one that is named."""
    text = TEXT if arguments.alert is None else _of_alert(arguments.alert)
    width = min(shutil.get_terminal_size().columns, 100)
    sys.stdout.write(folded(text, width) + "\n" if sys.stdout.isatty() else text.removeprefix("## "))
    return 0


def _of_alert(spelled: str) -> str:
    wanted = spelled.lower()
    name = next((one for one in texts() if one.lower() in (wanted, f"deadman{wanted}")), None)
    if name is None:
        known = {one.lower().removeprefix("deadman"): one for one in texts()}
        near = closest(wanted.removeprefix("deadman"), known)
        hint = f'did you mean "{known[near]}"?' if near else "`deadman runbook` has them all"
        raise Misused(f'no alert "{spelled}"; {hint}')
    return f"## {name}\n{texts()[name]}\n"


def packaged(name: str) -> str:
    return files("deadman.telemetry").joinpath(name).read_text(encoding="utf-8")
