"""`deadman beat`: one check-in, for shell scripts."""

from __future__ import annotations

import argparse
from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM, socket

from deadman.cli.client import runtime_directory, unreachable
from deadman.cli.parser import Complaint, Misused, NotDone
from deadman.model.text import suggestion


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("watch", metavar="WATCH")


def run(arguments: argparse.Namespace) -> int:
    """One check-in, for shell scripts.

    Sent and not answered, so exit 0 says that the daemon's socket took it. Never blocks.
    """
    if "/" in arguments.watch or "\0" in arguments.watch:
        raise Misused(f"no watch can be called {arguments.watch!r}")
    path = runtime_directory(arguments.config) / "watch" / f"{arguments.watch}.sock"
    with socket(AF_UNIX, SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            sock.sendto(b"WATCHDOG=1", str(path))
        except OSError as error:
            raise _explained(path, error) from None
    return 0


def _explained(path: Path, error: OSError) -> Complaint:
    match error:
        case FileNotFoundError() if others := [other.stem for other in path.parent.glob("*.sock")]:
            # The daemon has no such socket, while it has others: the name is mistyped.
            hint = suggestion(path.stem, others) or f"there are {', '.join(sorted(others))}"
            return Misused(f'no watch "{path.stem}" at {path.parent}; {hint}')
        case FileNotFoundError() | ConnectionRefusedError() | PermissionError():
            return unreachable(path, error, "check in")
        case BlockingIOError():
            return NotDone(f"the daemon does not read {path}: it may hang; see its log")
    return NotDone(f"cannot check in at {path}: {error.strerror or error}")
