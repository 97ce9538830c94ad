"""A reload is a difference, applied whole or not at all; whatever fails or hangs keeps what is in force."""

from __future__ import annotations

import os
import pwd
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
import trio
from trio.testing import MockClock

from deadman.checkins.rounds import Watches
from deadman.checkins.sockets import SocketInboxes
from deadman.config.load import load
from deadman.daemon.keepers import Keepers, Reloader
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.guard import Phase
from deadman.transport.blocking import in_thread
from tests.swarm.world.desk import deribit_account, open_desk, sxbet_account

ME = pwd.getpwuid(os.geteuid()).pw_name

CONFIG = f"""
[daemon]
runtime_directory = "RUNTIME"

[watches.quoter]
timeout = 5
user = "{ME}"

[accounts.desk]
venue = "deribit"
network = "testnet"
client_id = "id"
client_secret = {{ env = "KEY" }}
watch = "quoter"
"""


@dataclass
class House:
    path: Path
    board: Board
    watches: Watches
    reloader: Reloader

    def beat(self, watch: str = "quoter") -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"WATCHDOG=1", str(self.path.parent / "watch" / f"{watch}.sock"))

    def hears(self) -> bool:
        """Whether a check-in of the bot counts."""
        before = self.board.watch("quoter").check_ins
        self.beat()
        self.watches.look()
        return self.board.watch("quoter").check_ins > before

    def edit(self, old: str, new: str) -> None:
        self.path.write_text(self.path.read_text().replace(old, new))


@asynccontextmanager
async def house(directory: Path) -> AsyncIterator[House]:
    path = directory / "config.toml"
    path.write_text(CONFIG.replace("RUNTIME", str(directory)))
    environment = {"KEY": "k" * 20, "HOME": str(directory)}
    board = Board.new(Clock(trio.lowlevel.current_clock().current_time, time.time))
    config = load(path, environment)
    inboxes = SocketInboxes(directory / "watch", None, board.clock)
    watches = Watches(board, inboxes)
    try:
        async with trio.open_nursery() as nursery:
            never: Any = None
            keepers = Keepers(board, nursery, never, never)
            for account in config.accounts.values():
                board.add(account)
            watches.apply(config.watches)
            keepers.apply = lambda accounts: None  # type: ignore[method-assign]
            reader = lambda: load(path, environment)  # noqa: E731
            yield House(path, board, watches, Reloader(config, board, watches, keepers, reader, in_thread))
            nursery.cancel_scope.cancel()
    finally:
        inboxes.close()


def unknown(name: str) -> NoReturn:
    raise KeyError(name)


async def test_a_user_who_cannot_be_looked_up_makes_no_stranger_of_the_living_bot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(tmp_path) as made:
        assert made.hears()
        monkeypatch.setattr(pwd, "getpwnam", unknown)
        made.edit("timeout = 5", "timeout = 7")
        await made.reloader.reload()
        assert not made.board.reload.successful
        assert f'no user "{ME}"' in caplog.text
        assert made.board.watch("quoter").timeout == 5
        assert made.hears()
        monkeypatch.undo()
        await made.reloader.reload()
        assert made.board.reload.successful
        assert made.board.watch("quoter").timeout == 7
        assert made.hears()


async def test_a_name_service_that_hangs_stalls_no_loop_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deadman.daemon.keepers.RELOAD_TIMEOUT", 0.3)

    def hang(name: str) -> NoReturn:
        time.sleep(1.0)
        raise KeyError(name)

    async with house(tmp_path) as made:
        monkeypatch.setattr(pwd, "getpwnam", hang)
        made.edit("timeout = 5", "timeout = 7")
        longest, before = 0.0, time.monotonic()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.reloader.reload)
            for _ in range(40):
                await trio.sleep(0.01)
                longest, before = max(longest, time.monotonic() - before), time.monotonic()
        assert longest < 0.25
        assert not made.board.reload.successful
        assert made.board.watch("quoter").timeout == 5
        assert made.hears()
        await trio.sleep(0.9)


async def test_sockets_of_a_reload_that_was_given_up_are_closed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deadman.daemon.keepers.RELOAD_TIMEOUT", 0.2)
    real = pwd.getpwnam

    def slow(name: str) -> pwd.struct_passwd:
        time.sleep(0.5)
        return real(name)

    async with house(tmp_path) as made:
        monkeypatch.setattr(pwd, "getpwnam", slow)
        made.edit("[accounts.desk]", "[watches.hedger]\ntimeout = 5\n[accounts.desk]")
        await made.reloader.reload()
        assert not made.board.reload.successful
        await trio.sleep(1.2)
        assert not (tmp_path / "watch" / "hedger.sock").exists()
        assert "hedger" not in made.board.watches()


async def test_at_the_start_a_hanging_name_service_holds_nothing_up_and_the_user_is_found_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deadman.checkins.sockets.LOOK_UP_TIMEOUT", 0.2)
    monkeypatch.setattr("deadman.checkins.sockets.LOOK_UP_INTERVAL", 0.2)
    monkeypatch.setattr(pwd, "getpwnam", unknown)
    async with house(tmp_path) as made, trio.open_nursery() as nursery:
        assert not made.hears()
        nursery.start_soon(made.watches.run)
        monkeypatch.undo()
        monkeypatch.setattr("deadman.checkins.sockets.LOOK_UP_INTERVAL", 0.2)
        with trio.fail_after(8):
            while not made.hears():
                await trio.sleep(0.1)
        nursery.cancel_scope.cancel()


async def test_a_reload_that_changes_nothing_changes_nothing_that_is_said(autojump_clock: MockClock) -> None:
    desk_account, maker = deribit_account("desk"), sxbet_account("maker")
    async with open_desk(desk_account, maker) as desk:
        for name in ("desk", "maker"):
            await desk.until(Phase.ARMED, within=5, name=name)
        await trio.sleep(1)
        before = {name: one.guard for name, one in desk.board.standings().items()}
        await desk.reload(desk_account, maker)
        after = {name: one.guard for name, one in desk.board.standings().items()}
        assert {n: (g.session_at, g.proof, g.covered_since, g.can_cancel) for n, g in before.items()} == {
            n: (g.session_at, g.proof, g.covered_since, g.can_cancel) for n, g in after.items()
        }
