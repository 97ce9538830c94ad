"""SX Bet's switch: a lease on the account's orders, which the venue cancels when it runs out.

Source: docs.sx.bet, "Heartbeat".
"""

from __future__ import annotations

from dataclasses import dataclass

from deadman.model import facts
from deadman.model.errors import Reason, Setback, SwitchOff, VenueError
from deadman.model.proof import Coverage, Proof
from deadman.venues.sxbet import wire
from deadman.venues.sxbet.conversation import Conversation
from deadman.venues.sxbet.settings import CUT, SxBetAccount
from deadman.venues.sxbet.wire import not_carried_out

LOOK_AGAIN = 20.0
"""Seconds between two looks at an observed account."""

LONGEST = 3600.0
"""Seconds of the longest lease the venue grants, whatever number it may answer with."""

GOES_ON = 2.0
"""Seconds ahead from which an end is one to come, and not the instant of the answer in a clock a little off."""


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

    async def cut(self) -> None:
        """Let the lease end in a second, and every order with it; one that has ended already is what we want.

        Raises:
            Setback: the venue answered with another number: how long the lease goes on is its word, not ours.
        """
        try:
            await self._lease(CUT)
        except SwitchOff as error:
            raise Setback(error.reason, error.detail) from error

    async def turn_off(self) -> None:
        """An operator's `disarm` only: at the venue 0 disarms without cancelling.

        Raises:
            Setback: by the venue's answer a lease goes on, or it is not ours that was let go.
        """
        try:
            await self._lease(0)
        except SwitchOff as error:
            raise Setback(error.reason, error.detail) from error

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
        lease = await self._ask(asked_at, seconds)
        wrong = self._wrong_echo(lease, seconds)
        longest, sure = max(float(seconds), min(lease.timeout or 0.0, LONGEST)), None if wrong else float(seconds)
        stands = self._names_a_lease(lease, seconds) if wrong else False
        self.conversation.post(facts.LeaseGranted(self.conversation.clock.now(), asked_at, longest, sure, stands))
        if wrong:
            raise SwitchOff(Reason.GARBLED, wrong)
        return asked_at, lease

    async def _ask(self, asked_at: float, seconds: int) -> wire.Lease:
        """The venue's answer to one request; every other end of it is posted here, our being called away included."""
        path, body = self.conversation.grant.lease_request(seconds)
        end: type[facts.LeaseDenied | facts.LeaseGivenUp] | None = facts.LeaseGivenUp
        self.conversation.post(facts.Attempted(asked_at, float(seconds)))
        try:
            answer = await self.conversation.ask("POST", path, body)
            if not wire.succeeded(answer):
                raise self.conversation.failure(f"POST {path}", answer)
            end = None
            return wire.lease(answer)
        except VenueError as error:
            end = facts.LeaseDenied if not_carried_out(error) else facts.LeaseGivenUp
            raise
        finally:
            if end is not None:
                self.conversation.post(end(self.conversation.clock.now(), asked_at))

    def _wrong_echo(self, lease: wire.Lease, seconds: int) -> str:
        """How the answer is not what we asked for; empty when it is. An unknown answer is not a yes.

        V3's answer is not documented: there an echo may be missing, not wrong. A 0 is believed without one unless the
        venue names an end that both clocks see ahead.
        """
        required = self.account.api == "v2"
        if lease.timeout != seconds and (required or lease.timeout is not None):
            return f"asked for a lease of {seconds} s, the venue answered {lease.timeout}"
        if required and not self._is_ours(lease):
            return f"the venue guards {lease.requestor}, not {self.account.requestor}"
        if seconds == 0 and lease.timeout is None and self._goes_on(lease):
            return "asked for no lease, the venue answered with one that goes on"
        return ""

    def _names_a_lease(self, lease: wire.Lease, seconds: int) -> bool | None:
        """Whether a wrong echo says yes to some lease of ours all the same; None: it names another wallet."""
        if seconds == 0 or lease.timeout == 0:
            return False
        required = self.account.api == "v2"
        return None if required and not self._is_ours(lease) else True

    def _is_ours(self, lease: wire.Lease) -> bool:
        return (lease.requestor or "").lower() == (self.account.requestor or "").lower()

    def _goes_on(self, lease: wire.Lease) -> bool:
        if lease.expiry_timestamp is None:
            return False
        left = _Left.of(lease.expiry_timestamp, self.conversation.clock.timestamp(), lease.answered_timestamp)
        return left.at_least > GOES_ON

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
    """Seconds to `expiresAt`; `at_most` and `at_least` by two clocks: one wrong clock shall not decide."""

    by_ours: float
    at_most: float
    at_least: float

    @classmethod
    def of(cls, expiry: float, ours: float, venues: float | None) -> _Left:
        by_ours = expiry - ours
        by_theirs = by_ours if venues is None else expiry - venues
        return cls(by_ours, max(by_ours, by_theirs), min(by_ours, by_theirs))
