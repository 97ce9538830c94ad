"""The venue's own numbers, and our reading of what its documents leave open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..credits import Pool


@dataclass(frozen=True, slots=True)
class Settings:
    """How the venue behaves when all is well. Times in seconds.

    Attributes:
        v2: the second generation is live; retired, saying so; or hollow: its heartbeat says yes and guards nothing.
        errors: the shape of error bodies: the documents' own, or the one clients report.
        lower_case: what a requestor that is not checksummed gets: an error, or a yes that registers nothing.
        expiry_lag: from the end of a lease to the cancelling, drawn evenly between these.
        clock_skew: how far the venue's wall clock is ahead, in `Date` and `expiresAt`.
        orders_in: where the list of V3's open orders stands: `data` itself, or `data.orders`.
        keep_alive: an idle connection is closed after this.
        pools: requests a minute: 500 in general, 5,500 for the routes of orders.
    """

    v2: Literal["live", "retired", "hollow"] = "live"
    errors: Literal["documented", "nestjs"] = "nestjs"
    lower_case: Literal["rejected", "ignored"] = "ignored"
    expiry_lag: tuple[float, float] = (0.0, 0.0)
    clock_skew: float = 0.0
    orders_in: Literal["data", "data.orders"] = "data.orders"
    keep_alive: float = 900.0
    pools: Mapping[str, Pool] = field(
        default_factory=lambda: {"any": (1, 500, 500 / 60), "orders": (1, 5_500, 5_500 / 60)}
    )
