"""The first word of all that is said: ACT, LOOK or fine (contract, section 7). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from deadman.problems import account_problems, problems
from deadman.problems.looks import looks
from deadman.problems.told import Told
from deadman.spoken import left


class Verdict(StrEnum):
    ACT = "ACT"
    LOOK = "LOOK"
    FINE = "fine"

    @property
    def tone(self) -> str:
        """Red, amber, green."""
        return TONES[self]


TONES: Mapping[Verdict, str] = {Verdict.ACT: "bad", Verdict.LOOK: "warn", Verdict.FINE: "good"}


@dataclass(frozen=True, slots=True)
class Headline:
    """`acts`: what somebody must do, most urgent first. `looks`: what is worth a look. `fine` needs neither."""

    acts: tuple[str, ...]
    looks: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        if self.acts:
            return Verdict.ACT
        return Verdict.LOOK if self.looks else Verdict.FINE


def headline(answer: Told) -> Headline:
    return Headline(tuple(problems(answer)), tuple(looks(answer, account_problems(answer))))


def fine(answer: Told) -> str:
    """What is said where all is well: how many accounts are protected, for how long at least, and which wait."""
    accounts = list(answer["accounts"].values())
    margins = [account["margin"] for account in accounts if account["protected"]]
    good = f"{len(margins)} of {len(accounts)} accounts protected"
    waiting = sum(account["phase"] == "waiting" for account in accounts)
    rest = [f"{waiting} without a bot yet"] if waiting else []
    return ", ".join([good, *([f"good for {left(min(margins))}"] if margins else []), *rest])
