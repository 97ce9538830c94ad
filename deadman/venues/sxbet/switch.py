"""SX Bet's switch: a lease on the account's orders, which the venue cancels when it runs out.

Source: docs.sx.bet, "Heartbeat".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deadman.model import facts
from deadman.model.errors import Reason, Setback, SwitchOff, VenueError
from deadman.model.proof import Coverage, Proof
from deadman.venues.sxbet import wire
from deadman.venues.sxbet.conversation import Conversation
from deadman.venues.sxbet.settings import SxBetAccount
from deadman.venues.sxbet.wire import not_carried_out

LOOK_AGAIN = 20.0
"""Seconds between two looks at an observed account."""

LONGEST = 3600.0
"""Seconds of the longest lease the venue grants, whatever number it may answer with."""

GOES_ON = 2.0
"""Seconds ahead from which an end is one to come, and not the instant of the answer in a clock a little off."""


@dataclass(frozen=True, slots=True)
class _Left:
    """Seconds to `expiresAt`; `at_most` and `at_least` by two clocks: one wrong clock shall not decide."""

    by_ours: float
    at_most: float
    at_least: float


@dataclass(frozen=True, slots=True)
class Switch:
    """Takes, renews, cuts and gives back the lease."""

    account: SxBetAccount
    conversation: Conversation

    async def take(self) -> Proof:
        """Register or renew: the venue knows one call for both.

        The proof is dated from the asking, so that it may end a round trip early and never late.

        Raises:
            SwitchOff: the echo is not what we asked for, or there is no readable expiry in the future.
            Setback: the lease is granted as asked for, and nobody says until when; or the account is only observed, and
                the venue tells nobody whether a lease stands.
        """
        if self.account.observe:
            raise Setback(Reason.UNSUPPORTED, "observing only: whether a lease stands cannot be read", LOOK_AGAIN)
        seconds = self.account.timeout_seconds
        asked_at, lease, left = await self._lease(seconds)
        if left is None and self.account.api == "v3" and lease.timeout == seconds:
            words = (
                f"SX Bet grants a lease of {seconds} s and does not say until when: leased, expiry unknown, no proof"
            )
            raise Setback(Reason.GARBLED, words)
        if left is None:
            raise SwitchOff(Reason.GARBLED, "the venue's answer has no readable expiresAt")
        if left.at_most <= 0:
            raise SwitchOff(Reason.GARBLED, f"the venue says that the lease ended {-left.at_most:.0f} s ago")
        now = self.conversation.clock.now()
        took = now - asked_at
        self.conversation.post(facts.ClockCompared(now, left.by_ours - seconds + took / 2, took))
        return Proof(asked_at, min(float(seconds), left.at_most), Coverage.LEASE)

    async def end(self, within: int) -> None:
        """`CUT` seconds: let the lease end with every order; one that has ended already is what we want.

        0 is for an operator's `disarm` only: at the venue it disarms without cancelling.

        Raises:
            Setback: by the venue's answer a lease goes on for as long as it says, or it is not ours that was let go.
        """
        try:
            await self._lease(within)
        except SwitchOff as error:
            raise Setback(error.reason, error.detail) from error

    async def _lease(self, seconds: int) -> tuple[float, wire.Lease, _Left | None]:
        """When we asked, the answer, and how long the lease goes on, if by the answer it is the one we asked for."""
        asked_at = self.conversation.clock.now()
        lease = await self._ask(asked_at, seconds)
        left = self._time_left(lease)
        is_ours = self.account.api == "v3" or (lease.requestor or "").lower() == (self.account.requestor or "").lower()
        wrong = self._wrong_echo(lease, seconds, left, is_ours)
        longest, sure = max(float(seconds), min(lease.timeout or 0.0, LONGEST)), None if wrong else float(seconds)
        stands: bool | None = False
        if wrong and seconds and lease.timeout != 0:
            stands = True if is_ours else None  # it says yes to some lease of ours all the same, or to another wallet
        self.conversation.post(facts.LeaseGranted(self.conversation.clock.now(), asked_at, longest, sure, stands))
        if wrong:
            raise SwitchOff(Reason.GARBLED, wrong)
        return asked_at, lease, left

    async def _ask(self, asked_at: float, seconds: int) -> wire.Lease:
        """The venue's answer to one request; every other end of it is posted here, our being called away included."""
        path, body = "/heartbeat/v3", dict[str, Any](timeoutSeconds=seconds)
        if self.account.api == "v2":
            path, body = "/heartbeat", {"requestor": self.account.requestor, **body}
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

    def _wrong_echo(self, lease: wire.Lease, seconds: int, left: _Left | None, is_ours: bool) -> str:
        """How the answer is not what we asked for; empty when it is. An unknown answer is not a yes.

        V3's answer is not documented: there an echo may be missing, not wrong. A 0 is believed without one unless the
        venue names an end that both clocks see ahead.
        """
        if lease.timeout != seconds and (self.account.api == "v2" or lease.timeout is not None):
            return f"asked for a lease of {seconds} s, the venue answered {lease.timeout}"
        if not is_ours:
            return f"the venue guards {lease.requestor}, not {self.account.requestor}"
        if seconds == 0 and lease.timeout is None and left is not None and left.at_least > GOES_ON:
            return "asked for no lease, the venue answered with one that goes on"
        return ""

    def _time_left(self, lease: wire.Lease) -> _Left | None:
        """By the venue's `expiresAt`: a cross-check of the echo, and no proof without it; None where it names none."""
        if lease.expiry_timestamp is None:
            return None
        by_ours = lease.expiry_timestamp - self.conversation.clock.timestamp()
        theirs = lease.answered_timestamp
        by_theirs = by_ours if theirs is None else lease.expiry_timestamp - theirs
        return _Left(by_ours, max(by_ours, by_theirs), min(by_ours, by_theirs))
