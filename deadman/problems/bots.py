"""The bots that are dead. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deadman.problems.told import Problem, Told, Urgency
from deadman.spoken import left

NAMED = 3
"""So many dead bots are told of one by one; of more, so many are named in one line: a host's death takes all of its."""


def dead_bots(answer: Told) -> Iterator[str]:
    """The bots that are dead and on which an account hangs that is not switched off; who said goodbye is not dead."""
    for name, watch in answer["watches"].items():
        hangs = any(
            name in account["watches"] and account["phase"] != "disarmed" for account in answer["accounts"].values()
        )
        if watch["silent"] and not watch["held"] and hangs:
            yield name


def bot_problems(answer: Told, dead: set[str]) -> Iterator[Problem]:
    """What is said of the dead ones."""
    if len(dead) <= NAMED:
        yield from (Problem(Urgency.DEAD_BOT, _one(name, answer["watches"][name])) for name in sorted(dead))
    else:
        yield Problem(Urgency.DEAD_BOT, _many(sorted(dead), [answer["watches"][name] for name in dead]))


def _one(name: str, watch: Told) -> str:
    process = "" if not watch["pid"] else f", pid {watch['pid']} {'gone' if watch['process_gone'] else 'still there'}"
    return f"bot {name} is dead: silent {left(watch['silence'] or 0.0)}{process}"


def _many(names: Sequence[str], watches: Sequence[Told]) -> str:
    silences = [watch["silence"] or 0.0 for watch in watches]
    gone = sum(bool(watch["process_gone"]) for watch in watches)
    processes = f", {gone} of their processes gone" if gone else ""
    named = f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    return f"bots {named} are dead: silent {left(min(silences))} to {left(max(silences))}{processes}"
