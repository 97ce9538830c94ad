"""A disarm with a time, on a machine that sleeps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deadman.control.commands import end_those_over
from deadman.model.facts import Disarmed
from deadman.model.guard import Phase
from deadman.status.report import report
from tests.support.boards import Hand, deribit, hand


@pytest.fixture
def machine() -> Hand:
    held = hand(deribit("desk"))
    held.board.clock = replace(held.board.clock, uptime=lambda: 7.0 + held.seconds + slept[0])
    slept[0] = 0.0
    return held


slept = [0.0]


def disarm(held: Hand, seconds: float) -> None:
    held.post("desk", Disarmed(held.now, "alice", "", held.now + seconds, held.board.clock.slept()))


def test_a_disarm_ends_by_peoples_clocks_though_the_machine_slept(machine: Hand) -> None:
    disarm(machine, 900.0)
    machine.advance(60.0)
    slept[0] = 600.0
    end_those_over(machine.board)
    machine.advance(230.0)
    end_those_over(machine.board)
    assert machine.board.standing("desk").phase is Phase.DISARMED
    shown = report(machine.board).accounts["desk"].disarm
    assert shown is not None
    assert shown.until is not None
    assert shown.until - machine.board.clock.timestamp() == pytest.approx(10.0), "what is shown moves with it"
    machine.advance(10.1)
    end_those_over(machine.board)
    assert machine.board.standing("desk").phase is not Phase.DISARMED


def test_a_disarm_given_right_after_a_sleep_has_its_whole_time(machine: Hand) -> None:
    slept[0] = 3600.0
    disarm(machine, 60.0)
    machine.advance(59.0)
    end_those_over(machine.board)
    assert machine.board.standing("desk").phase is Phase.DISARMED
