"""`deadman check`: every fault of a config at once, and what a valid one promises."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from deadman.cli.verdict import Look, Verdict, as_json, complaints, report
from deadman.config.advice import advice
from deadman.config.fault import Faults
from deadman.config.load import read
from deadman.config.schema import Config
from deadman.config.secrets import check_sources
from deadman.promise import promise
from deadman.unit import early_watchdog, unit_texts, watchdog_seconds

_ONLINE = "deadman.cli.online"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Tell every fault of the config at once, and per account what it promises."
    parser.add_argument("--online", action="store_true", help="also log in and look; changes nothing")
    parser.add_argument("--json", action="store_true", help="everything on stdout, as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    verdict = judge(arguments.config, os.environ, interpreter(), watchdog_seconds(unit_texts()))
    if arguments.online and verdict.config is not None and not verdict.faults:
        verdict = replace(verdict, looks=_look(verdict.config))
    if arguments.json:
        sys.stdout.write(f"{as_json(verdict)}\n")
    else:
        sys.stderr.writelines(f"{line}\n" for line in complaints(verdict))
        sys.stdout.writelines(f"{line}\n" for line in report(verdict))
    return verdict.exit_code


def judge(path: Path, environment: Mapping[str, str], python: frozenset[str], watchdog: float | None = None) -> Verdict:
    """Everything that can be said without the network.

    `python` names the paths the interpreter runs from; `watchdog` is WatchdogSec= of the installed unit, if any.
    """
    try:
        reading = read(path, environment)
    except Faults as unreadable:
        return Verdict(path, faults=unreadable.faults)
    secrets = check_sources(path, reading.secrets, environment)
    faults = Faults((*reading.faults, *secrets.faults)).faults
    if reading.config is None:
        return Verdict(path, None, faults, secrets.unverifiable)
    warnings = (*advice(reading.config, python), *early_watchdog(reading.config, watchdog))
    return Verdict(path, reading.config, faults, secrets.unverifiable, warnings, _promises(reading.config))


def interpreter() -> frozenset[str]:
    """The paths that this Python runs from; all of them must be in the service's sight."""
    return frozenset({sys.executable, os.path.realpath(sys.executable), sys.prefix, sys.base_prefix})


def _promises(config: Config) -> Mapping[str, tuple[str, ...]]:
    return {name: promise(account, config.watches).sentences() for name, account in config.accounts.items()}


def _look(config: Config) -> Mapping[str, Look]:
    # Lazily: nobody who checks a file should wait for the network's libraries to load.
    looks: Mapping[str, Look] = importlib.import_module(_ONLINE).look(config, os.environ)
    return looks
