"""A reload that brings a new account: no lease is taken for a bot that is not up."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random

import trio

from deadman.checkins.rounds import Watches
from deadman.config.load import load
from deadman.daemon.keeper import Keeper
from deadman.daemon.keepers import Keepers, Reloader
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.guard import Phase
from deadman.model.settings import Account
from deadman.transport.blocking import in_thread
from deadman.venues.venue import Session
from tests.support.inboxes import InMemoryInboxes

BEFORE = """
[watches.quoter]
timeout = 5
"""
ACCOUNT = """
[accounts.sx]
venue = "sxbet"
network = "testnet"
api = "v3"
api_key = { env = "SX_KEY" }
watch = "quoter"
"""


async def test_its_keeper_knows_before_its_first_step_that_it_waits(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(BEFORE + ACCOUNT.replace("sx]", "other]").replace("SX_KEY", "OTHER_KEY"))
    environment = {"SX_KEY": "key", "OTHER_KEY": "other", "HOME": str(tmp_path)}
    board = Board.new(Clock(trio.current_time, time.time))
    watches = Watches(board, InMemoryInboxes(), trio.current_time)
    opened: list[str] = []

    @asynccontextmanager
    async def open_session(account: Account) -> AsyncIterator[Session]:
        opened.append(account.name)
        await trio.sleep_forever()
        yield

    def make_keeper(account: Account) -> Keeper:
        return Keeper(account, board, partial(open_session, account), Random(1))

    async with trio.open_nursery() as nursery:
        keepers = Keepers(board, nursery, Random(1), make_keeper)
        config = load(path, environment)
        watches.apply(config.watches)
        keepers.apply(config.accounts)
        watches.look()
        path.write_text(path.read_text() + ACCOUNT)
        await Reloader(config, board, watches, keepers, partial(load, path, environment), in_thread).reload()
        await trio.sleep(0.05)
        assert [board.standing(name).phase for name in ("other", "sx")] == [Phase.WAITING] * 2
        assert opened == []
        nursery.cancel_scope.cancel()
