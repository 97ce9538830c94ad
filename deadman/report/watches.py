"""One watch in the answer of `status`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from deadman.report.times import Times
from deadman.watch import Hold, Watch


def watch_report(watch: Watch, times: Times, directory: Path | None, is_gone: Callable[[int], bool]) -> dict[str, Any]:
    """`up`: it has checked in and no goodbye was acted upon; `silence`: in seconds.

    `silent`: up, and dead, but not of one whose goodbye a hold put off: that is about to be acted upon.
    """
    sender, up = watch.sender, watch.counted_from is not None and watch.goodbye_at is None
    return {
        "alive": watch.alive(times.now),
        "up": up,
        "silent": up and watch.stopping_at is None and not watch.alive(times.now),
        "goodbye_at": times.timestamp_or_none(watch.goodbye_at),
        "silence": _silence(watch, times.now),
        "timeout": watch.timeout,
        "last_check_in": times.timestamp_or_none(watch.last_check_in_at),
        "check_ins": watch.check_ins,
        "ignored": watch.ignored,
        "pid": sender.pid if sender else None,
        "uid": sender.uid if sender else None,
        "process_gone": sender is not None and is_gone(sender.pid),
        "status": watch.status,
        "held": watch.held(times.now),
        "hold": _hold(watch.hold, times) if watch.hold and watch.held(times.now) else None,
        "path": str(directory / f"{watch.name}.sock") if directory else None,
    }


def _silence(watch: Watch, now: float) -> float | None:
    """Since the last check-in of this run, else since silence is counted; None: it never was up."""
    heard = watch.last_check_in_at if watch.last_check_in_at is not None else watch.counted_from
    return None if heard is None else round(max(0.0, now - heard), 3)


def _hold(hold: Hold, times: Times) -> dict[str, Any]:
    return {"until": times.timestamp(hold.until), "by": hold.by, "reason": hold.reason}
