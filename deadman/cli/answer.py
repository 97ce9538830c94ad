"""What is made of the answer of `status` before it is shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from deadman.cli.complaint import Misused
from deadman.config.words import listed, suggestion
from deadman.problems.told import Told, alarming


def only(answer: Told, accounts: Sequence[str]) -> Told:
    """The answer with these accounts and their bots alone, all if none is named. Raises Misused for one not known."""
    if not accounts:
        return answer
    known = answer["accounts"]
    for name in accounts:
        if name not in known:
            raise Misused(f'no account "{name}"; {suggestion(name, known) or f"known are {listed(known)}"}')
    chosen = {name: account for name, account in known.items() if name in accounts}
    bots = {name for account in chosen.values() for name in account["watches"]}
    watches = {name: watch for name, watch in answer["watches"].items() if name in bots}
    return {**answer, "accounts": chosen, "watches": watches}


def exit_code(answer: Told) -> int:
    """1 when something wanted is not protected (contract, section 1)."""
    return 1 if any(alarming(account) for account in answer["accounts"].values()) else 0
