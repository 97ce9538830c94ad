"""Every key of the config × how the account stands × reload or restart, and the edits that go beyond one key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from zlib import crc32

import trio

from deadman.model.settings import Account, WatchConfig
from tests.swarm.plays.situations import SITUATIONS, Situation
from tests.swarm.plays.stage import Cell, Stage, Story
from tests.swarm.troubles.edits import BROKEN, EDITS, FURTHER, Edit, Written, subject
from tests.swarm.world.accounts import coinbase_account, deribit_account, sxbet_account
from tests.swarm.world.bot import Bot

QUOTER = WatchConfig("quoter", 2.0)

ACCOUNTS: Mapping[str, Account] = {
    account.name: account
    for account in (
        deribit_account("desk", watches=("quoter",), on_trip="cancel", verify_interval=10.0),
        sxbet_account("maker", watches=("quoter",), on_trip="cancel", timeout_seconds=15, renew_interval=5.0),
        coinbase_account("gate", watches=("quoter",), on_trip="cancel", verify_interval=10.0),
        sxbet_account("legacy", "v2", watches=("quoter",), on_trip="expire", timeout_seconds=15, renew_interval=5.0),
    )
}

UNDER_WAY = 3.0
"""Seconds from the edit until the situation may end."""

AFTERWARDS = 20.0
"""Seconds for which the bot lives on, if it lives."""

DYING = 8.0
"""Seconds for which the world goes on after the bot has died: past two timeouts of it."""


async def reload(stage: Stage, written: Written) -> None:
    desk = stage.desk
    desk.daemon = dict(written.daemon)
    await desk.reload(*written.accounts.values(), watches=written.watches.values())


async def restart(stage: Stage, written: Written) -> None:
    """kill -9, the edit, and a start at once."""
    desk = stage.desk
    await desk.crash()
    desk.daemon, desk.accounts, desk.watches = dict(written.daemon), dict(written.accounts), dict(written.watches)
    desk.roster.update(written.accounts)
    await desk.start()


WAYS: Mapping[str, Callable[[Stage, Written], Awaitable[None]]] = {"reload": reload, "restart": restart}


def edited(situation: Situation, edit: Edit, take: Callable[[Stage, Written], Awaitable[None]]) -> Story:
    async def story(stage: Stage) -> None:
        bot = await opened(stage)
        undo = await situation(stage, bot)
        with undo:
            stage.record.tell("the edit")
            await take(stage, edit.write(stage.desk, Written.of(stage.desk)))
            await trio.sleep(UNDER_WAY)
        await ended(stage, bot)

    return story


def broken(situation: Situation, breaking: Callable[[str], str]) -> Story:
    async def story(stage: Stage) -> None:
        bot = await opened(stage)
        with await situation(stage, bot):
            stage.record.tell("the edit")
            await stage.desk.reload_broken(breaking)
            await trio.sleep(UNDER_WAY)
        await ended(stage, bot)

    return story


async def opened(stage: Stage) -> Bot:
    await stage.desk.start()
    bot = await stage.trading(*stage.desk.accounts.values())
    await trio.sleep(3.0)
    return bot


async def ended(stage: Stage, bot: Bot) -> None:
    """Whoever lives goes on for a while, and dies."""
    await trio.sleep(AFTERWARDS)
    bot.hang()
    await trio.sleep(DYING)


def cast(name: str) -> tuple[Account, ...]:
    """The account that is concerned, and one at the other venue that is not."""
    names = {"gate": ("gate", "maker"), "legacy": ("desk", "legacy")}.get(name, ("desk", "maker"))
    return tuple(ACCOUNTS[one] for one in names)


def cells() -> list[Cell]:
    """In an order in which the first of each kind differ in all else."""
    return sorted((*by_key(), *further(), *from_broken_files()), key=lambda cell: crc32(cell.name.encode()))


def by_key() -> Iterator[Cell]:
    for ((table, key), edit), where, way in product(EDITS.items(), SITUATIONS, WAYS):
        name = f"{table}.{key} / {where} / {way}"
        yield made(name, f"{where} / {way}", where, edit, way, cast(subject(table, edit)))


def further() -> Iterator[Cell]:
    for (what, edit), where, way in product(FURTHER.items(), SITUATIONS, WAYS):
        yield made(f"{what} / {where} / {way}", what, where, edit, way, cast(edit.subject))


def from_broken_files() -> Iterator[Cell]:
    for (what, breaking), where in product(BROKEN.items(), SITUATIONS):
        story = broken(SITUATIONS[where], breaking)
        yield Cell("edits", f"{what} / {where}", what, story, cast("desk"), (stopping_in(where),))


def made(name: str, kind: str, where: str, edit: Edit, way: str, accounts: tuple[Account, ...]) -> Cell:
    return Cell("edits", name, kind, edited(SITUATIONS[where], edit, WAYS[way]), accounts, (stopping_in(where),))


def stopping_in(where: str) -> WatchConfig:
    """A goodbye leads to waiting only where it releases."""
    return replace(QUOTER, on_stopping="release" if where == "waiting" else "trip")
