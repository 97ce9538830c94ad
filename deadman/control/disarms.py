"""A disarm that was given a time ends by itself, also where the machine has slept meanwhile."""

from __future__ import annotations

import trio

from deadman.board import Board
from deadman.facts import Rearmed, Slept

PACE = 1.0
"""Seconds a disarm may last too long. Looked at again and again: a sleep to the end would miss a suspend."""


async def end_disarms(board: Board) -> None:
    """Re-arm every account whose disarm has run out, until cancelled."""
    while True:
        end_those_over(board)
        await trio.sleep(PACE)


def end_those_over(board: Board) -> None:
    slept = board.clock.slept()
    for account, standing in board.standings().items():
        disarm = standing.guard.disarm
        if disarm is None or disarm.until is None:
            continue
        moved = disarm.after_sleep(slept)
        if moved != disarm:
            board.post(account, Slept(board.clock.now(), slept))
        if moved.until is not None and moved.until <= board.clock.now():
            board.post(account, Rearmed(moved.until, "deadman", "the time of the disarm is over"))
