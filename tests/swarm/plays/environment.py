"""Each thing that the machine may refuse × what is under way then; and the config file's state × who needs it.

Bots speak through the kernel's own sockets here, one of them by `deadman beat`.
"""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace

import trio

from deadman.cli import main
from deadman.cli.client import control_socket
from deadman.model.settings import WatchConfig
from tests.swarm.plays.stage import Cell, Stage, Story
from tests.swarm.troubles.environment import BROKEN, TROUBLES, USER, known_user
from tests.swarm.world.accounts import deribit_account, sxbet_account
from tests.swarm.world.bot import Bot

QUOTER = WatchConfig("quoter", 2.0, user=USER)
ACCOUNTS = (
    deribit_account("desk", watches=("quoter",), on_trip="cancel", verify_interval=10.0),
    sxbet_account("maker", watches=("quoter",), on_trip="cancel", timeout_seconds=15, renew_interval=5.0),
)
LASTING = 6.0
"""Seconds for which a trouble goes on after what happened in it."""

AFTERWARDS = 12.0
DYING = 8.0

Event = Callable[[Stage, Bot], Awaitable[None]]


async def nothing(stage: Stage, bot: Bot) -> None:
    """Everybody goes on."""


async def reload(stage: Stage, bot: Bot) -> None:
    """Of a file in which nothing has changed that concerns an account, but a watch that is new."""
    desk = stage.desk
    desk.watches = {**desk.watches, "spare": replace(QUOTER, name="spare")}
    desk.write_config()
    at_once = not desk.host.disk.reading  # while it is read, leases are renewed
    for begin, _ in desk.reloads:
        begin(set(desk.accounts) if at_once else set())
    await desk.life.reload()
    for _, end in desk.reloads:
        end()


async def operators_words(stage: Stage, bot: Bot) -> None:
    await stage.desk.command("hold", watch="quoter", **{"for": 3.0})
    await stage.desk.command("disarm", "desk")
    await stage.desk.command("trip", "maker")


async def death(stage: Stage, bot: Bot) -> None:
    bot.hang()


async def lost_sessions(stage: Stage, bot: Bot) -> None:
    for host in ("deribit.localhost", "sxbet.localhost"):
        stage.desk.network.cut(host)


EVENTS: Mapping[str, Event] = {
    "nothing": nothing,
    "reload": reload,
    "words": operators_words,
    "death": death,
    "lost sessions": lost_sessions,
}


async def opened(stage: Stage) -> Bot:
    host = stage.desk.host
    host.sockets = host.directory / "run" / "watch"
    stage.desk.daemon["runtime_directory"] = str(host.directory / "run")
    await stage.desk.start()
    bot = await stage.trading(*ACCOUNTS)
    await trio.sleep(3.0)
    return bot


def troubled(trouble: str, event: Event) -> Story:
    async def story(stage: Stage) -> None:
        with known_user():
            bot = await opened(stage)
            with stage.trouble(trouble), TROUBLES[trouble](stage.desk):
                await event(stage, bot)
                await trio.sleep(LASTING)
            await ended(stage, bot)

    return story


async def ended(stage: Stage, bot: Bot) -> None:
    await trio.sleep(AFTERWARDS)
    bot.hang()
    await trio.sleep(DYING)


def broken_file(state: str) -> Story:
    """The daemon goes on with the file that it has read; clients find only this one."""

    async def story(stage: Stage) -> None:
        with known_user():
            bot, path = await opened(stage), stage.desk.host.config
            path.write_bytes(BROKEN[state](path.read_text()))
            bot.beating = False
            for _ in range(12):
                beat(stage, bot)
                await trio.sleep(0.5)
            await trio.sleep(DYING)

    return story


def beat(stage: Stage, bot: Bot) -> None:
    """`deadman beat`, from a shell; and whether the operator's verbs would find the daemon."""
    path = stage.desk.host.config
    with redirect_stderr(io.StringIO()) as talk, redirect_stdout(io.StringIO()):
        code = main(["--config", str(path), "beat", bot.watch])
        socket = control_socket(path) if code == 0 else None
    if code != 0:
        stage.record.tell(f"beat: exit {code}: {talk.getvalue()}")
    stage.record.expect(socket == stage.desk.host.directory / "run" / "control.sock", f"clients look at {socket}")
    bot.beats.append(trio.current_time())
    for listener in stage.desk.listeners:
        listener(bot.watch, trio.current_time(), b"WATCHDOG=1", code == 0)


def cells() -> Iterator[Cell]:
    """On every run each trouble once, and each state of the file."""
    for turn, trouble in enumerate(TROUBLES):
        events = list(EVENTS)[turn % len(EVENTS) :] + list(EVENTS)[: turn % len(EVENTS)]
        for event in events:
            story = troubled(trouble, EVENTS[event])
            yield Cell("environment", f"{trouble} / {event}", trouble, story, ACCOUNTS, (QUOTER,))
    for state in BROKEN:
        yield Cell("environment", f"beat / {state}", f"beat / {state}", broken_file(state), ACCOUNTS, (QUOTER,))
