"""SX Bet's lease: asked for as documented, believed only as far as the venue's own words go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, cast

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from deadman.model import facts
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused, Setback, SwitchOff, Unavailable, VenueError
from deadman.model.facts import Fact
from deadman.model.proof import Coverage, Proof
from deadman.model.secret import Secret
from deadman.transport.http import Answer, Http
from deadman.venues.sxbet.conversation import Conversation
from deadman.venues.sxbet.settings import CUT, SxBetAccount
from deadman.venues.sxbet.switch import Switch
from tests.support.boards import sxbet

WALLET = "0xAbCdEf0000000000000000000000000000000001"
V3 = sxbet("maker")
V2 = replace(V3, api="v2", requestor=WALLET)
NOON = 1_800_000_000.0
ROUND_TRIP = 0.25


@dataclass
class Venue:
    """Answers each request a quarter of a second later; `skew` is how far its clock is ahead of ours."""

    says: dict[str, Any]
    skew: float = 0.0
    dated: bool = True
    status: int = 200
    hangs: bool = False
    fails: VenueError | None = None
    now: float = 1000.0
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    posted: list[Fact] = field(default_factory=list)

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None, within: float
    ) -> Answer:
        self.asked.append((method, path, dict(headers), body))
        self.now += ROUND_TRIP
        if self.hangs:
            await trio.sleep_forever()
        if self.fails is not None:
            raise self.fails
        date = {"date": http_date(self.timestamp() + self.skew)} if self.dated else {}
        return Answer(self.status, date, json.dumps(self.says).encode())

    def timestamp(self) -> float:
        return NOON + self.now - 1000.0

    def switch(self, account: SxBetAccount) -> Switch:
        clock = Clock(lambda: self.now, self.timestamp)
        conversation = Conversation(cast(Http, self), account, Secret("the-key"), clock, self.posted.append)
        return Switch(account, conversation)


def http_date(timestamp: float) -> str:
    return format_datetime(datetime.fromtimestamp(timestamp, UTC), usegmt=True)


def iso(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def granting(seconds: float = 30, skew: float = 0.0, **data: Any) -> dict[str, Any]:
    """A success whose `expiresAt` lies so many seconds after the venue's own now."""
    expiry = iso(NOON + ROUND_TRIP + skew + seconds)
    said = {"requestor": WALLET, "timeoutSeconds": 30, "expiresAt": expiry, **data}
    return {"status": "success", "data": {name: value for name, value in said.items() if value is not None}}


async def test_a_lease_is_asked_for_by_key_alone_in_v3_and_with_the_address_in_v2() -> None:
    v3, v2 = Venue(granting()), Venue(granting())
    await v3.switch(V3).take()
    await v2.switch(V2).take()
    assert v3.asked == [("POST", "/heartbeat/v3", {"x-sx-api-key": "the-key"}, {"timeoutSeconds": 30})]
    body = {"requestor": WALLET, "timeoutSeconds": 30}
    assert v2.asked == [("POST", "/heartbeat", {"x-api-key": "the-key"}, body)]


@pytest.mark.parametrize("account", [V2, V3])
async def test_a_lease_is_dated_from_the_asking_and_lasts_as_long_as_the_venue_echoed(account: SxBetAccount) -> None:
    venue = Venue(granting())
    assert await venue.switch(account).take() == Proof(1000.0, 30.0, Coverage.LEASE)


async def test_what_the_venue_may_have_heard_is_posted_before_it_is_sent() -> None:
    venue = Venue(granting())
    await venue.switch(V3).take()
    assert venue.posted[0] == facts.Attempted(1000.0, 30.0)


async def test_a_renewal_is_the_same_call_again() -> None:
    venue = Venue(granting())
    switch = venue.switch(V3)
    await switch.take()
    venue.now = 1000.0
    await switch.take()
    assert venue.asked[0] == venue.asked[1]


