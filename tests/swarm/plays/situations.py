"""How an account may stand when something happens to it; each is reached by what leads to it in life."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import trio

from deadman.venues.deribit.settings import DeribitAccount
from tests.swarm.plays.stage import Stage
from tests.swarm.world.bot import Bot

LONG = 300.0
"""Seconds of a hold that does not end before its world."""

Undo = ExitStack[bool | None]
"""Ends what holds the situation up."""

Situation = Callable[[Stage, Bot], Awaitable[Undo]]
"""Lead there."""


async def armed(stage: Stage, bot: Bot) -> Undo:
    return ExitStack()


async def tripping(stage: Stage, bot: Bot) -> Undo:
    """The bot hangs, and some of its orders cannot be cancelled for now."""
    undo = ExitStack()
    undo.enter_context(orders_resist(stage))
    bot.hang()
    await trio.sleep(3.0)
    return undo


@contextmanager
def orders_resist(stage: Stage) -> Iterator[None]:
    accounts = tuple(stage.desk.accounts.values())
    with stage.trouble("orders resist"):
        for account in accounts:
            stage.desk.market.faults(account).cancel_leaves = 2
        try:
            yield
        finally:
            for account in accounts:
                stage.desk.market.faults(account).cancel_leaves = 0


async def tripped(stage: Stage, bot: Bot) -> Undo:
    """By an operator, so that no check-in ends it."""
    await stage.desk.command("trip", *stage.desk.accounts)
    await trio.sleep(1.0)
    return ExitStack()


async def held(stage: Stage, bot: Bot) -> Undo:
    await stage.desk.command("hold", watch="quoter", **{"for": LONG})
    bot.hang()
    await trio.sleep(3.0)
    return ExitStack()


async def disarmed(stage: Stage, bot: Bot) -> Undo:
    await stage.desk.command("disarm", *stage.desk.accounts)
    await trio.sleep(1.0)
    return ExitStack()


async def waiting(stage: Stage, bot: Bot) -> Undo:
    """The bot has said goodbye and was let go, or has never been up."""
    bot.hang()
    bot.say("STOPPING=1")
    await trio.sleep(1.0)
    return ExitStack()


async def exposed(stage: Stage, bot: Bot) -> Undo:
    """Somebody has turned Deribit's switch off, and the venue will not turn it on again for now."""
    undo = ExitStack()
    undo.enter_context(switches_fail(stage))
    for account in stage.desk.accounts.values():
        if isinstance(account, DeribitAccount):
            stage.desk.market.drift(account)
    await trio.sleep(11.0)
    return undo


@contextmanager
def switches_fail(stage: Stage) -> Iterator[None]:
    turning_on = "private/enable_cancel_on_disconnect"
    venues = (stage.desk.market.deribit, stage.desk.market.coinbase)
    with stage.trouble("switches fail"):
        for venue in venues:
            venue.faults.fail[turning_on] = 13028
        try:
            yield
        finally:
            for venue in venues:
                venue.faults.fail.pop(turning_on)


SITUATIONS: Mapping[str, Situation] = {
    "armed": armed,
    "tripping": tripping,
    "tripped": tripped,
    "held": held,
    "disarmed": disarmed,
    "waiting": waiting,
    "exposed": exposed,
}
