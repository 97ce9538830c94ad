"""An account at SX Bet: its settings, and the rules the model asks of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from deadman.model.leases import HEARD_WITHIN
from deadman.model.settings import Account, OnTrip, SecretSource
from deadman.model.text import at_most
from deadman.model.timers import REPLY_TIMEOUT, Backoff, Timers

CUT = 1
"""Seconds: the shortest lease SX Bet grants, and the only active cancel V2 offers to a key alone."""

REQUESTS_PER_MINUTE = 500
"""Beside orders and trades. Source: docs.sx.bet, rate limits."""


@dataclass(frozen=True, slots=True)
class SxBetAccount(Account):
    """`timeout_seconds` is the lease, 5 to 3600; `renew_interval` at most a third of it."""

    network: Literal["mainnet", "testnet"]
    api: Literal["v2", "v3"]
    api_key: SecretSource
    requestor: str | None = None
    timeout_seconds: int = 30
    renew_interval: float = 10.0
    on_trip: OnTrip = field(default="cancel", kw_only=True)

    venue: ClassVar[str] = "sxbet"

    @property
    def timers(self) -> Timers:
        """Three whole tries fit between a renewal's due time and the lease's end, each hung for all it may."""
        lease = float(self.timeout_seconds)
        attempt = min(REPLY_TIMEOUT, 0.3 * (lease - self.renew_interval))
        return Timers(
            renew_interval=self.renew_interval,
            reply_timeout=attempt,
            probe_interval=self.renew_interval,
            probe_timeout=attempt,
            vouch=lease,
            overdue_after=self.renew_interval + attempt,
            retry=Backoff(first=min(0.5, lease / 40), cap=min(5.0, max(0.5, self.renew_interval / 2))),
            patient_after=300.0,
            look_interval=25.0,
            rearm=attempt,
        )

    @property
    def secrets(self) -> Mapping[str, SecretSource]:
        return {"api_key": self.api_key}

    @property
    def place(self) -> str:
        return f"{self.venue} {self.network} {self.url} {self.api}"

    @property
    def credential(self) -> tuple[str | None, ...]:
        """A path to a key file is no identity: V3 knows the account by its key alone, so its name stands for it."""
        return (self.name if self.requestor is None else self.requestor,)

    @property
    def account_id(self) -> str | None:
        return None if self.requestor is None else self.requestor.lower()

    @property
    def lease(self) -> float:
        return float(self.timeout_seconds)

    @property
    def strongest_cancel(self) -> OnTrip:
        return "cancel" if self.api == "v3" else "expire"

    @property
    def what_stays(self) -> str:
        if self.observe:
            return "deadman only observes and holds no lease; its orders stay"
        return (
            f"a renewal that the venue carries out late adds up to {at_most(HEARD_WITHIN + self.timers.reply_timeout)} "
            "s, and its own delay in cancelling is not documented"
        )


def advice(accounts: Sequence[SxBetAccount]) -> Iterator[str]:
    requests = sum(60 / account.renew_interval for account in accounts)
    if requests > REQUESTS_PER_MINUTE / 2:
        yield (
            f"renewals take {requests:.0f} of the {REQUESTS_PER_MINUTE} requests per minute that SX Bet allows: "
            "lengthen renew_interval"
        )