@pytest.mark.parametrize(
    "data",
    [
        {"timeoutSeconds": None},
        {"timeoutSeconds": 10},
        {"timeoutSeconds": 3600},
        {"timeoutSeconds": "30"},
        {"requestor": None},
        {"requestor": "0x0000000000000000000000000000000000000002"},
    ],
)
async def test_v2_protects_nothing_by_an_echo_that_is_not_what_we_asked_for(data: dict[str, Any]) -> None:
    with pytest.raises(SwitchOff):
        await Venue(granting(**data)).switch(V2).take()


async def test_the_echoed_address_may_be_spelled_in_any_case() -> None:
    assert (await Venue(granting(requestor=WALLET.lower())).switch(V2).take()).ttl == 30.0


async def test_v3_may_echo_nothing_but_nothing_wrong() -> None:
    silent = granting(timeoutSeconds=None, requestor=None)
    assert (await Venue(silent).switch(V3).take()).ttl == 30.0
    with pytest.raises(SwitchOff, match="asked for a lease of 30 s, the venue answered 10"):
        await Venue(granting(timeoutSeconds=10)).switch(V3).take()


UNREADABLE = (None, "", "soon", 1800000030, "2027-01-15T08:00:30")


@pytest.mark.parametrize("expiry", UNREADABLE)
@pytest.mark.parametrize(("account", "echo"), [(V2, 30), (V3, None)])
async def test_without_a_readable_expiry_nothing_is_protected(
    account: SxBetAccount, echo: int | None, expiry: Any
) -> None:
    with pytest.raises(SwitchOff, match="expiresAt"):
        await Venue(granting(expiresAt=expiry, timeoutSeconds=echo)).switch(account).take()


@pytest.mark.parametrize("expiry", UNREADABLE)
async def test_a_lease_that_v3_grants_without_its_end_stands_and_proves_nothing(expiry: Any) -> None:
    venue = Venue(granting(expiresAt=expiry))
    with pytest.raises(Setback, match="leased, expiry unknown, no proof"):
        await venue.switch(V3).take()
    assert [fact.sure for fact in venue.posted if isinstance(fact, facts.LeaseGranted)] == [30.0]


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("left", [-3600.0, -5.0])
async def test_a_lease_that_has_already_ended_protects_nothing(left: float, dated: bool) -> None:
    with pytest.raises(SwitchOff, match="ended"):
        await Venue(granting(left), dated=dated).switch(V3).take()


async def test_a_lease_shorter_than_its_echo_is_believed_only_so_far() -> None:
    proof = await Venue(granting(12.0)).switch(V3).take()
    assert proof.ttl == pytest.approx(12.0, abs=1.0)


@pytest.mark.parametrize("skew", [-7200.0, -20.0, 20.0, 7200.0])
async def test_a_clock_that_is_wrong_on_either_side_costs_no_lease(skew: float) -> None:
    venue = Venue(granting(skew=skew), skew=skew)
    assert await venue.switch(V3).take() == Proof(1000.0, 30.0, Coverage.LEASE)
    offset = next(fact.offset for fact in venue.posted if isinstance(fact, facts.ClockCompared))
    assert offset == pytest.approx(skew, abs=1.0)


async def test_a_date_header_that_is_wrong_by_itself_costs_no_lease_either() -> None:
    assert (await Venue(granting(), skew=7200.0).switch(V3).take()).ttl == 30.0


async def test_of_two_clocks_that_disagree_the_kinder_one_decides() -> None:
    assert (await Venue(granting(-10.0, skew=20.0), skew=20.0).switch(V3).take()).ttl == pytest.approx(10.0)
    assert (await Venue(granting(10.0, skew=-20.0), skew=-20.0).switch(V3).take()).ttl == pytest.approx(10.0, abs=1.0)


