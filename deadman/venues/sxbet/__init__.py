"""SX Bet: a lease on the account's orders, which the venue cancels when it ends."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from deadman.venues.sxbet.fate import if_bot_dies, if_host_dies
from deadman.venues.sxbet.settings import SxBetAccount, advice
from deadman.venues.venue import Door, Venue


def _load_door() -> Callable[..., Door]:
    door: Callable[..., Door] = import_module("deadman.venues.sxbet.session").SxBet
    return door


VENUE = Venue(
    title="SX Bet",
    settings=SxBetAccount,
    load_door=_load_door,
    if_bot_dies=if_bot_dies,
    if_host_dies=if_host_dies,
    advice=advice,
)
