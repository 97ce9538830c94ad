"""The traders of a world: processes with all their ways to live and die."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import trio

from deadman.model.settings import Account
from tests.swarm.laws.pulse import Pulse
from tests.swarm.laws.record import Record
from tests.swarm.world.bot import Bot
from tests.swarm.world.desk import Desk

LABELS = ("quotes", "hedge")
MOST = 8
"""Orders of an account that rest at a time."""


@dataclass
class Trader:
    """Somebody starts this bot again and again; it lives a while, then one of its ends comes; `settled`, none.

    `leisure`: how many times as long as usual it then waits between two looks at its orders.
    """

    desk: Desk
    pulse: Pulse
    chance: Random
    record: Record
    settled: bool = False
    steady: bool = False
    leisure: float = 1.0

    @property
    def accounts(self) -> list[Account]:
        return [account for account in self.desk.roster.values() if self.pulse.name in account.watches]

    async def run(self) -> None:
        await trio.sleep(self.chance.uniform(0.0, 10.0))
        ends = (self._dies, self._hangs, self._stops, self._triggers, self._is_late, self._flaps, self._vanishes)
        while True:
            bot = self.desk.bot(self.pulse.name, self.pulse.timeout * self.chance.uniform(0.1, 0.8))
            await self._trade(bot, self.chance.uniform(5.0, 60.0))
            while self.settled:
                self.steady = True
                await self._trade(bot, 5.0 * self.leisure)
            end = self.chance.choice(ends)
            self.record.reached[f"bot {end.__name__.strip('_')}"] += 1
            self.record.tell(f"bot {self.pulse.name} {end.__name__.strip('_')}")
            await end(bot)
            bot.die(*self.accounts)

    async def _trade(self, bot: Bot, seconds: float) -> None:
        """From its first check-in on: whoever trades before that is nobody's business."""
        await trio.sleep(0.2)
        with trio.move_on_after(seconds):
            while True:
                for account in self.accounts:
                    if len(self.desk.market.open_orders(account)) < MOST and not self._waits_for(account):
                        bot.place(account, self.chance.choice(LABELS))
                await trio.sleep(self.chance.uniform(1.0, 8.0) * self.leisure)

    def _waits_for(self, account: Account) -> bool:
        """Whoever is well behaved places nothing while it is being cancelled."""
        known = self.desk.board.standings().get(account.name)
        return self.settled and known is not None and known.guard.trip is not None

    async def _pause(self) -> None:
        await trio.sleep(self.chance.choice([0.1, 0.5, 1.0, 3.0]) * self.pulse.timeout * self.chance.uniform(0.8, 1.2))

    async def _dies(self, bot: Bot) -> None:
        bot.die(*self.accounts)
        await self._pause()

    async def _hangs(self, bot: Bot) -> None:
        """Silent, with its sockets alive; at last somebody kills it."""
        bot.hang()
        await trio.sleep(self.pulse.timeout * self.chance.uniform(1.5, 6.0))

    async def _stops(self, bot: Bot) -> None:
        bot.hang()
        bot.say("STOPPING=1")
        await self._pause()

    async def _triggers(self, bot: Bot) -> None:
        bot.say("WATCHDOG=trigger")
        await self._trade(bot, self.chance.uniform(0.5, 10.0))

    async def _is_late(self, bot: Bot) -> None:
        """A long garbage collection, then it goes on as if nothing had been."""
        bot.hang()
        await trio.sleep(self.pulse.timeout * self.chance.uniform(0.9, 2.5))
        bot.beating = True
        bot.say("WATCHDOG=1")
        await self._trade(bot, self.chance.uniform(1.0, 10.0))

    async def _flaps(self, bot: Bot) -> None:
        for _ in range(self.chance.randint(2, 5)):
            bot.die(*self.accounts)
            await trio.sleep(self.pulse.timeout * self.chance.uniform(0.1, 0.7))
            bot = self.desk.bot(self.pulse.name, self.pulse.timeout * 0.4)
            await self._trade(bot, self.pulse.timeout * self.chance.uniform(0.3, 1.5))
        bot.die(*self.accounts)

    async def _vanishes(self, bot: Bot) -> None:
        """Its host is gone: no socket closes, and the venue finds out by and by."""
        bot.scope.cancel()
        bot.hang()
        await trio.sleep(self.chance.uniform(5.0, 30.0))
