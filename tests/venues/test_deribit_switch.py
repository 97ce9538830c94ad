"""Deribit's switch by what the venue reads and answers: what is a proof, what is turned on, and what is told as off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from deadman.model import facts
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused, Setback, SwitchOff, Unavailable, VenueError
from deadman.model.facts import Fact
from deadman.model.proof import Coverage, Proof
from deadman.venues.deribit.conversation import Conversation
from deadman.venues.deribit.switch import Switch
from deadman.venues.deribit.wire import READ_SWITCH, TURN_OFF, TURN_ON
from tests.support.boards import deribit

DESK = deribit("desk")
SEEN = replace(DESK, observe=True)
TIMERS = DESK.timers
PROOF = Proof(0.0, TIMERS.vouch, Coverage.INHERITED)
ON, OFF = True, False

TOKEN = Unavailable(Reason.CREDENTIALS, "13009")
SILENT = Unavailable(Reason.SILENT, "no answer")
BUSY = Setback(Reason.VENUE_ERROR, "10041")
SCOPE = Refused(Reason.SCOPE, "13021")


@dataclass
class Venue:
    """Its readings of both scopes, one after another; what it answers to being turned on or off; a fresh connection."""

    connection: list[Any]
    account: list[Any]
    fresh: bool = True
    answer: Any = "ok"
    asked: list[str] = field(default_factory=list)
    told: list[Fact] = field(default_factory=list)
    clock: Clock = field(default_factory=lambda: Clock(trio.current_time, trio.current_time))
    timers = TIMERS

    def post(self, fact: Fact) -> None:
        self.told.append(fact)

    async def ask(self, method: str, params: Mapping[str, Any], within: float | None = None) -> Any:
        scope = str(params["scope"])
        self.asked.append({READ_SWITCH: scope, TURN_ON: "on", TURN_OFF: "off"}[method])
        if method != READ_SWITCH:
            return _given(self.answer)
        read = _given((self.account if scope == "account" else self.connection).pop(0))
        return {"scope": scope, "enabled": read} if isinstance(read, bool) else read

    async def starts_armed(self) -> bool:
        self.asked.append("fresh")
        return self.fresh

    def switch(self, observe: bool = False) -> Switch:
        return Switch(SEEN if observe else DESK, cast(Conversation, self), self.starts_armed)


def _given(what: Any) -> Any:
    if isinstance(what, VenueError):
        raise what
    return what


READ = ["connection", "account"]
TURNED_ON = [*READ, "on", "account", "fresh"]


@pytest.mark.parametrize(
    ("venue", "observe", "asked"),
    [
        (Venue([ON], [ON]), False, READ),
        (Venue([ON], [OFF, ON]), False, TURNED_ON),
        (Venue([OFF], [ON, ON]), False, TURNED_ON),
        (Venue([OFF], [OFF, ON]), False, TURNED_ON),
        (Venue([ON], [ON]), True, READ),
        (Venue([OFF], [ON]), True, [*READ, "fresh"]),
    ],
)
async def test_it_is_proven_when_the_account_reads_on_and_a_connection_inherits_it(
    venue: Venue, observe: bool, asked: list[str], autojump_clock: MockClock
) -> None:
    turned_on = venue.account[0] is OFF
    assert await venue.switch(observe).arm() == PROOF
    assert venue.asked == asked
    assert any(isinstance(fact, facts.TurnedOn) for fact in venue.told) is turned_on
    assert any(isinstance(fact, facts.Repaired) for fact in venue.told) is ("on" in asked)
    sent = [fact.enabled for fact in venue.told if isinstance(fact, facts.SwitchSent)]
    assert sent == [True] * asked.count("on")


@pytest.mark.parametrize(
    ("venue", "observe", "asked", "words"),
    [
        (Venue([ON], [OFF, OFF]), False, TURNED_ON[:-1], "still reads off"),
        (Venue([ON], [OFF, ON], fresh=False), False, TURNED_ON, "new connections start without it"),
        (Venue([OFF], [ON, ON], fresh=False), False, TURNED_ON, "new connections start without it"),
        (Venue([ON], [OFF]), True, READ, "observing only"),
        (Venue([OFF], [ON], fresh=False), True, [*READ, "fresh"], "observing only"),
    ],
)
async def test_it_is_told_as_off_where_it_cannot_be_turned_on_or_is_not_inherited(
    venue: Venue, observe: bool, asked: list[str], words: str, autojump_clock: MockClock
) -> None:
    with pytest.raises(SwitchOff, match=words):
        await venue.switch(observe).arm()
    assert venue.asked == asked
    assert not any(isinstance(fact, facts.Repaired) for fact in venue.told)


@pytest.mark.parametrize(
    ("venue", "error", "reason"),
    [
        (Venue([None], []), Unavailable, Reason.GARBLED),
        (Venue([ON], [None]), Unavailable, Reason.GARBLED),
        (Venue([TOKEN], []), Refused, Reason.SCOPE),
        (Venue([ON], [TOKEN]), Refused, Reason.SCOPE),
        (Venue([ON], [SILENT]), Unavailable, Reason.SILENT),
        (Venue([ON], [OFF], answer=SCOPE), Refused, Reason.SCOPE),
        (Venue([ON], [OFF], answer=BUSY), Setback, Reason.VENUE_ERROR),
    ],
)
async def test_an_answer_that_says_neither_is_no_reading(
    venue: Venue, error: type[VenueError], reason: Reason, autojump_clock: MockClock
) -> None:
    with pytest.raises(error) as raised:
        await venue.switch().arm()
    assert (type(raised.value), raised.value.reason) == (error, reason)


async def test_a_token_that_once_was_good_has_only_run_out(autojump_clock: MockClock) -> None:
    """An observed account whose switch is off is read again over the same session, for as long as a token lasts."""
    switch = Venue([ON], [OFF, TOKEN]).switch(observe=True)
    with pytest.raises(SwitchOff):
        await switch.arm()
    with pytest.raises(Unavailable) as raised:
        await switch.arm()
    assert raised.value.reason is Reason.CREDENTIALS


async def test_the_connection_is_read_once_and_not_after_the_account_read_off(autojump_clock: MockClock) -> None:
    venue = Venue([ON], [ON, ON, OFF, ON, ON, ON])
    switch = venue.switch()
    await switch.arm()
    assert await switch.arm() == PROOF
    assert await switch.confirm() == PROOF
    assert venue.asked == ["connection", "account", "account", "account", "on", "account", "fresh"]
    assert await switch.arm() == PROOF
    assert venue.asked[7:] == ["account", "on", "account", "fresh"], "its own reading says nothing of others any more"


@pytest.mark.parametrize(("answer", "settled"), [("ok", True), (SCOPE, True), (BUSY, False), (SILENT, False)])
async def test_what_is_sent_is_a_fact_first_and_settled_only_by_an_answer(
    answer: Any, settled: bool, autojump_clock: MockClock
) -> None:
    venue = Venue([], [OFF], answer=answer)
    try:
        await venue.switch().turn_off()
    except VenueError as error:
        assert error is answer  # noqa: PT017
    until = 2 * TIMERS.reply_timeout
    assert venue.told[0] == facts.SwitchSent(0.0, False, until)
    assert (facts.SwitchAnswered(0.0, until) in venue.told) is settled


async def test_a_switch_that_still_reads_on_was_not_turned_off(autojump_clock: MockClock) -> None:
    with pytest.raises(Setback, match="still reads on"):
        await Venue([], [ON]).switch().turn_off()
