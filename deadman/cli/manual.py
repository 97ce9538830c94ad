"""The verbs about the verbs: `help`, `version` and `completion`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping

from deadman import __version__
from deadman.cli.parser import CONFIG, VERBS, parse, verb_parser
from deadman.telemetry.runbook import texts

SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    if parser.get_default("verb") == "help":
        parser.add_argument("about", nargs="?", metavar="VERB", help="this one alone")
    if parser.get_default("verb") == "completion":
        parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def run_help(arguments: argparse.Namespace) -> int:
    """What the verbs do, or one of them with its options."""
    parse([*([arguments.about] if arguments.about else []), "--help"])
    raise AssertionError("--help ends the program")


def run_version(arguments: argparse.Namespace) -> int:
    """The version of this program; `status --json` has the running daemon's."""
    sys.stdout.write(f"deadman {__version__}\n")
    return 0


def run_completion(arguments: argparse.Namespace) -> int:
    """Print a script that completes verbs, options, and the names of accounts and watches in the config.

    For this shell alone: `source <(deadman completion bash)`; in fish `deadman completion fish | source`.
    """
    sys.stdout.write({"bash": bash, "zsh": zsh, "fish": fish}[arguments.shell]())
    return 0


def _words(verb: str) -> tuple[Mapping[str, str], str]:
    """A verb's options with what they are for, and what its other arguments are called: ACCOUNT, WATCH, …"""
    actions = verb_parser(verb)[1]._actions
    options = {name: one.help or "" for one in actions for name in one.option_strings if name.startswith("--")}
    return options, next((str(one.metavar) for one in actions if not one.option_strings), "")


_NAMES = """\
    sed -n -e "s/^\\[$1\\.\\([^].\\"]*\\)\\].*/\\1/p" -e "s/^\\[$1\\.\\"\\([^\\"]*\\)\\"\\].*/\\1/p" \\
"""
_ARGUMENTS = {"ACCOUNT": "$(_deadman_names accounts)", "WATCH": "$(_deadman_names watches)"}


def _arguments(kind: str) -> str:
    """What may stand for an argument of that name, for bash."""
    known = {"VERB": VERBS, "ALERT": texts(), "SHELL": SHELLS}
    return _ARGUMENTS.get(kind) or " ".join(known.get(kind, ()))


def bash() -> str:
    words = {verb: " ".join((*_words(verb)[0], _arguments(_words(verb)[1]))).strip() for verb in VERBS}
    cases = "\n".join(f'        {verb}) words="{of_verb}" ;;' for verb, of_verb in words.items())
    return f"""\
_deadman_names() {{
{_NAMES}        "${{config:-${{DEADMAN_CONFIG:-{CONFIG}}}}}" 2>/dev/null
}}
_deadman() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} verb= config= words= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${{COMP_WORDS[i]}} in
            --config) config=${{COMP_WORDS[i + 1]}}; i=$((i + 1)) ;;
            -*) ;;
            *) [ -n "$verb" ] || verb=${{COMP_WORDS[i]}} ;;
        esac
    done
    case ${{COMP_WORDS[COMP_CWORD - 1]}} in
        --config | --directory) COMPREPLY=($(compgen -f -- "$word")); return ;;
        --for | --wait | --reason | --runbook-base) return ;;
    esac
    case $verb in
        "") words="--config --version --help {" ".join(VERBS)}" ;;
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -F _deadman deadman
"""


def zsh() -> str:
    """Bash's, which zsh can read."""
    return f"autoload -U +X compinit bashcompinit && compinit && bashcompinit\n{bash()}"


def fish() -> str:
    return "\n".join(_fish_lines()) + "\n"


def _fish_lines() -> Iterator[str]:
    yield "function _deadman_names"
    yield f"    set -l config {CONFIG}"
    yield "    set -q DEADMAN_CONFIG; and set config $DEADMAN_CONFIG"
    yield _NAMES.replace("$1", "$argv[1]").rstrip("\\\n") + "$config 2>/dev/null"
    yield "end"
    yield "complete -c deadman -f"
    yield "complete -c deadman -l config -r -F"
    for verb, (_, told) in VERBS.items():
        seen = f'complete -c deadman -n "__fish_seen_subcommand_from {verb}"'
        yield f"complete -c deadman -n __fish_use_subcommand -a {verb} -d {_quoted(told)}"
        options, kind = _words(verb)
        for option, words in options.items():
            if option not in ("--config", "--help"):
                yield f"{seen} -l {option[2:]} -d {_quoted(words)}"
        if given := _arguments(kind).replace("$(", "("):
            yield f"{seen} -a '{given}'"


def _quoted(words: str) -> str:
    return "'" + words.replace("\\", "\\\\").replace("'", "\\'") + "'"
