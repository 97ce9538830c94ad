"""Where the daemon is: from `[daemon]` of the config alone, so that no secret is needed, nor a valid config."""

from __future__ import annotations

import grp
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from deadman.cli.parser import CONFIG
from deadman.config.directories import runtime_directory_of_client
from deadman.config.fault import Faults
from deadman.config.load import load_daemon
from deadman.spoken import plain

_KEY = re.compile(r"""^[^#\n]*?\bruntime_directory["']?\s*=\s*(?P<value>[^\n]*)""", re.MULTILINE)
_LARGEST = 2**20
"""Bytes of a broken config that are looked through."""


def control_socket(config: Path) -> Path:
    """Raises Faults as `runtime_directory` does."""
    return runtime_directory(config) / "control.sock"


def watch_directory(config: Path) -> Path:
    """Raises Faults as `runtime_directory` does."""
    return runtime_directory(config) / "watch"


def runtime_directory(config: Path) -> Path:
    """Where the daemon's sockets are. Raises Faults only for a config that cannot be read at all.

    A daemon goes on with the config that was in force while the one on disk is broken: who cannot find it then lets a
    living bot look dead, and cannot trip. So a faulty config is searched for the one line that matters, and that is
    told. The usual config may be missing, or a bot shut out from it: then the usual directory is the best guess. One
    that was named and is not there is a mistake of who named it.
    """
    if config == CONFIG and not os.access(config, os.R_OK):
        found = runtime_directory_of_client(os.environ)
        if _is_missing(config):
            sys.stderr.write(f"deadman: {config}: no such file\n{_looking_in(found)}")
        return found
    try:
        return load_daemon(config, os.environ).runtime_directory
    except Faults as faults:
        text = _text(config)
        if text is None:
            raise
        found = _most_likely([*_named(text), runtime_directory_of_client(os.environ)])
        sys.stderr.write(f"deadman: {faults.faults[0]}\n{_looking_in(found)}")
        return found


def _is_missing(path: Path) -> bool:
    """Whether it is not there, rather than out of our sight."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _looking_in(directory: Path) -> str:
    return f"deadman: looking for the daemon in {plain(str(directory))}\n"


def _text(config: Path) -> str | None:
    """A regular file's, whatever is wrong with it; None where nothing can be read."""
    try:
        if not config.is_file():
            return None
        with config.open("rb") as file:
            return file.read(_LARGEST).decode("utf-8", "replace")
    except OSError:
        return None


def _named(text: str) -> Iterator[Path]:
    """The directories that lines of a broken config name, each read by itself."""
    for match in _KEY.finditer(text):
        value = _value(match["value"])
        if value and "\0" not in value:
            yield Path(value)


def _value(given: str) -> str:
    """A string as TOML writes it, with whatever stands behind it; what is not even that, up to a quote or comment."""
    quoted = re.match(r"""("(?:[^"\\]|\\.)*"|'[^']*')""", given)
    try:
        return str(tomllib.loads(f"value = {quoted[0]}")["value"]) if quoted else _bare(given)
    except tomllib.TOMLDecodeError:
        return _bare(given)


def _bare(given: str) -> str:
    return re.split(r"""["'#]""", given.strip().lstrip("\"'"))[0].strip()


def _most_likely(places: Sequence[Path]) -> Path:
    """The first in which a daemon has made a socket, else the first."""
    return next((place for place in places if os.path.exists(place / "control.sock")), places[0])


def who_may(path: Path) -> str:
    """Which group opens the way to `path`: its own, or where we cannot even see it, the closed directory's."""
    for place in (path, *path.parents):
        try:
            group = place.stat().st_gid
        except OSError:
            continue
        return _joining(group)
    return "be root"


def _joining(group: int) -> str:
    try:
        return f"join the group {grp.getgrgid(group).gr_name}, or be root"
    except KeyError:
        return f"join the group {group}, or be root"
