"""What a look at an account tells of its key, its switch and its orders, before `run` has touched anything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trio.testing import MockClock

from deadman.venues.venue import Look
from tests.support.doors import Doorway, doorway

NOTHING_READ = "whether a lease stands cannot be read: `run` takes one and verifies its echo"


async def told(way: Doorway) -> Look:
    way.place(2)
    look = Look()
    await way.door.inspect(look)
    return look


def granted(way: Doorway, scope: str) -> None:
    """The key, as it may do from now on."""
    deribit = way.market.deribit
    deribit.add_key(f"id-{way.account.name}", way.account.name, secret=way.secret, scope=scope)


ALL = "account:read_write connection trade:read_write"
ON = ["cancel-on-disconnect: account on, a new connection starts on"]
OFF = ["cancel-on-disconnect: account off, a new connection starts off", "`run` turns it on, and proves it"]
OPEN = ["open orders of the selection: 2"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("deribit", [f"login accepted; the key grants: {ALL}", *OFF, *OPEN]),
        ("coinbase", ["login accepted; the key grants: rat#trade wallet:buys:create", *OFF, *OPEN]),
        ("sxbet-v2", ["open orders: 2 (public, so it says nothing of the key)", NOTHING_READ]),
        ("sxbet-v3", ["open orders: 2 (the key is accepted)", NOTHING_READ]),
    ],
)
async def test_a_look_tells_what_the_key_may_do_and_how_the_switch_reads(
    name: str, said: list[str], autojump_clock: MockClock
) -> None:
    async with doorway(name) as way:
        assert await told(way) == Look(True, said)


async def test_a_switch_that_is_on_already_needs_no_turning_on(autojump_clock: MockClock) -> None:
    async with doorway("deribit") as way:
        way.market.deribit.switch("desk", on=True)
        assert (await told(way)).said[1:] == [*ON, *OPEN]


@pytest.mark.parametrize(
    ("scope", "observe", "fine", "said"),
    [
        ("account:read_write trade:read", False, False, "it lacks trade:read_write: armed all the same, but a trip "),
        ("account:read trade:read", True, True, ""),
        (f"{ALL} wallet:read_write", False, True, "more than is needed: wallet:read_write; a key without them is "),
        (f"{ALL} wallet:read wallet:none", False, True, ""),
    ],
)
async def test_a_key_that_may_do_too_little_or_too_much_is_told_so(
    scope: str, observe: bool, fine: bool, said: str, autojump_clock: MockClock
) -> None:
    async with doorway("deribit") as way:
        granted(way, scope)
        way.door.account = replace(way.door.account, observe=observe)
        look = await told(way)
        assert look.fine is fine
        assert look.said[1].startswith(said or "cancel-on-disconnect")
        assert len(look.said) == (5 if said else 4)


async def test_a_key_that_may_not_list_is_not_asked_to(autojump_clock: MockClock) -> None:
    async with doorway("deribit") as way:
        granted(way, "account:read_write")
        look = await told(way)
        assert look.said[-2:] == OFF
        assert "private/get_open_orders" not in [one.method for one in way.received]
