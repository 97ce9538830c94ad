"""What an operator's word cannot do to an account, told instead of half done. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from deadman.config.schema import Account
from deadman.watch import Watch

Veto = Callable[[Account, Mapping[str, Watch], float], str]
"""Why an account is left alone, as of a monotonic instant; empty when nothing speaks against it."""


def of_change(account: Account, watches: Mapping[str, Watch], now: float) -> str:
    """A trip or disarm of an account that is only looked at would be believed and never be done."""
    return "left alone: deadman only observes it (observe = true)" if account.observe else ""


def of_arm(account: Account, watches: Mapping[str, Watch], now: float) -> str:
    """A dead bot trips again at once, and would take with it what people placed by hand meanwhile."""
    if account.observe or account.on_trip == "none":
        return ""
    dead = [name for name in account.watches if name in watches and watches[name].silent(now)]
    if not dead:
        return ""
    return f"left alone: bot {dead[0]} is dead and would trip it at once; start it, or `deadman hold {dead[0]}` first"
