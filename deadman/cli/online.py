"""`deadman check --online`: log in, read, and say what is there. Nothing is armed, disarmed, renewed or cancelled."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import trio

from deadman.config.vault import Vault
from deadman.model import facts
from deadman.model.clock import Clock
from deadman.model.errors import Refused, VenueError
from deadman.model.facts import Fact
from deadman.model.settings import Account, Config, Secret
from deadman.transport.resolver import Resolver
from deadman.venues import Doors
from deadman.venues.deribit.login import LISTING, READING, SWITCHING, TRADING, needed_for
from deadman.venues.deribit.session import Deribit, DeribitSession
from deadman.venues.sxbet.session import SxBet

PATIENCE = 20.0
"""Seconds for one account's look."""

CLOCK_TOLERANCE = 2.0
"""Seconds; signature logins fail at 60."""

_HARMLESS = frozenset({SWITCHING, READING, TRADING, LISTING, "mainaccount", "connection", "rat#view"})


@dataclass
class Look:
    """What one account's venue said."""

    fine: bool = True
    said: list[str] = field(default_factory=list)
    offset: float | None = None

    @property
    def sentences(self) -> tuple[str, ...]:
        return tuple(self.said)

    def wrong(self, sentence: str) -> None:
        self.fine = False
        self.said.append(sentence)

    def hear(self, fact: Fact) -> None:
        if isinstance(fact, facts.ClockCompared) and fact.is_telling:
            self.offset = fact.offset


def look(config: Config, environment: Mapping[str, str] = os.environ) -> Mapping[str, Look]:
    """Every account at once, none waiting for another."""
    return trio.run(_look_at_all, config, environment)


async def _look_at_all(config: Config, environment: Mapping[str, str]) -> Mapping[str, Look]:
    clock = Clock(trio.lowlevel.current_clock().current_time, time.time)
    doors = Doors(clock, Vault(environment, _forget))
    looks = {name: Look() for name in config.accounts}
    async with trio.open_nursery() as background:
        trio.socket.set_custom_hostname_resolver(Resolver(background))
        async with trio.open_nursery() as nursery:
            for name, account in config.accounts.items():
                nursery.start_soon(_look_at, doors, account, looks[name])
        background.cancel_scope.cancel()
    return looks


def _forget(secret: Secret) -> None:
    """Nothing is logged here."""


async def _look_at(doors: Doors, account: Account, seen: Look) -> None:
    try:
        with trio.fail_after(PATIENCE):
            match doors.door(account, seen.hear):
                case Deribit() as door:
                    await _look_at_deribit(door, seen)
                case SxBet() as door:
                    await _look_at_sxbet(door, seen)
    except Refused as error:
        seen.wrong(f"refused: {error.detail}")
    except VenueError as error:
        seen.wrong(f"no answer: {error.detail or error.reason}")
    except trio.TooSlowError:
        seen.wrong(f"no answer within {PATIENCE:g} s")
    if seen.offset is not None:
        _tell_clock(seen, seen.offset)


async def _look_at_deribit(door: Deribit, seen: Look) -> None:
    async with door.look() as session:
        _tell_scopes(door, session, seen)
        inherited, on = await session.switch.read("connection"), await session.switch.read("account")
        seen.said.append(f"cancel-on-disconnect: account {_word(on)}, a new connection starts {_word(inherited)}")
        if not on:
            seen.said.append("`run` turns it on, and proves it")
        if session.grant.can_list_orders:
            seen.said.append(f"open orders of the selection: {await session.orders.count()}")


def _tell_scopes(door: Deribit, session: DeribitSession, seen: Look) -> None:
    granted = session.grant.scopes
    seen.said.append(f"login accepted; the key grants: {' '.join(sorted(granted))}")
    if not session.grant.can_cancel and not door.account.observe:
        seen.wrong(f"it lacks {TRADING}: armed all the same, but a trip cannot cancel")
    if more := excess(granted, needed_for(door.account)):
        seen.said.append(f"more than is needed: {' '.join(more)}; a key without them is safer to lose")


def excess(granted: frozenset[str], needed: frozenset[str]) -> list[str]:
    """The scopes by which a thief of the key could do more than we do. Reading is none of them."""
    return sorted(word for word in granted - _HARMLESS - needed if not word.endswith((":none", ":read")))


async def _look_at_sxbet(door: SxBet, seen: Look) -> None:
    async with door.look() as session:
        orders = await session.orders.count()
    proves = "the key is accepted" if door.account.api == "v3" else "public, so it says nothing of the key"
    seen.said.append(f"open orders: {orders} ({proves})")
    seen.said.append("whether a lease stands cannot be read: `run` takes one and verifies its echo")


def _tell_clock(seen: Look, offset: float) -> None:
    told = f"the venue's clock is {offset:+.2f} s from ours"
    if abs(offset) > CLOCK_TOLERANCE:
        seen.wrong(f"{told}: set this host's clock; logins by signature fail at 60 s")
    else:
        seen.said.append(told)


def _word(on: object) -> str:
    return "on" if on else "off"
