"""`deadman check --online`: log in, read, and say what is there. Nothing is armed, disarmed, renewed or cancelled."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import trio

from deadman.daemon.doors import Doors
from deadman.model.clock import Clock
from deadman.model.errors import Refused, VenueError
from deadman.model.settings import Account, Config
from deadman.transport.blocking import Resolver
from deadman.venues.venue import Look

TIMEOUT = 20.0
"""Seconds for one account's look."""

CLOCK_TOLERANCE = 2.0
"""Seconds; signature logins fail at 60."""


def look(config: Config, environment: Mapping[str, str] = os.environ) -> Mapping[str, Look]:
    """Every account at once, none waiting for another."""
    return trio.run(_look_at_all, config, environment)


async def _look_at_all(config: Config, environment: Mapping[str, str]) -> Mapping[str, Look]:
    clock = Clock(trio.lowlevel.current_clock().current_time, time.time)
    doors = Doors(clock, environment, lambda secret: None)  # nothing is logged here
    looks = {name: Look() for name in config.accounts}
    async with trio.open_nursery() as background:
        trio.socket.set_custom_hostname_resolver(Resolver(background))
        async with trio.open_nursery() as nursery:
            for name, account in config.accounts.items():
                nursery.start_soon(_look_at, doors, account, looks[name])
        background.cancel_scope.cancel()
    return looks


async def _look_at(doors: Doors, account: Account, seen: Look) -> None:
    try:
        with trio.fail_after(TIMEOUT):
            await doors.door(account, seen.hear).inspect(seen)
    except Refused as error:
        seen.wrong(f"refused: {error.detail}")
    except VenueError as error:
        seen.wrong(f"no answer: {error.detail or error.reason}")
    except trio.TooSlowError:
        seen.wrong(f"no answer within {TIMEOUT:g} s")
    if seen.offset is None:
        return
    told = f"the venue's clock is {seen.offset:+.2f} s from ours"
    if abs(seen.offset) > CLOCK_TOLERANCE:
        seen.wrong(f"{told}: set this host's clock; logins by signature fail at 60 s")
    else:
        seen.said.append(told)
