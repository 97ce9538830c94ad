"""Everything that can go wrong around us, each turned on at a random moment and healed at another."""

from __future__ import annotations

from random import Random

from tests.swarm.troubles.faults import Fault, Heal, nothing
from tests.swarm.troubles.weather_deribit import DERIBIT
from tests.swarm.troubles.weather_sxbet import SXBET
from tests.swarm.world.accounts import host_of
from tests.swarm.world.desk import Desk


def host(desk: Desk, chance: Random) -> str:
    return host_of(chance.choice(list(desk.roster.values())))


def freeze(desk: Desk, chance: Random) -> Heal:
    struck = host(desk, chance)
    desk.network.freeze(struck)
    return lambda: desk.network.thaw(struck)


def refuse(desk: Desk, chance: Random) -> Heal:
    struck = host(desk, chance)
    desk.network.refuse(struck)
    if chance.random() < 0.5:
        desk.network.cut(struck)
    return lambda: desk.network.allow(struck)


def cut(desk: Desk, chance: Random) -> Heal:
    desk.network.cut(host(desk, chance), chance.choice([0.5, 1.0]))
    return nothing


def latency(desk: Desk, chance: Random) -> Heal:
    struck, lowest = host(desk, chance), chance.uniform(0.0, 1.5)
    desk.network.delay(struck, lowest, lowest + chance.uniform(0.0, 2.0))
    return lambda: desk.network.delay(struck, 0.0, 0.0)


def slow_dials(desk: Desk, chance: Random) -> Heal:
    """Whoever connects anew waits; what stands is quick."""
    struck = host(desk, chance)
    desk.network.slow_dials(struck, chance.uniform(0.5, 4.5))
    desk.network.cut(struck, chance.choice([0.0, 1.0]))
    return lambda: desk.network.slow_dials(struck, 0.0)


def slow_names(desk: Desk, chance: Random) -> Heal:
    desk.host.names.seconds = chance.choice([0.5, 2.0, 1000.0])
    desk.network.cut(host(desk, chance))
    return lambda: setattr(desk.host.names, "seconds", 0.0)


def no_names(desk: Desk, chance: Random) -> Heal:
    desk.host.names.failing = True
    desk.network.cut(host(desk, chance))
    return lambda: setattr(desk.host.names, "failing", False)


NETWORK: dict[str, Fault] = {
    "freeze": freeze,
    "refuse": refuse,
    "cut": cut,
    "latency": latency,
    "slow dials": slow_dials,
    "slow names": slow_names,
    "no names": no_names,
}
WEATHER: dict[str, Fault] = {**DERIBIT, **SXBET, **NETWORK}
