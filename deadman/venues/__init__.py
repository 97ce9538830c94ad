"""The registry of venues, by the name that a config gives under `venue`. Adding a venue is its folder and a line here.

Nothing that is imported here talks to the network: `doors` does, once an account's door is made.
"""

from __future__ import annotations

from typing import Any

from deadman.venues import deribit, sxbet
from deadman.venues.venue import Venue

VENUES: dict[str, Venue[Any]] = {
    "deribit": deribit.VENUE,
    "sxbet": sxbet.VENUE,
}


def title(venue: str) -> str:
    """A venue's name for people; of one that this version does not know, the name that was given."""
    return VENUES[venue].title if venue in VENUES else venue
