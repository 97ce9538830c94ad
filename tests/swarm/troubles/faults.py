"""What a fault is: a function of the desk and of chance that does harm, and returns how to undo it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from deadman.model.settings import Account
from deadman.simulator.faults import Faults
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.world.desk import Desk

Heal = Callable[[], None]
Fault = Callable[[Desk, Random], Heal]


def nothing() -> None:
    """What cannot be undone, or has undone itself."""


def account(desk: Desk, chance: Random, kind: type[DeribitAccount] | type[SxBetAccount]) -> Account:
    return chance.choice([one for one in desk.roster.values() if isinstance(one, kind)])


def knobs(desk: Desk, chance: Random, kind: type[DeribitAccount] | type[SxBetAccount]) -> Faults:
    """Those of a whole venue, or of one account."""
    struck = account(desk, chance, kind)
    return chance.choice([desk.market.venue(struck).faults, desk.market.faults(struck)])


@dataclass
class Knob:
    """A fault that sets one knob, at a venue or at one account, and later puts it back to where it does nothing."""

    kind: type[DeribitAccount] | type[SxBetAccount]
    name: str
    draw: Callable[[Random], object]

    def __call__(self, desk: Desk, chance: Random) -> Heal:
        struck = knobs(desk, chance, self.kind)
        setattr(struck, self.name, self.draw(chance))
        return lambda: setattr(struck, self.name, getattr(Faults(), self.name))


def some(names: tuple[str, ...]) -> Callable[[Random], set[str]]:
    return lambda chance: set(chance.sample(names, chance.randint(1, 2)))


def failing(methods: tuple[str, ...], codes: tuple[int, ...]) -> Callable[[Random], dict[str, int]]:
    return lambda chance: {chance.choice(methods): chance.choice(codes)}


def late(methods: tuple[str, ...], least: float, most: float) -> Callable[[Random], dict[str, float]]:
    """A method is carried out so many seconds after it was heard."""
    return lambda chance: {chance.choice(methods): chance.uniform(least, most)}
