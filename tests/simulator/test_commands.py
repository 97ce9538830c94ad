"""Faults by command: what a person types, what is answered, what becomes of the orders."""

from __future__ import annotations

from dataclasses import fields

import pytest
import trio
from trio.testing import MockClock

from deadman.simulator.commands import COMMANDS, HELP, KNOBS, BadCommand, Stage, obey, turn
from deadman.simulator.deribit.venue import Deribit
from deadman.simulator.faults import Faults
from deadman.simulator.simulate import narrate
from deadman.simulator.sxbet.venue import SxBet


@pytest.fixture
async def stage() -> Stage:
    made = Stage(Deribit(), SxBet())
    made.deribit.add_key("id", "desk", secret="hush")
    made.sxbet.add_account("maker", "key")
    return made


async def test_every_command_is_in_the_help_and_every_knob_is_a_fault(autojump_clock: MockClock, stage: Stage) -> None:
    listed = {verb for line in HELP for verb in line.split()[0].split("|")}
    assert listed == set(COMMANDS)
    assert set(KNOBS) == {field.name for field in fields(Faults)} - {"gate"} | {"frozen"}
    assert "\n" not in obey(stage, "help")


@pytest.mark.parametrize("about", [*KNOBS, *COMMANDS])
async def test_help_explains_every_knob_and_every_command(autojump_clock: MockClock, stage: Stage, about: str) -> None:
    told = obey(stage, f"help {about}")
    assert len(told.split()) > 4
    assert "\n" not in told
    assert about in told
    assert "such as: set " in told.lower() or about in COMMANDS


NOTHING = {
    "thaw desk": "desk is not frozen",
    "drop desk": "desk has no connection to cut",
    "reset deribit": "deribit has no connection to cut",
    "drop sxbet": "sxbet keeps no connections; freeze it",
    "lose desk": "desk has no bot that a command connected: bot desk does",
    "withdraw maker": "maker has no open order",
    "place desk 0": "place ACCOUNT [COUNT] [rest]",
    "set desk refuse on": "refuse does nothing to an account",
    "set maker lying on": "lying does nothing at maker; help lying tells what it is for",
    "set deribit granted 5": "granted does nothing at deribit",
    "help lyin": "neither a command nor a knob 'lyin'; did you mean 'lying'?",
}


@pytest.mark.parametrize("line", NOTHING)
async def test_a_command_that_can_do_nothing_says_so(autojump_clock: MockClock, stage: Stage, line: str) -> None:
    assert obey(stage, line).startswith(f"error: {NOTHING[line]}")


async def test_what_is_so_already_is_told(autojump_clock: MockClock, stage: Stage) -> None:
    assert obey(stage, "switch desk off") == "cancel-on-disconnect of desk is off already"
    obey(stage, "freeze desk")
    assert obey(stage, "freeze desk") == "desk is frozen already"
    assert obey(stage, "thaw all") == "all moves again"


async def test_bots_and_their_orders_live_and_die_by_command(autojump_clock: MockClock, stage: Stage) -> None:
    assert "stay when" in obey(stage, "bot desk")
    obey(stage, "switch desk on")
    assert "go with" in obey(stage, "bot desk")
    assert obey(stage, "place desk 2") == "desk has 2 open orders"
    assert obey(stage, "place desk 1 rest") == "desk has 3 open orders"
    assert obey(stage, "place maker") == "maker has 1 open orders"
    assert "2 orders cancelled, 1 stay" in obey(stage, "lose desk")
    assert obey(stage, "orders") == "desk 1 open, maker 1 open"


async def test_faults_reach_the_one_who_is_named(autojump_clock: MockClock, stage: Stage) -> None:
    desk, maker = stage.deribit.accounts["desk"].faults, stage.sxbet.accounts["maker"].faults
    obey(stage, "freeze desk")
    assert (desk.frozen, maker.frozen, stage.deribit.faults.frozen) == (True, False, False)
    obey(stage, "set maker fail 'POST /heartbeat/v3=503'")
    assert maker.fail == {"POST /heartbeat/v3": 503}
    obey(stage, "set all delay 2.5")
    assert {desk.delay, maker.delay, stage.deribit.faults.delay, stage.sxbet.faults.delay} == {2.5}
    obey(stage, "clear")
    assert (desk.frozen, maker.fail, stage.sxbet.faults.delay) == (False, {}, 0.0)


