"""Where the sockets and the state live when the config does not say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

RUNTIME = Path("/run/deadman")
STATE = Path("/var/lib/deadman")
SOCKET_PATH_LIMIT = 107  # bytes: sun_path of unix(7), less its closing zero


def runtime_directory(environment: Mapping[str, str], system: Path = RUNTIME) -> Path:
    """For the daemon: systemd's, the system's if it is or can be ours, else the user's."""
    own = _under(environment.get("XDG_RUNTIME_DIR"))
    return _from_systemd(environment, "RUNTIME_DIRECTORY") or _ours_or(own, system)


def runtime_directory_of_client(environment: Mapping[str, str], system: Path = RUNTIME) -> Path:
    """For those who talk to the daemon: where one listens, since they need not be able to write there."""
    own = _under(environment.get("XDG_RUNTIME_DIR"))
    given = _from_systemd(environment, "RUNTIME_DIRECTORY")
    listening = (place for place in (system, own) if place and _may_hold(place / "control.sock"))
    return given or next(listening, None) or runtime_directory(environment, system)


def state_directory(environment: Mapping[str, str], system: Path = STATE) -> Path:
    home = _under(environment.get("HOME"), ".local/state/deadman")
    own = _under(environment.get("XDG_STATE_HOME")) or home
    return _from_systemd(environment, "STATE_DIRECTORY") or _ours_or(own, system)


def _from_systemd(environment: Mapping[str, str], name: str) -> Path | None:
    """systemd names all directories of a unit, colon-separated; the first is ours."""
    first = environment.get(name, "").partition(":")[0]
    return Path(first) if first else None


def _ours_or(own: Path | None, system: Path) -> Path:
    # Not Path.exists(), which raises where one may not look: a dynamic user's state lies behind /var/lib/private.
    place = system if os.path.exists(system) else system.parent
    writable = os.access(place, os.W_OK | os.X_OK)
    # Without a place of our own the system's stays the answer: systemd will make it.
    return system if writable or own is None else own


def _under(parent: str | None, name: str = "deadman") -> Path | None:
    """XDG: a relative path counts as not set."""
    return Path(parent) / name if parent and os.path.isabs(parent) else None


def _may_hold(path: Path) -> bool:
    """Whether `path` exists; also when we are not let in to see, for then it is the better thing to complain of."""
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True
