"""The command line: one file a verb, each loaded only when it is asked for."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence

from deadman.cli.parser import Complaint, NotDone, parse
from deadman.config.document import Faults

INTERRUPTED = 130
PIPE_BROKEN = 141
_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; its exit code. A user's mistake is told in words, a bug as it is."""
    # Started with `>&-` a stream is None; what is said then goes nowhere, and the exit code still holds.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a poor locale must not cost anybody the message
    try:
        code = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()  # whoever read us has left, `| head` for instance
        return PIPE_BROKEN
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        _drop_stdout()
        sys.stderr.write(f"deadman: the answer cannot be written: {error.strerror}\n")
        return NotDone.exit_code
    return code


def _drop_stdout() -> None:
    """What is left unwritten is dropped; without this the interpreter would complain of it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(argv: Sequence[str]) -> int:
    try:
        run, arguments = parse(argv)
        return run(arguments)
    except Faults as faults:
        sys.stderr.write(f"{faults}\n")
        return faults.exit_code
    except Complaint as complaint:
        sys.stderr.write(f"deadman: {complaint}\n")
        return complaint.exit_code
