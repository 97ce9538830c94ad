"""`python -m deadman`, and the `deadman` command.

A bot's script may run `deadman beat` every second, so that a plain one that succeeds is done here, with nothing
imported that takes long: in a fifth of the time. Whatever is not plain goes to the command line, which has the words.
"""

from __future__ import annotations

import _socket  # the module `socket` takes half as long again as the interpreter itself
import os
import sys
from collections.abc import Sequence

CONFIG, RUNTIME = "/etc/deadman/config.toml", "/run/deadman"
KEY = "runtime_directory"


def main(argv: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else list(argv)
    if beat(arguments):
        return 0
    try:
        from deadman.cli import main as command_line
    except KeyboardInterrupt:
        return 130

    return command_line(arguments)


def beat(arguments: Sequence[str]) -> bool:
    """Whether it is a plain `beat WATCH` and the daemon's socket has taken it."""
    words, config = list(arguments), os.environ.get("DEADMAN_CONFIG") or CONFIG
    if "--config" in words[:-1]:
        at = words.index("--config")
        config = words[at + 1]
        del words[at : at + 2]
    if len(words) != 2 or words[0] != "beat" or words[1].startswith("-") or "/" in words[1]:
        return False
    directory = _runtime_directory(config)
    if directory is None:
        return False
    sender = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_NONBLOCK)
    try:
        sender.sendto(b"WATCHDOG=1", f"{directory}/watch/{words[1]}.sock")
    except (OSError, ValueError):
        return False
    finally:
        sender.close()
    return True


def _runtime_directory(config: str) -> str | None:
    """Where the daemon's sockets are, by the one line of the config that says so, or where they usually are.

    None where that is not as plain as it nearly always is: in another table, in several lines, relative, or escaped.
    """
    try:
        with open(config, encoding="utf-8") as file:
            lines = [line.strip() for line in file if KEY in line or line.lstrip().startswith("[")]
    except PermissionError:
        if config != CONFIG:
            return None
        lines = []
    except (OSError, ValueError):
        return None
    named = [number for number, line in enumerate(lines) if KEY in line and not line.startswith("#")]
    if not named:
        usual = not os.environ.get("RUNTIME_DIRECTORY") and os.path.exists(f"{RUNTIME}/control.sock")
        return RUNTIME if usual else None
    tables = [line for line in lines[: named[0]] if line.startswith("[")]
    key, _, value = lines[named[0]].partition("=")
    quote, _, rest = value.strip().partition('"')
    directory, closed, rest = rest.partition('"')
    is_plain = closed and not quote and "\\" not in directory and directory.startswith("/")
    in_place = tables[-1:] == ["[daemon]"] and key.strip() == KEY and rest.strip()[:1] in ("", "#")
    return directory if len(named) == 1 and is_plain and in_place else None


if __name__ == "__main__":
    sys.exit(main())