VALUES = {
    "frozen": ("on", True),
    "delay": ("1.5", 1.5),
    "cancel_leaves": ("2", 2),
    "granted": ("5", 5),
    "silent": ("public/test,private/cancel_all", {"public/test", "private/cancel_all"}),
    "upgrade": ("503", 503),
    "body": ("drip", "drip"),
    "fail": ("*=11051", {"*": 11051}),
    "late": ("public/test=7", {"public/test": 7.0}),
    "stuck": ("BTC-1=11044", {"BTC-1": 11044}),
}


@pytest.mark.parametrize("knob", VALUES)
async def test_a_knob_turns_and_turns_back(autojump_clock: MockClock, knob: str) -> None:
    faults, (typed, value) = Faults(), VALUES[knob]
    before = getattr(Faults(), knob)
    turn(faults, knob, typed)
    assert getattr(faults, knob) == value
    turn(faults, knob, {"frozen": "off", "delay": "0"}.get(knob, "none"))
    assert getattr(faults, knob) == before


MISTAKES = [
    ("frobnicate", "no command 'frobnicate'"),
    ("freeze", "cannot read"),
    ("freeze nobody", "nobody is called 'nobody'"),
    ("place desk many", "place ACCOUNT"),
    ("bot maker", "no Deribit account"),
    ("drop maker", "no Deribit account"),
    ("set desk lyin on", "did you mean 'lying'"),
    ("set desk frozen maybe", "neither on nor off"),
    ("set desk delay soon", "not a number"),
    ("set desk fail 10028", "METHOD=CODE"),
    ("set desk late 7", "METHOD=SECONDS"),
    ("set maker body half", "is one of"),
    ("'unclosed", "cannot read"),
]


@pytest.mark.parametrize(("line", "part"), MISTAKES)
async def test_a_mistake_is_answered_in_words(autojump_clock: MockClock, stage: Stage, line: str, part: str) -> None:
    answer = obey(stage, line)
    assert answer.startswith("error: ")
    assert part in answer


async def test_a_knob_nobody_knows_is_a_bad_command(autojump_clock: MockClock) -> None:
    with pytest.raises(BadCommand):
        turn(Faults(), "x", "y")


async def test_status_says_what_each_venue_would_do_by_itself(autojump_clock: MockClock, stage: Stage) -> None:
    obey(stage, "switch desk on")
    stage.sxbet.leases.grant("maker", 30)
    await trio.sleep(10)
    assert obey(stage, "status").startswith("cancel-on-disconnect: desk on; leases: maker 20.0 s")
    obey(stage, "set desk lying on")
    assert "desk off" in obey(stage, "status")


async def test_a_narrator_tells_of_cancelled_orders_once_and_in_sum(autojump_clock: MockClock, stage: Stage) -> None:
    told: list[str] = []
    obey(stage, "place maker 3")
    stage.sxbet.leases.grant("maker", 5)
    with trio.move_on_after(10):
        await narrate((stage.deribit.exchange, stage.sxbet.exchange), told.append)
    assert told == ["maker: 3 orders cancelled, heartbeat_expired"]


async def test_maintenance_and_the_gateway_are_had_by_command(autojump_clock: MockClock, stage: Stage) -> None:
    stage.coinbase = Deribit()
    stage.coinbase.add_account("gate")
    assert obey(stage, "place gate 2") == "gate has 2 open orders"
    assert obey(stage, "maintenance coinbase on") == "coinbase: maintenance on"
    assert stage.coinbase.faults.maintenance
    assert not stage.deribit.faults.maintenance
    assert obey(stage, "orders gate") == "gate 2 open"
    assert "gate off" in obey(stage, "status")
    assert obey(stage, "maintenance maker on").startswith("error: ")
