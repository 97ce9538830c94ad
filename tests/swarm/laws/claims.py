"""Audits what we claim: `protected` is never shown while the exchange would not cancel, beyond the promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from deadman.config.schema import Account, DeribitAccount, SxBetAccount
from deadman.guard import Phase
from deadman.promise import timers
from deadman.standing import Standing
from tests.swarm.laws.record import Record, Troubles
from tests.swarm.world.desk import Desk

LOOK = 0.1
"""Seconds between two looks at every claim."""

TICK = 0.3
"""Seconds in which our loop notices a jump of the clocks."""

NOTICED = 2.0
"""Seconds beyond the interval of verification within which a calm venue's drift is told."""


@dataclass
class Claims:
    """`bare`: since when the exchange would not cancel, and whether all was well with us at that moment."""

    desk: Desk
    troubles: Troubles
    record: Record
    looks: list[Callable[[], None]]
    bare: dict[str, tuple[float, bool]] = field(default_factory=dict)

    async def watch(self) -> None:
        while True:
            self.look()
            for look in self.looks:
                look()
            await trio.sleep(LOOK)

    def look(self) -> None:
        for name, standing in self.desk.board.standings().items():
            account = self.desk.accounts.get(name)
            if account is not None:
                self.check(account, standing)

    def check(self, account: Account, standing: Standing) -> None:
        now = trio.current_time()
        self._note(account, standing, now)
        if not self.desk.running or not standing.guard.protected(now):
            return
        self.record.reached[f"protected in {standing.phase}"] += 1
        if isinstance(account, SxBetAccount):
            self._check_lease(account, standing, now)
        elif account.name in self.bare:
            since, was_well = self.bare[account.name]
            bound = self._bound(account, since, was_well=was_well)
            said = f"{account.name}: protected, and bare for {now - since:.1f} s; the bound is {bound:.1f} s"
            self.record.expect(now - since <= bound, said)

    def _note(self, account: Account, standing: Standing, now: float) -> None:
        if self.desk.market.would_cancel(account):
            self.bare.pop(account.name, None)
        elif account.name not in self.bare:
            well = standing.phase is Phase.ARMED and self.desk.running
            self.bare[account.name] = now, well

    def _bound(self, account: DeribitAccount, since: float, *, was_well: bool) -> float:
        """Our knowledge may be as old as we vouch; where nothing hinders us, as old as the last reading."""
        pace = timers(account)
        if was_well and self.troubles.calm_since(since + LOOK):
            return account.verify_interval + NOTICED + LOOK
        return pace.vouch + LOOK

    def _check_lease(self, account: SxBetAccount, standing: Standing, now: float) -> None:
        """The lease itself is the proof: it stands for at least as long as we say, but for a sleep just ended."""
        lease, proof = self.desk.sxbet.lease(account.name), standing.guard.proof
        if proof is None:
            self.record.violation(f"{account.name}: protected without a proof")
            return
        ends_at = now if lease is None else lease.ends_at - self.desk.market.time.ahead
        if ends_at >= proof.expiry - 1e-6 or now <= self.desk.host.woke_at + TICK:
            return
        if self._overtaken(account, now):
            self.record.reached["an earlier word overtook a later one"] += 1
            return
        self.record.violation(
            f"{account.name}: the lease ends {proof.expiry - ends_at:.2f} s before our claim: {lease}"
        )

    def _overtaken(self, account: SxBetAccount, now: float) -> bool:
        """A request that we gave up may be carried out after a later one; our next renewal puts that right."""
        mine = (one for one in reversed(self.desk.sxbet.received) if one.account == account.name)
        last = next((one for one in mine if "timeoutSeconds" in one.params), None)
        if last is None or last.params["timeoutSeconds"] == account.timeout_seconds:
            return False
        return now <= last.at + account.renew_interval + timers(account).reply_timeout
