"""Audits the bound that a bot's death is about: from its last check-in to its orders gone, while nothing hinders us."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import trio

from deadman.config.schema import Account
from deadman.guard import Phase
from deadman.promise import promise
from tests.swarm.laws.deeds import Deeds
from tests.swarm.laws.pulse import Pulse
from tests.swarm.laws.record import Record, Troubles
from tests.swarm.plays.plan import LAG
from tests.swarm.world.desk import Desk

LOOK = 0.25
BEFORE = 5.0
"""Seconds of calm before the last check-in, so that no old trouble has a part in it."""


@dataclass
class Deaths:
    """`ready`: accounts that stood armed, by watch and last check-in; each is judged once, when its bound is up."""

    desk: Desk
    pulses: dict[str, Pulse]
    deeds: Deeds
    troubles: Troubles
    record: Record
    ready: dict[tuple[str, str], float] = field(default_factory=dict)

    async def watch(self) -> None:
        while True:
            for pulse in self.pulses.values():
                for account in tuple(self.desk.accounts.values()):
                    if pulse.name in account.watches and account.on_trip != "none":
                        self.look(pulse, account)
            await trio.sleep(LOOK)

    def look(self, pulse: Pulse, account: Account) -> None:
        now, key = trio.current_time(), (pulse.name, account.name)
        if pulse.sent_at is None or not self.desk.running:
            return
        standing = self.desk.board.standings().get(account.name)
        armed = standing is not None and standing.phase is Phase.ARMED
        if armed and now < pulse.sent_at + min(pulse.timeout / 2, 0.5):
            self.ready[key] = pulse.sent_at
        bound = promise(account, self.desk.watches).gone_within(len(self.deeds.selected(account)))
        if bound is not None and self.ready.get(key) == pulse.sent_at and now >= pulse.sent_at + bound + LOOK + LAG:
            del self.ready[key]
            self.judge(pulse, account, pulse.sent_at)

    def judge(self, pulse: Pulse, account: Account, last_check_in: float) -> None:
        if not self.troubles.calm_since(last_check_in - BEFORE) or pulse.held_until > last_check_in:
            return
        if pulse.quiet_from < inf and self.desk.watches[pulse.name].on_stopping == "release":
            return  # it said goodbye, and was let go
        self.record.reached[f"a death under {account.on_trip}"] += 1
        left = [one for one in self.deeds.selected(account) if self.deeds.placed_at(one) <= last_check_in]
        said = f"{account.name}: {pulse.name} last checked in at {last_check_in:.2f} s, and {len(left)} orders rest"
        self.record.expect(not left, said)
