"""Whether the kernel can tell us who a peer is.

In a user namespace of our own (systemd's PrivateUsers=) every user that is not mapped into it is shown as one and the
same, 65534: whoever is to be let in by name then cannot be told from anybody else. user_namespaces(7).
"""

from __future__ import annotations

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
