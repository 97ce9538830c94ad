"""What the kernel tells us of a peer: who it is, where it can, and whether it still runs.

In a user namespace of our own (systemd's PrivateUsers=) every user that is not mapped into it is shown as one and the
same, 65534: whoever is to be let in by name then cannot be told from anybody else. user_namespaces(7).
"""

from __future__ import annotations

import os
from pathlib import Path

HINT = "PrivateUsers= of our unit hides it from us: install systemd/drop-ins/operators.conf"

_UID_MAP = Path("/proc/self/uid_map")


def is_hidden(uid: int, uid_map: Path = _UID_MAP) -> bool:
    """Whether processes of this user reach us without their name; where there is no map, nobody is hidden."""
    try:
        lines = uid_map.read_text().splitlines()
    except OSError:
        return False
    spans = (tuple(map(int, line.split())) for line in lines)
    return not any(inside <= uid < inside + count for inside, _, count in spans)


def is_gone(pid: int) -> bool:
    """Whether that process is known to have ended. A number used again reads as alive, which is the safe side."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return pid > 0
    except OSError:
        return False
    return False
