"""An operator's word is in force, then on the disk, then confirmed to him. What it asks for does not wait."""

from __future__ import annotations

from dataclasses import dataclass

import trio

from deadman.board import Board

PATIENCE = 8.0
"""Seconds a word waits for the disk, which itself counts as hung after five."""


@dataclass
class Disk:
    """`fault`: why the disk does not know of a word that is in force; None once it does."""

    board: Board
    fault: str | None = "the disk has not answered"

    async def write(self) -> None:
        """Return once the disk has taken, or refused, all that the board says now; or when it takes too long."""
        with trio.move_on_after(PATIENCE):
            self.fault = self.board.state_fault if self.board.written is None else await self.board.written()