@given(st.floats(-1e5, 1e5), st.floats(-1e5, 1e5), st.booleans())
async def test_no_claim_outlasts_what_was_asked_for_nor_begins_later_than_the_asking(
    left: float, skew: float, dated: bool
) -> None:
    try:
        proof = await Venue(granting(left, skew=skew), skew=skew, dated=dated).switch(V3).take()
    except SwitchOff:
        return
    assert proof.asked_at == 1000.0
    assert 0 < proof.ttl <= 30.0


@pytest.mark.parametrize(
    ("says", "status", "kind"),
    [
        ({"status": "failure", "errorCode": "BAD_AUTH"}, 401, Refused),
        ({"error": "Bad Request", "message": "no longer supported", "statusCode": 400}, 400, Refused),
        ({"status": "failure", "errorCode": "X"}, 200, Refused),
        ({"data": {"timeoutSeconds": 30, "expiresAt": iso(NOON + 30)}}, 200, Unavailable),
        ({}, 503, Unavailable),
    ],
)
async def test_no_answer_but_a_success_in_words_is_a_lease(says: Any, status: int, kind: type[Exception]) -> None:
    venue = Venue(says, status=status)
    with pytest.raises(kind):
        await venue.switch(V3).take()
    assert [fact.code for fact in venue.posted if isinstance(fact, facts.Erred)] == [str(status)]


@pytest.mark.parametrize("account", [V2, V3])
async def test_a_cut_asks_for_one_second(account: SxBetAccount) -> None:
    venue = Venue(granting(1.0, timeoutSeconds=1))
    await venue.switch(account).end(CUT)
    assert venue.asked[0][3]["timeoutSeconds"] == 1
    assert venue.posted[-1] == facts.LeaseGranted(1000.25, 1000.0, 1.0, 1.0)


async def test_a_cut_lease_that_is_over_already_is_what_was_wanted() -> None:
    await Venue(granting(-60.0, timeoutSeconds=1)).switch(V3).end(CUT)


async def test_a_cut_that_the_venue_answers_with_another_number_is_to_be_repeated_and_that_number_counts() -> None:
    venue = Venue(granting(1.0))
    with pytest.raises(Setback, match="asked for a lease of 1 s, the venue answered 30"):
        await venue.switch(V3).end(CUT)
    assert venue.posted[-1] == facts.LeaseGranted(1000.25, 1000.0, 30.0, None, stands=True)


@pytest.mark.parametrize(
    ("data", "stands"),
    [
        ({"timeoutSeconds": 3}, True),
        ({"timeoutSeconds": None}, True),
        ({"timeoutSeconds": 0}, False),
        ({"timeoutSeconds": 1, "requestor": "0x0000000000000000000000000000000000000002"}, None),
        ({"timeoutSeconds": 0, "requestor": "0x0000000000000000000000000000000000000002"}, False),
    ],
)
async def test_a_wrong_echo_is_a_lease_all_the_same_unless_it_names_none_or_another_wallet(
    data: dict[str, Any], stands: bool | None
) -> None:
    venue = Venue(granting(1.0, **data))
    with pytest.raises(Setback):
        await venue.switch(V2).end(CUT)
    granted = venue.posted[-1]
    assert isinstance(granted, facts.LeaseGranted)
    assert (granted.sure, granted.stands) == (None, stands)


async def test_nought_is_sent_by_a_disarm_alone() -> None:
    venue = Venue(granting(0.0, timeoutSeconds=0))
    await venue.switch(V3).end(0)
    assert venue.asked[0][3] == {"timeoutSeconds": 0}
    assert venue.posted[0] == facts.Attempted(1000.0, 0.0)
    assert venue.posted[-1] == facts.LeaseGranted(1000.25, 1000.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("account", "data"),
    [
        (V2, {"timeoutSeconds": 5}),
        (V3, {"timeoutSeconds": 5}),
        (V2, {"timeoutSeconds": None}),
        (V2, {"timeoutSeconds": 0, "requestor": "0x0000000000000000000000000000000000000002"}),
        (V3, {"timeoutSeconds": None, "expiresAt": iso(NOON + 30)}),
    ],
)
async def test_a_nought_that_the_venue_answers_with_a_lease_lets_nothing_go(
    account: SxBetAccount, data: dict[str, Any]
) -> None:
    venue = Venue(granting(0.0, **{"timeoutSeconds": 0, **data}))
    with pytest.raises(Setback):
        await venue.switch(account).end(0)
    granted = venue.posted[-1]
    assert isinstance(granted, facts.LeaseGranted)
    assert granted.sure is None
    assert granted.ttl == (data.get("timeoutSeconds") or 0.0)


