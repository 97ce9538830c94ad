"""Every word of bot and operator × every absence of ours × the instant at which it comes, once or stuttering."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import product

import trio

from deadman.model.settings import WatchConfig
from tests.swarm.plays.stage import Cell, Stage
from tests.swarm.world.bot import Bot
from tests.swarm.world.desk import deribit_account, sxbet_account

QUOTER = WatchConfig("quoter", 2.0)
ACCOUNTS = (
    deribit_account("desk", watches=("quoter",), on_trip="cancel"),
    sxbet_account("maker", watches=("quoter",), on_trip="cancel", timeout_seconds=15, renew_interval=5.0),
)
INSTANTS = (0.0, 0.3, 1.2, 2.5)
"""Seconds from the word to the absence."""

WRITING = 0.02
"""Seconds that a write to the disk takes."""

FIRST_INSTANTS = (0.0, 0.01, 0.03, 0.1, 0.11, 0.13, 0.2)
"""The same from a first check-in, which takes a look, a write and a request to become a lease."""

AFTERWARDS = 25.0
"""Seconds for which the world goes on when all is over."""

Step = Callable[[Stage, Bot], Awaitable[None]]


async def nothing(stage: Stage, bot: Bot) -> None:
    """The bot lives on and nobody says anything."""


async def lives_for_long(stage: Stage, bot: Bot) -> None:
    """So long that its orders have been listed more than once."""
    await trio.sleep(50.0)


async def dies(stage: Stage, bot: Bot) -> None:
    bot.hang()


async def is_being_cancelled(stage: Stage, bot: Bot) -> None:
    """Its orders resist for a while, so that whatever comes meets a trip under way."""
    faults = [stage.desk.market.faults(account) for account in ACCOUNTS]
    for one in faults:
        one.cancel_leaves = 2

    async def relent() -> None:
        await trio.sleep(8.0)
        for one in faults:
            one.cancel_leaves = 0

    bot.hang()
    stage.desk.nursery.start_soon(relent)
    await trio.sleep(2.5)


async def says_goodbye(stage: Stage, bot: Bot) -> None:
    bot.hang()
    bot.say("STOPPING=1")


async def held(stage: Stage, bot: Bot) -> None:
    await stage.desk.command("hold", watch="quoter", **{"for": 15.0})
    bot.hang()


async def held_then_goodbye(stage: Stage, bot: Bot) -> None:
    await stage.desk.command("hold", watch="quoter", **{"for": 10.0})
    await says_goodbye(stage, bot)


async def disarmed(stage: Stage, bot: Bot) -> None:
    await stage.desk.command("disarm", *stage.desk.accounts)


async def disarmed_for_a_while(stage: Stage, bot: Bot) -> None:
    await stage.desk.command("disarm", *stage.desk.accounts, **{"for": 12.0})


async def tripped(stage: Stage, bot: Bot) -> None:
    await stage.desk.command("trip", *stage.desk.accounts)


WORDS: Mapping[str, Step] = {
    "lives": nothing,
    "lives for long": lives_for_long,
    "dies": dies,
    "is being cancelled": is_being_cancelled,
    "goodbye": says_goodbye,
    "held": held,
    "held, then goodbye": held_then_goodbye,
    "disarmed": disarmed,
    "disarmed for a while": disarmed_for_a_while,
    "tripped": tripped,
}


async def kill(stage: Stage) -> None:
    """kill -9, and a start at once."""
    await stage.desk.crash()
    await stage.desk.start()


async def kill_for_long(stage: Stage) -> None:
    await stage.desk.crash()
    await trio.sleep(6.0)
    await stage.desk.start()


async def suspend(stage: Stage) -> None:
    stage.desk.host.sleep(6.0)
    for pulse in stage.scene.pulses.values():
        pulse.granted(trio.current_time())


async def kill_past_the_lease(stage: Stage) -> None:
    """The venue ends the lease while nobody looks."""
    await stage.desk.crash()
    await trio.sleep(20.0)
    await stage.desk.start()


async def step(seconds: float, stage: Stage) -> None:
    """The wall clock is set; not so far that a venue would take it for a wrong one."""
    stage.desk.host.stepped += seconds


async def step_and_kill(seconds: float, stage: Stage) -> None:
    await step(seconds, stage)
    await kill(stage)


async def far_step(seconds: float, stage: Stage) -> None:
    """So far that Deribit refuses our logins, and put right by and by."""
    stage.desk.host.stepped += seconds
    await trio.sleep(15.0)
    stage.desk.host.stepped -= seconds


async def stop(seconds: float, stage: Stage) -> None:
    """SIGSTOP for so long. Bots go on; what they say waits in the sockets, as far as there is room."""
    began = trio.current_time()
    stage.clock.jump(seconds)
    for bot in stage.desk.bots:
        count = int(seconds / bot.every) if bot.alive and bot.beating else 0
        for beat in range(1, min(count, 10) + 1):
            bot.say("WATCHDOG=1", at=began + beat * bot.every)


Absence = Callable[[Stage], Awaitable[None]]
ABSENCES: Mapping[str, Absence] = {
    "kill": kill,
    "kill for long": kill_for_long,
    "suspend": suspend,
    "kill past the lease": kill_past_the_lease,
    "step ahead": partial(step, 45.0),
    "step back": partial(step, -45.0),
    "step ahead and kill": partial(step_and_kill, 45.0),
    "step back and kill": partial(step_and_kill, -45.0),
    "far step ahead": partial(far_step, 90.0),
    "far step back": partial(far_step, -90.0),
    "stop 0.9 s": partial(stop, 0.9),
    "stop 8 s": partial(stop, 8.0),
}
STUTTERS: Mapping[str, tuple[float, Absence]] = {
    "kill every 2 s": (2.0, kill),
    "kill every 0.7 s": (0.7, kill),
    "stop 1.3 s of 2.6": (1.3, partial(stop, 1.3)),
    "stop 0.9 s of 1.2": (0.3, partial(stop, 0.9)),
}
"""How long we wake in between, and what comes again and again."""


async def opened(stage: Stage) -> Bot:
    """Everything is armed, on a disk that takes its time."""
    stage.desk.host.disk.seconds = WRITING
    await stage.desk.start()
    bot = await stage.trading(*ACCOUNTS)
    await trio.sleep(3.0)
    return bot


async def first_heard(stage: Stage) -> Bot:
    """The daemon stands without a bot; the first check-in comes now."""
    stage.desk.host.disk.seconds = WRITING
    await stage.desk.start()
    await trio.sleep(3.0)
    bot = stage.desk.bot("quoter")
    await trio.sleep(0.0)
    return bot


def first_lease(absence: Absence, instant: float) -> Callable[[Stage], Awaitable[None]]:
    async def story(stage: Stage) -> None:
        bot = await first_heard(stage)
        await trio.sleep(instant)
        with stage.trouble("absence"):
            await absence(stage)
        await trio.sleep(AFTERWARDS)
        bot.hang()
        await trio.sleep(10.0)

    return story


def once(word: Step, absence: Absence, instant: float) -> Callable[[Stage], Awaitable[None]]:
    async def story(stage: Stage) -> None:
        bot = await opened(stage)
        await word(stage, bot)
        await trio.sleep(instant)
        with stage.trouble("absence"):
            await absence(stage)
        await trio.sleep(AFTERWARDS)

    return story


def stutter(word: Step, awake: float, absence: Absence) -> Callable[[Stage], Awaitable[None]]:
    async def story(stage: Stage) -> None:
        bot = await opened(stage)
        await word(stage, bot)
        with stage.trouble("absences"), trio.move_on_after(30.0):
            while True:
                await trio.sleep(awake)
                await absence(stage)
        await trio.sleep(AFTERWARDS)

    return story


def cells() -> Iterator[Cell]:
    for stopping in ("trip", "release"):
        watches = (replace(QUOTER, on_stopping=stopping),)
        words = {name: word for name, word in WORDS.items() if stopping == "trip" or "goodbye" in name}
        for (said, word), (away, absence), instant in product(words.items(), ABSENCES.items(), INSTANTS):
            name = f"{said}, {stopping} / {away} / {instant}"
            yield Cell("absences", name, f"{said} / {away}", once(word, absence, instant), ACCOUNTS, watches)
        for (said, word), (away, (awake, absence)) in product(words.items(), STUTTERS.items()):
            name = f"{said}, {stopping} / {away}"
            yield Cell("absences", name, name, stutter(word, awake, absence), ACCOUNTS, watches)
    for (away, absence), instant in product(ABSENCES.items(), FIRST_INSTANTS):
        name = f"first lease / {away} / {instant}"
        yield Cell("absences", name, f"first lease / {away}", first_lease(absence, instant), ACCOUNTS, (QUOTER,))
