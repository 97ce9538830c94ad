"""An operator's word: in force, then on the disk, then confirmed; and refused or done, never both."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from deadman.cli.client import ask
from deadman.cli.parser import NotDone, Unreachable
from deadman.control.commands import Disk
from deadman.model.guard import Phase
from tests.support.control_desk import desk as control_desk
from tests.support.control_thread import served
from tests.swarm.world.desk import deribit_account, open_desk

DESK = deribit_account("desk")


@pytest.mark.parametrize("word", ["trip", "disarm"])
async def test_a_word_that_was_confirmed_survives_a_kill_in_the_next_instant(
    word: str, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK) as desk:
        desk.host.disk.seconds = 0.5
        await desk.until(Phase.ARMED, within=5)
        await trio.sleep(2)
        outcome = await desk.command(word, "desk")
        await desk.crash()
        assert outcome["accounts"]["desk"]["done"]
        await desk.start()
        await trio.sleep(30)
        assert desk.phase() in (Phase.TRIPPED, Phase.DISARMED)


@pytest.mark.parametrize("word", ["trip", "disarm", "arm"])
async def test_a_word_that_the_disk_refuses_stays_in_force_and_is_not_called_done(
    word: str, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK) as desk:
        await desk.until(Phase.ARMED, within=5)
        desk.exchange.exchange.place("desk")
        await trio.sleep(2)
        if word == "arm":
            await desk.command("disarm", "desk")
        desk.host.disk.full = True
        outcome = (await desk.command(word, "desk"))["accounts"]["desk"]
        assert not outcome["done"]
        assert "a restart would forget this" in outcome["words"]
        assert desk.phase() is {"trip": Phase.TRIPPED, "disarm": Phase.DISARMED, "arm": Phase.ARMED}[word]


async def test_a_trip_does_not_wait_for_a_disk_that_hangs(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await desk.until(Phase.ARMED, within=5)
        await trio.sleep(2)
        desk.exchange.exchange.place("desk")
        desk.host.disk.seconds = 60.0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(desk.command, "trip", "desk")
            await desk.gone("desk", within=1)
            nursery.cancel_scope.cancel()


async def test_a_board_without_an_answer_from_the_disk_says_so(autojump_clock: MockClock) -> None:
    async with open_desk(DESK) as desk:
        await trio.sleep(2)
        desk.host.disk.seconds = 60.0
        await desk.command("disarm", "desk")
        disk = Disk(desk.board)
        await disk.write()
        assert disk.fault is not None


def request(method: str, **params: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params, "notice": True}).encode() + b"\n"


async def test_what_was_not_begun_when_its_client_hung_up_is_not_carried_out(tmp_path: Path) -> None:
    async with control_desk(tmp_path) as made:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(made.path))
            client.sendall(request("trip", accounts=["desk"]))
        await trio.sleep(0.2)  # the loop has not run since: the client was there and is gone
        assert made.board.standing("desk").guard.trip is None


async def test_a_client_without_notices_that_hung_up_is_not_obeyed_either(tmp_path: Path) -> None:
    async with control_desk(tmp_path) as made:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(made.path))
            client.sendall(request("hold", watch="quoter", **{"for": 60}).replace(b', "notice": true', b""))
        await trio.sleep(0.2)
        assert made.board.watch("quoter").hold is None


async def test_a_client_that_only_ends_its_own_side_is_obeyed(tmp_path: Path) -> None:
    async with control_desk(tmp_path) as made:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(made.path))
            client.sendall(request("hold", watch="quoter", **{"for": 60}))
            client.shutdown(socket.SHUT_WR)
            await trio.sleep(0.2)
        assert made.board.watch("quoter").hold is not None


def stall(made: object, seconds: float) -> threading.Thread:
    """The daemon's loop stands still for so long, as under SIGSTOP."""
    standing = threading.Thread(target=made.do, args=(time.sleep, seconds))  # type: ignore[attr-defined]
    standing.start()
    time.sleep(0.1)
    return standing


def test_a_stalled_daemon_does_not_carry_out_what_was_said_not_to_be_answered(tmp_path: Path) -> None:
    with served(tmp_path) as made:
        standing = stall(made, 1.0)
        with pytest.raises(Unreachable, match="nothing is done"):
            ask(made.desk.path, "trip", {"accounts": ["desk"]}, timeout=0.4)
        standing.join()
        time.sleep(0.3)
        assert made.board.standing("desk").guard.trip is None


def test_what_was_begun_and_not_answered_is_told_as_begun(tmp_path: Path) -> None:
    with served(tmp_path) as made:
        with pytest.raises(NotDone, match="begun; see status"):
            ask(made.desk.path, "trip", {"accounts": ["desk"]}, timeout=0.4)
        assert made.board.standing("desk").guard.trip is not None
