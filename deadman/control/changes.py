"""Waiting for the board to say so."""

from __future__ import annotations

from collections.abc import Callable

import trio

from deadman.board import Board
from deadman.standing import Standing


async def until(board: Board, settled: Callable[[], bool]) -> None:
    """Return once `settled()`; it is asked now and after each change of any account."""
    send, receive = trio.open_memory_channel[None](1)

    def changed(account: str, before: Standing, after: Standing) -> None:
        try:
            send.send_nowait(None)
        except trio.WouldBlock:
            return  # a change is waiting to be looked at; it tells of this one too

    board.listen(changed)
    try:
        while not settled():
            await receive.receive()
    finally:
        board.unlisten(changed)
