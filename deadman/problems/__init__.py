"""What somebody must act on, the worst first, each with what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from deadman.problems.accounts import accounts
from deadman.problems.bots import bots, dead_bots
from deadman.problems.told import Told, gathered


def problems(answer: Told) -> list[str]:
    """Sentences; none when all is fine."""
    dead = set(dead_bots(answer))
    return [*bots(answer, dead), *accounts(answer, dead), *_traded(answer), *_daemon(answer)]


def _traded(answer: Told) -> Iterator[str]:
    """After an operator's trip only `arm` re-arms, and a bot may not know that nobody guards it."""
    told = {}
    for name, account in answer["accounts"].items():
        alive = [watch for watch in account["watches"] if answer["watches"].get(watch, {}).get("alive")]
        if account["phase"] == "tripped" and account["trip"]["cause"] == "operator" and alive:
            told[name] = (
                f"tripped, but {' and '.join(alive)} lives on, and what it places now is not guarded: "
                "stop it, or `deadman arm`"
            )
    yield from gathered(told)


def _daemon(answer: Told) -> Iterator[str]:
    if fault := answer.get("state_fault"):
        yield (
            f"deadman cannot write its state ({fault}): a restart would forget the latest trips, disarms and holds. "
            "Mend the disk below state_directory before you restart it"
        )
