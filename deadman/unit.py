"""Our own systemd unit, as it is installed here, and whether its watchdog suits a config. systemd.time(7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from deadman.config.schema import Config, DeribitAccount

GRACE = 10.0
"""Seconds that Deribit waits for the answer to a test request before it closes the connection."""

UNIT_DIRECTORIES = (Path("/usr/lib/systemd/system"), Path("/run/systemd/system"), Path("/etc/systemd/system"))
"""The later ones override; see systemd.unit(5)."""

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")
_UNITS = {"us": 1e-6, "ms": 1e-3, "": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "hr": 3600.0}


def unit_texts(directories: Iterable[Path] = UNIT_DIRECTORIES, name: str = "deadman.service") -> list[str]:
    """The installed unit and then its drop-ins; nothing where it is not installed."""
    places = list(directories)
    units = [place / name for place in places]
    drop_ins = sorted((path for unit in units for path in Path(f"{unit}.d").glob("*.conf")), key=lambda path: path.name)
    main = [unit for unit in units if unit.is_file()][-1:]
    return [path.read_text(encoding="utf-8", errors="replace") for path in (*main, *drop_ins)]


def watchdog_seconds(texts: Iterable[str]) -> float | None:
    """WatchdogSec= as the last of them says; None where none does, and where there is no watchdog."""
    said = [value for text in texts for value in re.findall(r"^\s*WatchdogSec\s*=(.*)$", text, re.MULTILINE)]
    spans = _SPAN.findall(said[-1].strip()) if said else []
    if not all(unit in _UNITS for _, unit in spans):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in spans) or None


def early_watchdog(config: Config, watchdog: float | None) -> Iterator[str]:
    """Told where systemd would end us before Deribit ended a silent session.

    A kill ends every session at once. SX Bet is not asked: its leases outlive the restart.
    """
    deadlines = {
        account.name: account.heartbeat_interval + GRACE
        for account in config.accounts.values()
        if isinstance(account, DeribitAccount)
    }
    if watchdog is None or not deadlines:
        return
    name = min(deadlines, key=lambda name: deadlines[name])
    if watchdog < deadlines[name]:
        yield (
            f"WatchdogSec={watchdog:g} of deadman.service: systemd would kill a stalled daemon, and with it every "
            f"session, before Deribit gave up the first ({name}, after {deadlines[name]:g} s); raise it to that"
        )
