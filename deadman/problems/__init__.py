"""What somebody must act on, the most urgent first, each with what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deadman.problems.accounts import account_problem
from deadman.problems.bots import bot_problems, dead_bots
from deadman.problems.told import Problem, Told


def problems(answer: Told) -> list[str]:
    """Sentences; none when nothing needs anybody."""
    found = [*bot_problems(answer, set(dead_bots(answer))), *_gathered(account_problems(answer))]
    return [problem.words for problem in sorted(found, key=lambda problem: problem.urgency)]


def account_problems(answer: Told) -> dict[str, Problem]:
    """By account, for those that somebody must act on."""
    dead = set(dead_bots(answer))
    found = {name: account_problem(account, dead, answer["timestamp"]) for name, account in answer["accounts"].items()}
    return {name: problem for name, problem in found.items() if problem is not None}


def _gathered(found: Mapping[str, Problem]) -> Iterator[Problem]:
    """What is true of several accounts is said once of all."""
    names: dict[Problem, list[str]] = {}
    for name, problem in found.items():
        names.setdefault(problem, []).append(name)
    for problem, accounts in names.items():
        yield Problem(problem.urgency, f"{', '.join(accounts)}: {problem.words}")
