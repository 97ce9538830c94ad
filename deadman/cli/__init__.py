"""The command line: one file a verb, each loaded only when it is asked for."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from deadman.cli.complaint import Complaint
from deadman.cli.parser import parse
from deadman.config.fault import Faults

INTERRUPTED = 130
PIPE_BROKEN = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; its exit code (contract, section 1). A user's mistake is told in words, a bug as it is."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a poor locale must not cost anybody the message
    try:
        code = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has left, `| head` for instance; without this the interpreter would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_BROKEN
    return code


def _run(argv: Sequence[str]) -> int:
    try:
        verb, arguments = parse(argv)
        return verb.run(arguments)
    except Faults as faults:
        sys.stderr.write(f"{faults}\n")
        return faults.exit_code
    except Complaint as complaint:
        sys.stderr.write(f"deadman: {complaint}\n")
        return complaint.exit_code
