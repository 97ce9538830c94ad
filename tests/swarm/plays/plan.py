"""What a seed draws: who is on the desk, how it is configured, and which few of all troubles this world knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from deadman.model.settings import Account, Selection, WatchConfig
from deadman.simulator.sxbet.ledger import Settings
from tests.swarm.troubles.weather import WEATHER
from tests.swarm.world.accounts import coinbase_account, deribit_account, sxbet_account
from tests.swarm.world.crew import LABELS
from tests.swarm.world.market import Market

MACHINE = (
    "crash",
    "host lost",
    "damaged state",
    "reload",
    "account removed",
    "clock step",
    "suspend",
    "stall",
    "stutter",
    "kills",
    "disk full",
    "disk hangs",
    "secret missing",
)
SELECTIONS = [
    Selection(),
    Selection(),
    Selection(label=LABELS[0]),
    Selection(label=LABELS[1], currency="BTC"),
    Selection(currency="BTC"),
    Selection(currency="BTC", kind="future", type="limit"),
    Selection(kind="future"),
    Selection(type="limit"),
]
LAG = 2.5
"""Seconds at most in which SX Bet notices that a lease has ended."""

TURNS = 4
"""Kinds of weather whose turn it is in a world."""

WATCHED: list[tuple[str, ...]] = [(), ("quoter",), ("quoter", "hedger")]


@dataclass
class Plan:
    """Swarm testing: each world knows only some faults, so that none hides behind another."""

    seed: int
    chance: Random
    watches: list[WatchConfig] = field(init=False)
    accounts: list[Account] = field(init=False)
    settings: Settings = field(init=False)
    weather: list[str] = field(init=False)
    machine: list[str] = field(init=False)

    def __post_init__(self) -> None:
        pick: Any = self.chance.choice
        stopping = pick(["trip", "trip", "release"])
        self.watches = [
            WatchConfig("quoter", pick([1.0, 2.0, 5.0]), stopping),
            WatchConfig("hedger", pick([2.0, 10.0]), "trip"),
        ]
        self.accounts = self._accounts()
        errors, orders_in = pick(["documented", "nestjs"]), pick(["data", "data.orders"])
        lag = pick([(0.0, 0.0), (0.0, 0.0), (0.1, LAG)])
        skew = pick([0.0, 0.0, -2.0, 2.0])
        self.settings = Settings(errors=errors, clock_skew=skew, orders_in=orders_in, expiry_lag=lag)
        weather = sorted(WEATHER)
        certain = (weather[(TURNS * self.seed + turn) % len(weather)] for turn in range(TURNS))
        self.weather = self._some(weather, 3, *certain)
        self.machine = self._some(MACHINE, 1, *(MACHINE[(2 * self.seed + turn) % len(MACHINE)] for turn in range(2)))

    def set_up(self, market: Market) -> None:
        """The venues' own ways: how long a token lives, and what the documents leave open."""
        pick: Any = self.chance.choice
        for venue in (market.deribit, market.coinbase):
            lifetime, both, strict = pick([None, 25, 100]), pick([True, False]), pick([True, False])
            venue.vault.settings = replace(venue.settings, token_lifetime=lifetime or venue.settings.token_lifetime)
            venue.settings = replace(
                venue.settings,
                account_scope_covers_current=both,
                token_in_every_request=strict and venue is market.deribit,
            )

    def _some(self, names: Sequence[str], most: int, *certain: str) -> list[str]:
        """Those whose turn it is, so that a few seeds in a row know them all, and some by chance."""
        return sorted({*certain, *self.chance.sample(names, self.chance.randint(0, most))})

    def _accounts(self) -> list[Account]:
        some, selection = self.chance.random, self.chance.choice(SELECTIONS)
        made: list[Account] = [deribit_account("desk", **self._deribit(("quoter",), selection))]
        if some() < 0.4:
            made.append(deribit_account("spare", observe=some() < 0.25, **self._deribit(self._watched())))
        if some() < 0.4:
            made.append(coinbase_account("gate", **self._deribit(self._watched())))
        made.append(sxbet_account("maker", "v3", **self._sxbet("v3", ("quoter",))))
        if some() < 0.4:
            made.append(sxbet_account("legacy", "v2", **self._sxbet("v2", self._watched())))
        return made

    def _watched(self) -> tuple[str, ...]:
        return self.chance.choice(WATCHED)

    def _deribit(self, watches: tuple[str, ...], selection: Selection = Selection()) -> dict[str, Any]:  # noqa: B008
        return {
            "verify_interval": self.chance.choice([3.0, 10.0, 30.0]),
            "heartbeat_interval": self.chance.choice([10, 10, 30]),
            "watches": watches,
            "on_trip": "cancel" if watches else "none",
            "cancel": selection,
        }

    def _sxbet(self, api: str, watches: tuple[str, ...]) -> dict[str, Any]:
        lease = self.chance.choice([5, 15, 30])
        means = ["cancel", "expire", "lapse"] if api == "v3" else ["expire", "lapse"]
        return {
            "timeout_seconds": lease,
            "renew_interval": lease / 3,
            "watches": watches,
            "on_trip": self.chance.choice(means),
        }
