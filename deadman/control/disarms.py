"""A disarm that was given a time ends by itself."""

from __future__ import annotations

import trio

from deadman.board import Board
from deadman.facts import Rearmed

PACE = 1.0
"""Seconds a disarm may last too long. Looked at again and again: a sleep to the end would miss a suspend."""


async def end_disarms(board: Board) -> None:
    """Re-arm every account whose disarm has run out, until cancelled."""
    while True:
        for account, standing in board.standings().items():
            disarm = standing.guard.disarm
            if disarm is not None and disarm.until is not None and disarm.until <= board.clock.now():
                board.post(account, Rearmed(disarm.until, "deadman", "the time of the disarm is over"))
        await trio.sleep(PACE)
