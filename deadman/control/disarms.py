"""A disarm that was given a time ends by itself, also where the machine has slept meanwhile."""

from __future__ import annotations

import trio

from deadman.board import Board
from deadman.clock import SUSPENDED
from deadman.facts import Disarmed, Rearmed, Slept

PACE = 1.0
"""Seconds a disarm may last too long. Looked at again and again: a sleep to the end would miss a suspend."""


async def end_disarms(board: Board) -> None:
    """Re-arm every account whose disarm has run out, until cancelled."""
    while True:
        end_those_over(board)
        await trio.sleep(PACE)


def end_those_over(board: Board) -> None:
    for account in board.standings():
        disarm = _moved(board, account)
        if disarm is not None and disarm.until is not None and disarm.until <= board.clock.now():
            board.post(account, Rearmed(disarm.until, "deadman", "the time of the disarm is over"))


def _moved(board: Board, account: str) -> Disarmed | None:
    """The account's disarm, its end moved by what the machine has slept."""
    slept, disarm = board.clock.slept(), board.standing(account).guard.disarm
    if disarm is None or abs(slept - disarm.slept) < SUSPENDED:
        return disarm
    board.post(account, Slept(board.clock.now(), slept))
    return board.standing(account).guard.disarm