@pytest.mark.parametrize("skew", [-400.0, 0.0, 400.0])
async def test_v3_may_echo_nothing_of_a_nought_whatever_either_clock_says(skew: float) -> None:
    await Venue(granting(0.0, skew=skew, timeoutSeconds=None), skew=skew).switch(V3).end(0)


@pytest.mark.parametrize(
    ("status", "says", "end"),
    [
        (400, {"status": "failure"}, facts.LeaseDenied(1000.25, 1000.0)),
        (401, {}, facts.LeaseDenied(1000.25, 1000.0)),
        (429, {}, facts.LeaseDenied(1000.25, 1000.0)),
        (200, {"status": "failure"}, facts.LeaseDenied(1000.25, 1000.0)),
        (200, {}, facts.LeaseGivenUp(1000.25, 1000.0)),
        (408, {}, facts.LeaseGivenUp(1000.25, 1000.0)),
        (502, {}, facts.LeaseGivenUp(1000.25, 1000.0)),
    ],
)
async def test_what_becomes_of_a_request_is_posted_however_it_ends(
    status: int, says: dict[str, Any], end: Fact
) -> None:
    venue = Venue(says, status=status)
    with pytest.raises(VenueError):
        await venue.switch(V3).take()
    assert venue.posted[-1] == end


async def test_a_renewal_that_we_are_called_away_from_may_be_heard_later(autojump_clock: MockClock) -> None:
    venue = Venue(granting(), hangs=True)
    with trio.move_on_after(1.0):
        await venue.switch(V3).take()
    assert venue.posted[-1] == facts.LeaseGivenUp(1000.25, 1000.0)


@pytest.mark.parametrize(("reason", "end"), [(Reason.CONNECT, facts.LeaseDenied), (Reason.SILENT, facts.LeaseGivenUp)])
async def test_a_request_that_never_left_us_is_not_heard_later(reason: Reason, end: type[Fact]) -> None:
    venue = Venue({}, fails=Unavailable(reason))
    with pytest.raises(Unavailable):
        await venue.switch(V3).take()
    assert isinstance(venue.posted[-1], end)


async def test_a_disarm_the_venue_did_not_confirm_is_not_done() -> None:
    with pytest.raises(Refused):
        await Venue({"status": "failure"}, status=400).switch(V3).end(0)


async def test_observing_sends_nothing_at_all_and_looks_again_three_times_a_minute() -> None:
    venue = Venue(granting())
    with pytest.raises(Setback, match="observing") as told:
        await venue.switch(replace(V3, observe=True)).take()
    assert venue.asked == []
    assert told.value.pause == 20.0


async def test_no_secret_is_in_anything_that_is_posted_or_raised() -> None:
    venue = Venue({"status": "failure", "errorCode": "BAD_AUTH"}, status=401)
    with pytest.raises(Refused) as refused:
        await venue.switch(V3).take()
    assert "the-key" not in f"{refused.value} {venue.posted}"


async def test_a_key_that_the_venue_repeats_in_its_complaint_is_told_to_nobody() -> None:
    venue = Venue({"status": "failure", "errorCode": "no such key: the-key"}, status=401)
    with pytest.raises(Refused, match=r"no such key: \*\*\*") as error:
        await venue.switch(V3).take()
    assert "the-key" not in str(error.value) + repr(error.value)
