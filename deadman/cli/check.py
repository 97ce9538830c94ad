"""`deadman check`: the config judged, and the verdict told."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from deadman.config.advice import advice, as_the_service, late_watchdog, unit_texts, watchdog_seconds
from deadman.config.document import Fault, Faults
from deadman.config.load import read
from deadman.config.secrets import check_sources
from deadman.model.promise import SLOW_START, promise, start_length
from deadman.model.settings import Config
from deadman.venues.venue import Look


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--online", action="store_true", help="also log in and look; changes nothing")
    parser.add_argument("--json", action="store_true", help="everything on stdout, as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Tell every fault of the config at once, and per account what it promises."""
    verdict = judge(arguments.config, os.environ, interpreter(), watchdog_seconds(unit_texts()))
    if arguments.online and verdict.config is not None and not verdict.faults:
        # Imported late: nobody who checks a file should wait for the network's libraries to load.
        online = importlib.import_module("deadman.cli.online")
        verdict = replace(verdict, looks=online.look(verdict.config, os.environ))
    if arguments.json:
        sys.stdout.write(f"{as_json(verdict)}\n")
    else:
        sys.stderr.writelines(f"{fault}\n" for fault in verdict.faults)
        sys.stderr.writelines(f"not verifiable here: {fault}\n" for fault in verdict.unverifiable)
        if arguments.online and verdict.unverifiable:
            sys.stderr.write(f"{as_the_service(arguments.config, ['check', '--online'])}\n".lstrip())
        sys.stderr.writelines(f"warning: {warning}\n" for warning in verdict.warnings)
        sys.stdout.writelines(f"{line}\n" for line in report(verdict))
    return verdict.exit_code


def judge(path: Path, environment: Mapping[str, str], python: frozenset[str], watchdog: float | None = None) -> Checked:
    """Everything that can be said without the network.

    `python` names the paths the interpreter runs from; `watchdog` is WatchdogSec= of the installed unit, if any.
    """
    try:
        reading = read(path, environment)
    except Faults as unreadable:
        return Checked(path, faults=unreadable.faults)
    secrets = check_sources(path, reading.secrets, environment)
    faults = Faults((*reading.faults, *secrets.faults)).faults
    if reading.config is None:
        return Checked(path, None, faults, secrets.unverifiable)
    config = reading.config
    warnings = (*advice(config, python), *late_watchdog(config, watchdog))
    host_timeout = None if config.cluster is None else config.cluster.host_timeout
    promised = {name: promise(one, config.watches, host_timeout) for name, one in config.accounts.items()}
    promises = {name: one.sentences() for name, one in promised.items()}
    return Checked(path, config, faults, secrets.unverifiable, warnings, promises)


def interpreter() -> frozenset[str]:
    """The paths that this Python runs from; all of them must be in the service's sight."""
    return frozenset({sys.executable, os.path.realpath(sys.executable), sys.prefix, sys.base_prefix})


@dataclass(frozen=True, slots=True)
class Checked:
    """`config` is None when it is not valid; `promises` and `looks` are by account."""

    path: Path
    config: Config | None = None
    faults: tuple[Fault, ...] = ()
    unverifiable: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()
    promises: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    looks: Mapping[str, Look] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        if self.faults:
            return Faults(self.faults).exit_code
        return 0 if all(look.fine for look in self.looks.values()) else 1


def report(verdict: Checked) -> Iterator[str]:
    """Lines for stdout; none while anything is wrong with the file."""
    if verdict.faults or verdict.config is None:
        return
    yield f"{verdict.path} is valid"
    seconds, words = start_length(verdict.config.accounts.values())
    if seconds >= SLOW_START:
        yield f"a start takes about {seconds:.0f} s until the last account is proven: {words}"
    for name, account in verdict.config.accounts.items():
        yield ""
        yield f"{name} ({account.venue}, {account.network})"
        yield from (f"  {sentence}" for sentence in verdict.promises[name])
        if look := verdict.looks.get(name):
            yield f"  {'fine' if look.fine else 'ACT'}"
            yield from (f"    {sentence}" for sentence in look.said)
    for name in verdict.looks.keys() - verdict.config.accounts.keys():
        look = verdict.looks[name]
        yield from ("", name, f"  {'fine' if look.fine else 'ACT'}", *(f"    {sentence}" for sentence in look.said))


def as_json(verdict: Checked) -> str:
    told = {
        "path": str(verdict.path),
        "valid": not verdict.faults,
        "exit_code": verdict.exit_code,
        "faults": list(map(_fault, verdict.faults)),
        "unverifiable": list(map(_fault, verdict.unverifiable)),
        "warnings": verdict.warnings,
        "promises": verdict.promises,
        "online": {name: {"fine": look.fine, "sentences": look.said} for name, look in verdict.looks.items()},
    }
    return json.dumps(told, indent=2)


def _fault(fault: Fault) -> dict[str, Any]:
    return {**asdict(fault), "path": str(fault.path), "text": str(fault)}
