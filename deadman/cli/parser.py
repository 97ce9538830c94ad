"""Which verb, with which arguments. Only the verb that was typed is imported."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import fill

from deadman import __version__
from deadman.model.text import suggestion


class Complaint(Exception):
    """Something was not done. Never raised itself; raise one of its leaves."""

    exit_code = 1


class NotDone(Complaint):
    """It was tried or refused, and is not done."""


class Misused(Complaint):
    """What was typed cannot be meant."""

    exit_code = 2


class Unreachable(Complaint):
    """The daemon cannot be talked to."""

    exit_code = 69


CONFIG = Path("/etc/deadman/config.toml")

VERBS: Mapping[str, tuple[str, str]] = {
    "run": ("deadman.cli.run", "the daemon, in the foreground"),
    "check": ("deadman.cli.check", "every fault of the config at once, and what it promises"),
    "status": ("deadman.cli.status", "what is proven, and what happens if the bot or the host dies now"),
    "arm": ("deadman.cli.operate", "end a disarm, or re-arm after an operator's trip"),
    "disarm": ("deadman.cli.operate", "switch accounts off, keeping their orders"),
    "trip": ("deadman.cli.operate", "cancel the orders of accounts now"),
    "hold": ("deadman.cli.operate", "planned work on a bot: no trips for a while"),
    "release": ("deadman.cli.operate", "end a hold"),
    "drill": ("deadman.cli.operate", "prove that the switch fires, by letting it fire"),
    "history": ("deadman.cli.status", "what has happened since the daemon's start"),
    "beat": ("deadman.cli.beat", "one check-in, for shell scripts"),
    "demo": ("deadman.simulator.demo", "simulated venues and the daemon on loopback, telling their story"),
    "simulate": ("deadman.simulator.simulate", "the simulated venues alone"),
    "config": ("deadman.cli.files", "the effective config, secrets as ***"),
    "init": ("deadman.cli.files", "a commented config to start from"),
    "rules": ("deadman.cli.files", "Prometheus alert rules"),
    "dashboard": ("deadman.cli.files", "a Grafana dashboard"),
    "metrics": ("deadman.cli.metrics", "every metric, its labels and its meaning"),
    "runbook": ("deadman.cli.files", "what each alert means, and what to do"),
    "completion": ("deadman.cli.manual", "completion for bash, zsh or fish"),
    "help": ("deadman.cli.manual", "what the verbs do"),
    "version": ("deadman.cli.manual", "the version of this program"),
}
"""For each verb the module that it is in, and what it does.

There `run`, or `run_VERB` where it has several, returns the exit code and raises Complaint or Faults; its docstring is
what `--help` tells of the verb. `add_arguments`, where there are any, finds the verb in the parser's default of `verb`.
"""


def parse(argv: Sequence[str]) -> tuple[Callable[[argparse.Namespace], int], argparse.Namespace]:
    """What runs the verb, and its arguments, `config` among them. Raises Misused and, as argparse does, SystemExit."""
    top = _top().parse_args(argv)
    if top.verb is None:
        raise Misused(f"what is to be done? One of {', '.join(VERBS)}; `deadman --help` says what they do")
    if top.verb not in VERBS:
        hint = suggestion(top.verb, VERBS) or f"there are {', '.join(VERBS)}"
        raise Misused(f'no verb "{top.verb}"; {hint}')
    run, parser = verb_parser(top.verb, top.config)
    # Intermixed, so that `status desk --wait 30 maker` is understood as it reads.
    return run, parser.parse_intermixed_args(_joined(top.rest))


def verb_parser(
    verb: str, config: Path = CONFIG
) -> tuple[Callable[[argparse.Namespace], int], argparse.ArgumentParser]:
    """What runs a verb of VERBS, and the parser of what stands behind it."""
    module = importlib.import_module(VERBS[verb][0])
    run = getattr(module, f"run_{verb}", None) or module.run
    parser = argparse.ArgumentParser(f"deadman {verb}", description=run.__doc__, allow_abbrev=False)
    told = f"the config; default: $DEADMAN_CONFIG, else {CONFIG}"
    parser.add_argument("--config", type=Path, metavar="FILE", default=config, help=told)
    parser.set_defaults(verb=verb)
    if hasattr(module, "add_arguments"):
        module.add_arguments(parser)
    return run, parser


def _joined(words: Sequence[str]) -> list[str]:
    """`--for -5m` as one word: a negative span is then told of as such, and not taken for an option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in ("--for", "--wait") and re.match(r"-[\d.]", word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _top() -> argparse.ArgumentParser:
    width = max(shutil.get_terminal_size().columns - 2, 40)
    verbs = "\n".join(
        fill(words, width, initial_indent=f"  {name:<12}", subsequent_indent=" " * 14)
        for name, (_, words) in VERBS.items()
    )
    parser = argparse.ArgumentParser(
        "deadman",
        usage="deadman [--config FILE] VERB …",
        description="The dead-man's switch of a trading desk.",
        epilog=f"verbs (`deadman VERB --help` tells more):\n{verbs}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    config = Path(os.environ.get("DEADMAN_CONFIG") or CONFIG)
    parser.add_argument(
        "--config", type=Path, metavar="FILE", default=config, help=f"default: $DEADMAN_CONFIG, else {CONFIG}"
    )
    parser.add_argument("-V", "--version", action="version", version=f"deadman {__version__}")
    parser.add_argument("verb", nargs="?", metavar="VERB", help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


_SPAN = re.compile(r"(?:(?P<h>\d{1,6})h)?(?:(?P<m>\d{1,6})m)?(?:(?P<s>\d{1,9}(?:\.\d{1,3})?)s)?", re.ASCII)
_BARE = re.compile(r"\d{1,9}(?:\.\d{1,3})?", re.ASCII)

SPELLED = "90s, 15m, 1h30m; a bare number is seconds"


def span_or_zero(text: str) -> float:
    """Seconds, for a wait, which may be 0: look once. Raises argparse.ArgumentTypeError in words, as argparse wants."""
    if _BARE.fullmatch(text):
        return float(text)
    found = _SPAN.fullmatch(text) if text else None
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no span: write {SPELLED}")
    return 3600 * float(found["h"] or 0) + 60 * float(found["m"] or 0) + float(found["s"] or 0)


def span(text: str) -> float:
    """The same, but more than 0."""
    seconds = span_or_zero(text)
    if seconds == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no span of time: write {SPELLED}")
    return seconds
