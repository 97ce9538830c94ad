"""How often refusals are logged: whoever is refused a thousand times must not drown, or have dropped, what matters."""

from __future__ import annotations

from dataclasses import dataclass, field

PAUSE = 10.0
"""Seconds between two lines about one user. journald drops a unit's lines beyond 10,000 in 30 s, of whatever level."""


@dataclass
class Refusals:
    """When each user was told of last, monotonic."""

    told_at: dict[int, float] = field(default_factory=dict)

    def is_news(self, uid: int, now: float) -> bool:
        """Whether this refusal of a user is to be logged; it then counts as logged."""
        if now < self.told_at.get(uid, now - PAUSE) + PAUSE:
            return False
        self.told_at[uid] = now
        return True
