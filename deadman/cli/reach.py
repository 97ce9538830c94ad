"""Where the daemon is: from `[daemon]` of the config alone, so that no secret is needed."""

from __future__ import annotations

import grp
import os
from pathlib import Path

from deadman.cli.parser import CONFIG
from deadman.config.directories import runtime_directory_of_client
from deadman.config.load import load_daemon


def control_socket(config: Path) -> Path:
    """Raises Faults when the config cannot be read."""
    return runtime_directory(config) / "control.sock"


def watch_directory(config: Path) -> Path:
    """Raises Faults when the config cannot be read."""
    return runtime_directory(config) / "watch"


def runtime_directory(config: Path) -> Path:
    """A bot may be shut out from the usual config; then the usual directory is the best guess."""
    if config == CONFIG and not os.access(config, os.R_OK):
        return runtime_directory_of_client(os.environ)
    return load_daemon(config, os.environ).runtime_directory


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
