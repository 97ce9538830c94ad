"""`history`: what has happened in this run, in the sentences that the log has."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from deadman.cli import main
from deadman.control.rpc import INVALID_PARAMS, UNKNOWN_NAME
from deadman.model import facts
from deadman.model.board import MOST_EVENTS
from deadman.model.facts import Cause
from deadman.telemetry.transitions import transitions
from tests.support.boards import NOON, deribit, hand
from tests.support.control_desk import desk
from tests.support.control_thread import served


def test_the_history_of_an_account_is_what_the_log_has_of_it_each_sentence_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    held = hand(deribit("desk", "quoter"))
    held.board.listen(transitions(held.board))
    held.arm("desk", ttl=65.0)
    held.post("desk", facts.Answered(held.now, 0.1), facts.VenueFired(held.now, 2))
    held.advance(3.0)
    held.post("desk", facts.Tripped(held.now, Cause.SILENCE, "quoter", "silent 5 s"), facts.TripDone(held.now, False))
    events = held.board.events
    assert [event.text for event in events] == [record.getMessage() for record in caplog.records]
    assert [(event.event, event.phase_before, event.phase) for event in events] == [
        ("transition", "connecting", "arming"),
        ("transition", "arming", "armed"),
        ("venue_fired", "armed", "armed"),
        ("transition", "armed", "tripping"),
        ("transition", "tripping", "tripped"),
    ]
    assert [event.at for event in events] == [NOON, NOON, NOON, NOON + 3, NOON + 3]


def test_the_last_thousand_are_kept_and_the_oldest_go_first() -> None:
    held = hand()
    for number in range(MOST_EVENTS + 5):
        held.board.note("away", str(number))
    assert [event.text for event in held.board.events] == [str(number) for number in range(5, MOST_EVENTS + 5)]


async def test_an_operators_word_is_in_the_history_of_each_account_with_who_and_why(tmp_path: Path) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        await client.ask("hold", watch="quoter", **{"for": 60}, reason="deploy")
        made.board.note("watch_dead", "watch other: dead", watch="other")
        made.prove("desk")
        await client.ask("arm", accounts=["desk"], reason="again")
        events = (await client.ask("history"))["result"]["events"]
        assert [(one["event"], one["account"], one["watch"]) for one in events] == [
            ("operator_hold", None, "quoter"),
            ("watch_dead", None, "other"),
            ("operator_arm", "desk", None),
        ]
        assert events[0]["text"].startswith("hold quoter for 60 s by alice (uid ")
        assert events[2]["text"].startswith("arm desk by alice (uid ")
        assert events[2]["text"].endswith("): again")
        assert events[0]["at"] <= events[2]["at"]
        of_desk = (await client.ask("history", accounts=["desk"]))["result"]["events"]
        assert [one["event"] for one in of_desk] == ["operator_hold", "operator_arm"]


async def test_a_history_of_nobody_or_with_a_misspelt_parameter_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as made, made.client() as client:
        assert (await client.ask("history", accounts=["dsek"]))["error"]["code"] == UNKNOWN_NAME
        assert (await client.ask("history", account="desk"))["error"]["code"] == INVALID_PARAMS
        made.board.note("transition", "gone: ARMED -> DEGRADED", "gone")
        assert len((await client.ask("history", accounts=["gone"]))["result"]["events"]) == 1
        for wrong in (-1, MOST_EVENTS + 1, "all", True):
            assert (await client.ask("status", events=wrong))["error"]["code"] == INVALID_PARAMS
        assert (await client.ask("status", events=0))["result"]["events"] == []


def test_history_and_status_as_json_print_the_same_events(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(tmp_path) as made:
        for number in range(50):
            made.do(made.board.note, "transition", f"desk: number {number}", "desk")
        made.do(made.board.note, "transition", "maker: \x1b[31m", "maker")
        config = ("--config", str(made.config))
        assert main([*config, "history", "--json"]) == 0
        events = json.loads(capsys.readouterr().out)["events"]
        main([*config, "status", "--json"])
        assert json.loads(capsys.readouterr().out)["events"] == events
        assert len(events) == 51
        assert main([*config, "history", "desk"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.partition("Z  ")[2] for line in lines] == [f"desk: number {number}" for number in range(50)]
        main([*config, "history"])
        assert capsys.readouterr().out.endswith("maker: \\x1b[31m\n")
        assert main([*config, "history", "dsek"]) == 2
        assert capsys.readouterr().err == 'deadman: no account "dsek"; did you mean "desk"?\n'
