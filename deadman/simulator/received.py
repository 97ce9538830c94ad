"""What the venues were asked, for tests to look through: that nothing disarming came, and how often anything did."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LIMIT = 20_000  # the oldest are forgotten: a long simulation must not eat the machine


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived at `at`, before any fault. `params` may hold credentials: never print them."""

    at: float
    account: str | None
    connection: int
    method: str
    params: Mapping[str, Any]


def new_log() -> deque[Received]:
    return deque(maxlen=LIMIT)
