"""`deadman status --wait`: for a bot's ExecStartPre=, which must not trade before the switch is proven."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deadman.cli.answer import only
from deadman.cli.client import ask
from deadman.cli.complaint import Failed, Unreachable
from deadman.cli.states import state
from deadman.problems.told import Told

PACE = 0.2
"""Seconds between looks."""

_PATIENCE = 2.0


def wait(path: Path, accounts: Sequence[str], seconds: float, show: Callable[[Told], None]) -> int:
    """0 once all are proven, looked at at least once.

    Raises when that takes longer than `seconds`: Unreachable where no daemon answers at the end, else Failed.
    """
    deadline, hinted = time.monotonic() + seconds, False
    while True:
        answer, missing = _look(path, accounts)
        if answer is not None and not missing:
            show(answer)
            return 0
        if answer is not None and not hinted:
            hinted = _hint(answer)
        if time.monotonic() >= deadline:
            late = f"not within {seconds:g} s: {'; '.join(missing)}"
            if answer is None:
                raise Unreachable(late)
            show(answer)
            raise Failed(late)
        time.sleep(min(PACE, max(deadline - time.monotonic(), 0.0)))


def _look(path: Path, accounts: Sequence[str]) -> tuple[Told | None, list[str]]:
    """The answer if there is one, and what is missing."""
    try:
        answer = only(ask(path, "status", {}, _PATIENCE), accounts)
    except Unreachable as error:
        return None, [str(error)]
    return answer, list(_missing(answer))


def _missing(answer: Told) -> Iterator[str]:
    for name, account in answer["accounts"].items():
        if not account["protected"] and not _awaits_its_bot(account, answer["timestamp"]):
            yield f"{name} is {state(account, answer['timestamp'])}"


def _awaits_its_bot(account: Mapping[str, Any], now: float) -> bool:
    """Tripped by its bot's death, and the switch proven all the same: who waits here is what it waits for."""
    trip, expiry = account["trip"], account["expiry"]
    proven = account["venue"] == "deribit" and expiry is not None and expiry > now
    return account["phase"] == "tripped" and trip["cause"] != "operator" and proven


def _hint(answer: Told) -> bool:
    """Said once and at once: whoever is waited for must not wait."""
    bots = {
        name for account in answer["accounts"].values() if account["phase"] == "waiting" for name in account["watches"]
    }
    if bots:
        sys.stderr.write(f"deadman: SX Bet is armed only after {' and '.join(sorted(bots))} checks in\n")
    return bool(bots)
