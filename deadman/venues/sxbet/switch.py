"""SX Bet's switch: a lease on the account's orders, which the venue cancels when it runs out (protocol, section 9)."""

from __future__ import annotations

from dataclasses import dataclass

from deadman import facts
from deadman.config.schema import SxBetAccount
from deadman.errors import Reason, Setback, SwitchOff
from deadman.promise import CUT
from deadman.proof import Coverage, Proof
from deadman.venues.sxbet import wire
from deadman.venues.sxbet.conversation import Conversation

LOOK_AGAIN = 20.0
"""Seconds between two looks at an observed account."""


@dataclass(frozen=True, slots=True)
class Switch:
    """Takes, renews, cuts and gives back the lease."""

    account: SxBetAccount
    conversation: Conversation

    async def arm(self) -> Proof:
        """Register or renew: the venue knows one call for both.

        Raises:
            SwitchOff: the echo is not what we asked for, or there is no readable expiry in the future.
            Setback: the account is only observed, and the venue tells nobody whether a lease stands.
        """
        if self.account.observe:
            raise Setback(Reason.UNSUPPORTED, "observing only: whether a lease stands cannot be read", LOOK_AGAIN)
        return await self._take(self.account.timeout_seconds)

    async def confirm(self) -> Proof:
        return await self.arm()

    async def cut(self) -> Proof:
        """Let the lease end in a second, and every order with it; one that has ended already is what we want."""
        asked_at, _ = await self._lease(CUT)
        return Proof(asked_at, float(CUT), Coverage.LEASE)

    async def turn_off(self) -> None:
        """An operator's `disarm` only: at the venue 0 disarms without cancelling."""
        await self._request(0)

    async def _request(self, seconds: int) -> wire.Lease:
        path, body = self.conversation.grant.lease_request(seconds)
        answer = await self.conversation.ask("POST", path, body)
        if not wire.succeeded(answer):
            raise self.conversation.failure(f"POST {path}", answer)
        return wire.lease(answer)

    async def _take(self, seconds: int) -> Proof:
        """The lease, dated from the asking, so that it may end a round trip early and never late."""
        asked_at, lease = await self._lease(seconds)
        left = self._time_left(lease)
        now = self.conversation.clock.now()
        took = now - asked_at
        self.conversation.post(facts.ClockCompared(now, left.by_ours - seconds + took / 2, took))
        return Proof(asked_at, min(float(seconds), left.at_most), Coverage.LEASE)

    async def _lease(self, seconds: int) -> tuple[float, wire.Lease]:
        """When we asked, and the lease the venue says it took down, if it is the one we asked for."""
        asked_at = self.conversation.clock.now()
        self.conversation.post(facts.Attempted(asked_at, float(seconds)))
        lease = await self._request(seconds)
        self._verify_echo(lease, seconds)
        return asked_at, lease

    def _verify_echo(self, lease: wire.Lease, seconds: int) -> None:
        """An unknown answer is not a yes. V3's answer is not documented: there an echo may be missing, not wrong."""
        required = self.account.api == "v2"
        if lease.timeout != seconds and (required or lease.timeout is not None):
            raise SwitchOff(Reason.GARBLED, f"asked for a lease of {seconds} s, the venue answered {lease.timeout}")
        if required and (lease.requestor or "").lower() != (self.account.requestor or "").lower():
            raise SwitchOff(Reason.GARBLED, f"the venue guards {lease.requestor}, not {self.account.requestor}")

    def _time_left(self, lease: wire.Lease) -> _Left:
        """How long the lease has by the venue's `expiresAt`: a cross-check of the echo, and no proof without it."""
        if lease.expiry_timestamp is None:
            raise SwitchOff(Reason.GARBLED, "the venue's answer has no readable expiresAt")
        ours = self.conversation.clock.timestamp()
        left = _Left.of(lease.expiry_timestamp, ours, lease.answered_timestamp)
        if left.at_most <= 0:
            raise SwitchOff(Reason.GARBLED, f"the venue says that the lease ended {-left.at_most:.0f} s ago")
        return left


@dataclass(frozen=True, slots=True)
class _Left:
    """Seconds to `expiresAt`; `at_most` by the kinder of two clocks: one wrong clock shall not decide."""

    by_ours: float
    at_most: float

    @classmethod
    def of(cls, expiry: float, ours: float, venues: float | None) -> _Left:
        by_ours = expiry - ours
        return cls(by_ours, by_ours if venues is None else max(by_ours, expiry - venues))
