"""The control socket served from a thread, for clients that block: the command line as people use it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import trio

from deadman.control.server import Policy, serve
from deadman.model.board import Board
from tests.support.control_desk import Desk, new_board

Result = TypeVar("Result")


@dataclass
class Served:
    """A daemon's control socket, and a config that leads there."""

    config: Path
    desk: Desk
    token: trio.lowlevel.TrioToken

    def do(self, change: Callable[..., Result], *given: object) -> Result:
        """Something done to the board, in its loop."""
        return trio.from_thread.run_sync(change, *given, trio_token=self.token)

    @property
    def board(self) -> Board:
        return self.desk.board


def write_config(directory: Path) -> Path:
    """A config as clients read it: its accounts are none of their business."""
    path = directory / "config.toml"
    path.write_text(f'[daemon]\nruntime_directory = "{directory}"\n[accounts.desk]\nvenue = "unreadable"\n')
    return path


@contextmanager
def served(directory: Path, policy: Policy | None = None) -> Iterator[Served]:
    """A board of two accounts, desk and maker, behind a real socket in `directory`."""
    allowed = Policy({os.getuid(): "alice"}) if policy is None else policy
    ready, made, stop = threading.Event(), list[Served](), trio.CancelScope()

    async def main() -> None:
        with stop:
            async with trio.open_nursery() as nursery:
                desk = Desk(new_board(), directory / "control.sock")
                await nursery.start(serve, desk.board, desk.path, allowed)
                made.append(Served(write_config(directory), desk, trio.lowlevel.current_trio_token()))
                ready.set()

    thread = threading.Thread(target=trio.run, args=(main,), daemon=True)
    thread.start()
    assert ready.wait(5)
    try:
        yield made[0]
    finally:
        made[0].do(stop.cancel)
        thread.join(5)
